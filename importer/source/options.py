"""What a mapping may say about its files, as this package needs it."""

from __future__ import annotations

from typing import Literal, Protocol

Format = Literal["csv", "parquet"]


class SourceOptions(Protocol):
    """The ``source`` section of a mapping. ``None`` means: recognise it in the file.

    ``quote`` is one character, or empty for files that quote nothing. ``skip_rows`` counts physical lines before the
    header. ``null_values`` stand beside the empty cell.
    """

    @property
    def format(self) -> Format | None: ...  # noqa: D102  (described above)
    @property
    def separator(self) -> str | None: ...  # noqa: D102
    @property
    def quote(self) -> str | None: ...  # noqa: D102
    @property
    def encoding(self) -> str | None: ...  # noqa: D102
    @property
    def null_values(self) -> tuple[str, ...]: ...  # noqa: D102
    @property
    def skip_rows(self) -> int: ...  # noqa: D102
