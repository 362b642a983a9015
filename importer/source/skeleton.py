"""Whether every line of a block is one good record, told by its separators, quotes and line ends alone.

These bytes are taken out of the block as a column, many at a time. A mark of quotation opens a field, or closes it, in
turns; a doubled one inside a field closes it and opens it again. So what stands between the second, fourth, sixth ...
quote and the next one is outside of fields, and there every line must have the same separators.
"""

from __future__ import annotations

import polars as pl
import pyarrow as pa

_LF, _CR = b"\n\r"


def is_uniform(lines: bytes, separator: bytes, quote: bytes, fields: int) -> bool:
    """Whether each of ``lines``, which end with a line end, has so many fields, and none of them a line end.

    False for some lines that are good, too: a line end of another kind, for instance. Of two fields or more.
    """
    data = _column(lines)
    marks = (data == separator[0]) | (data == _LF) | (data == _CR)
    if quote and quote in lines:
        is_quote = data == quote[0]
        if not _are_around_fields(data, is_quote.arg_true(), separator[0], quote[0]):
            return False
        skeleton = data.filter(marks | is_quote)
        is_quote = skeleton == quote[0]
        is_inside = is_quote.cum_sum() % 2 == 1
        inner, skeleton = skeleton.filter(is_inside & ~is_quote), skeleton.filter(~is_inside & ~is_quote)
        if ((inner == _LF) | (inner == _CR)).any():
            return False
    else:
        skeleton = data.filter(marks)
    found = _bytes(skeleton)
    is_windows = found[fields - 1 : fields] == b"\r"
    unit = separator * (fields - 1) + (b"\r\n" if is_windows else b"\n")
    count = len(found) // len(unit)
    # The skeleton does not show what stands between a carriage return and the line end behind it.
    return found == unit * count and (not is_windows or lines.count(b"\r\n") == count)


def _are_around_fields(data: pl.Series, quotes: pl.Series, separator: int, quote: int) -> bool:
    """Whether quotes open where a field begins and close where it ends, or are doubled."""
    opening, closing = quotes.gather_every(2), quotes.gather_every(2, 1)
    if len(opening) != len(closing):
        return False
    if opening[0] == 0:
        opening = opening.slice(1)
    before, behind = data.gather(opening - 1), data.gather(closing + 1)
    begins = (before == separator) | (before == _LF) | (before == quote)
    ends = (behind == separator) | (behind == _LF) | (behind == _CR) | (behind == quote)
    return begins.all() and ends.all()


def _column(block: bytes) -> pl.Series:
    return pl.Series(pa.Array.from_buffers(pa.uint8(), len(block), [None, pa.py_buffer(block)]))


def _bytes(column: pl.Series) -> bytes:
    arrow = column.rechunk().to_arrow()
    return arrow.buffers()[1].slice(arrow.offset, len(arrow)).to_pybytes() if len(arrow) else b""
