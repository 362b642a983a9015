"""Bulk importer of historical events into Commanders Act.

The command line is ``importer``, the path of the data is :mod:`importer.pipeline`. From Python:

>>> import importer
>>> report = importer.validate("orders.yaml", "exports/")  # doctest: +SKIP
>>> report = importer.run("orders.yaml", "exports/", site="1234", source_key=key)  # doctest: +SKIP

What is behind these names is loaded when one of them is used: importing the package costs next to nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from importer.api import Encoded, encode, load_mapping, retry, run, validate
    from importer.errors import (
        DestinationRefused,
        DestinationUnavailable,
        ExitCode,
        Imbalance,
        ImporterError,
        ImportLocked,
        Interrupted,
        MappingInvalid,
        SourceChanged,
        SourceUnreadable,
        StateUnusable,
        TooManyRejects,
        UsageInvalid,
    )
    from importer.mapping.document import Document
    from importer.records import Reject
    from importer.report import Report
    from importer.stop import Stop

__all__ = [
    "DestinationRefused",
    "DestinationUnavailable",
    "Document",
    "Encoded",
    "ExitCode",
    "Imbalance",
    "ImportLocked",
    "ImporterError",
    "Interrupted",
    "MappingInvalid",
    "Reject",
    "Report",
    "SourceChanged",
    "SourceUnreadable",
    "StateUnusable",
    "Stop",
    "TooManyRejects",
    "UsageInvalid",
    "encode",
    "load_mapping",
    "retry",
    "run",
    "validate",
]

_ELSEWHERE = {
    "Document": "importer.mapping.document",
    "Reject": "importer.records",
    "Report": "importer.report",
    "Stop": "importer.stop",
} | dict.fromkeys(("Encoded", "encode", "load_mapping", "retry", "run", "validate"), "importer.api")


def __getattr__(name: str) -> Any:  # noqa: ANN401 -- whatever the name stands for
    """The public name ``name``, from the module that it lives in."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_ELSEWHERE.get(name, "importer.errors")), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
