"""How the bytes of an unknown text file are to be read: encoding, separator, quote, and lines above the header."""

from __future__ import annotations

import codecs
import csv
import re
from collections import Counter
from dataclasses import dataclass

from importer.errors import SourceUnreadable

SEPARATORS = ",;\t|~^"
_MOST_LINES = 200
_MOST_BROKEN = 0.1
"""Share of the characters beyond ASCII that may be broken in a file that is UTF-8 all the same."""
_CONTROLS = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_MULTIBYTE = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
_LONG_RUN = re.compile(rb"[\x80-\xff]{4,}")
"""Words of other alphabets than the Latin one."""
_HIGH = re.compile(rb"[\x80-\xff]")
_ONE_BYTE = ("latin-1", "windows-1252", "mac-roman", "cp850")  # the first of equals wins
_WEIGHTS = (
    dict.fromkeys("éèêëàâäçùûüôöîïñáíóúßøåæœãõ", 3)
    | dict.fromkeys("ìòÉÈÊÀÂÇÔÎŒÄÖÜÅØÆÑÁÍÓÚ", 1)
    | dict.fromkeys("€“”—…°«»£§²³·™®©ºª¿¡\u00a0\u2013\u2018\u2019", 1)
)
"""How much a character beyond ASCII speaks for an encoding in which a byte means it; others speak against it."""
_WIDE = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@dataclass(frozen=True, slots=True)
class Layout:
    """How records are written: ``skip_rows`` physical lines, then a header with ``columns`` names."""

    separator: str
    quote: str
    skip_rows: int
    columns: int


def encoding_of(name: str, parts: list[bytes]) -> str:
    """The encoding of ``parts`` of the file ``name``, as the mapping writes it; ``utf-8`` with or without a mark.

    Raises:
        SourceUnreadable: it is no text, or in no encoding that is recognised.
    """
    if parts[0].startswith(_WIDE):
        return "utf-16"
    if _CONTROLS.search(parts[0]):
        raise SourceUnreadable(
            f"{name}: is not text: it has control characters such as a NUL.", "Export it as CSV (UTF-8) or Parquet."
        )
    high = sum(len(_HIGH.findall(part)) for part in parts)
    good = sum(sum(map(len, _MULTIBYTE.findall(part))) for part in parts)
    if high - good <= _MOST_BROKEN * high:
        return "utf-8"
    foreign = sum(len(run) for part in parts for run in _LONG_RUN.findall(part))
    best = max(_ONE_BYTE, key=lambda encoding: _plausibility(parts, encoding))
    if foreign * 2 > high or _plausibility(parts, best) <= 0:
        raise SourceUnreadable(
            f"{name}: its characters beyond ASCII are neither UTF-8 nor plausible as {', '.join(_ONE_BYTE)}.",
            "Convert it to UTF-8 first: iconv -f ITS-ENCODING -t utf-8 old.csv > new.csv",
        )
    return best


def _plausibility(parts: list[bytes], encoding: str) -> int:
    """How plausible the characters beyond ASCII are, as letters and signs that texts have."""
    found: Counter[str] = Counter()
    for part in parts:
        found.update(b"".join(_HIGH.findall(part)).decode(encoding, "replace"))
    return sum(count * _WEIGHTS.get(character, -1) for character, count in found.items())


def layout_of(name: str, text: str) -> Layout:
    """Separator, quote and header of ``text``, the beginning of the file ``name``.

    The separator is the sign that cuts most lines into the same number of cells. What stands above the first such line
    is left out.

    Raises:
        SourceUnreadable: nothing cuts its lines.
    """
    lines = [line.rstrip("\r") for line in text.removeprefix("\ufeff").split("\n")[:_MOST_LINES]]
    if not any(line.strip() for line in lines):
        raise SourceUnreadable(f"{name}: is empty: it has blank lines only.", "Was the export complete?")
    if "\n" not in text and "\r" in text.rstrip("\r"):
        raise SourceUnreadable(
            f"{name}: its lines end in a lone carriage return (old Macintosh).",
            "Convert it first: tr '\\r' '\\n' < old.csv > new.csv",
        )
    quote = _quote(lines)
    scores = {sign: _score(lines, sign, quote) for sign in SEPARATORS}
    separator = max(SEPARATORS, key=lambda sign: (scores[sign], -SEPARATORS.index(sign)))
    share, columns = scores[separator]
    if columns <= 1 or not share:
        header = next(line for line in lines if line.strip())
        raise SourceUnreadable(
            f"{name}: has one column only, `{header[:60]}`: none of , ; | ~ ^ and tab cuts its lines.",
            "Export it with a separator between the columns.",
        )
    headers = (index for index, line in enumerate(lines) if _is_header(_cells(line, separator, quote), columns))
    if (skipped := next(headers, None)) is None:
        raise SourceUnreadable(f"{name}: no line of it names its columns.", "Add a line of column names.")
    return Layout(separator, quote, skipped if any(line.strip() for line in lines[:skipped]) else 0, columns)


def _quote(lines: list[str]) -> str:
    r"""The sign around cells: ``'`` where more cells begin and end with it than with ``"``."""
    single = sum(len(re.findall(r"(?:^|[,;\t|])'[^']*'(?=[,;\t|]|$)", line)) for line in lines)
    double = sum(len(re.findall(r'(?:^|[,;\t|])"[^"]*"(?=[,;\t|]|$)', line)) for line in lines)
    return "'" if single > double + len(lines) // 2 else '"'


def _cells(line: str, separator: str, quote: str) -> list[str]:
    """The cells of a line; none where it is no record, as with a carriage return in its middle."""
    try:
        return next(csv.reader([line], delimiter=separator, quotechar=quote), [])
    except csv.Error:
        return []


def _score(lines: list[str], separator: str, quote: str) -> tuple[float, int]:
    """The share of the lines with cells that have the most frequent number of them, and that number."""
    counts = Counter(len(_cells(line, separator, quote)) for line in lines if line.strip())
    several = {count: lines_of for count, lines_of in counts.items() if count > 1}
    if not several:
        return 0, 1
    columns = max(several, key=lambda count: (several[count], count))
    return round(several[columns] / counts.total(), 1), columns


def _is_header(cells: list[str], columns: int) -> bool:
    """Whether a line can be the header: so many cells, and names in most of them."""
    return len(cells) == columns and sum(not cell.strip() for cell in cells) * 2 < columns
