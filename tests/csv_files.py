"""CSV files written in every way there is, and damaged in every way there is.

Everything is drawn from a ``random.Random``. Each cell begins with the sign of its column (``AAA``, ``BBB``, ...),
which no single changed byte turns into that of another one: so a cell in the wrong column is seen without any reader.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Sequence

SEPARATORS = [",", ",", ";", "\t", "|", "^", "~", ":", " "]
QUOTES = ['"', '"', '"', "'", "`", ""]
LETTERS = {
    "utf-8": "aé€😀\u2028\ufeff\x85\x00-=",
    "utf-16": "aé€😀\u2028-=",
    "utf-16-le": "aé€😀\u0a0d\u2c2c\x00",  # these have the bytes of line ends and commas in them
    "utf-16-be": "aé€😀\u0d0a\u222c",
    "utf-32": "aé€😀",
    "latin-1": "aéÿ\x85\xa0",
    "cp1252": "aé€œ",
    "shift_jis": "a注文ソ表\uff76",  # the second byte of two of them is a backslash
    "gb18030": "aé€😀\u9c9c",
}
SIGNS = "ABCDEFGH"
_SIGN = re.compile(r"([A-H])\1\1")


@dataclass(frozen=True)
class Writing:
    """How a file is written. ``lead`` is what stands above the header: skipped lines, and then blank ones."""

    separator: str
    quote: str
    line_end: str
    encoding: str
    names: tuple[str, ...]
    skip_rows: int = 0
    lead: str = ""
    mark: bytes = b""

    @property
    def width(self) -> int:
        return len(self.names)

    def quoted(self, cell: str) -> str:
        return self.quote + cell.replace(self.quote, self.quote * 2) + self.quote if self.quote else cell

    def needs_quotes(self, cell: str) -> bool:
        signs = {self.separator, self.quote or "\n", "\n", "\r"}
        return any(sign in cell for sign in signs) or (self.width == 1 and not cell)

    def record(self, cells: list[str], line_end: str | None = None) -> str:
        return self.separator.join(cells) + (self.line_end if line_end is None else line_end)

    def encode(self, text: str) -> bytes:
        return self.mark + text.encode(self.encoding)


class Drawn(NamedTuple):
    """A good file: how it is written, the text of its header, its records, and the cells of each."""

    writing: Writing
    header: str
    records: list[str]
    cells: list[tuple[str, ...]]

    @property
    def data(self) -> bytes:
        return self.writing.encode(self.header + "".join(self.records))


def draw(chance: random.Random, *, most_records: int = 12) -> Drawn:
    """A good file."""
    writing = _writing(chance)
    names = [writing.quoted(name) if _is_quoted(chance, writing, name) else name for name in writing.names]
    cells = [_cells(chance, writing, number) for number in range(chance.randint(0, most_records))]
    records = [
        writing.record([writing.quoted(cell) if _is_quoted(chance, writing, cell) else cell for cell in row])
        for row in cells
    ]
    if records and chance.random() < 0.3:
        records[-1] = records[-1].removesuffix(writing.line_end)
    return Drawn(writing, writing.lead + writing.record(names), records, cells)


def _writing(chance: random.Random) -> Writing:
    quote = chance.choice(QUOTES)
    encoding = chance.choice([*LETTERS, *["utf-8"] * 6])
    line_end = chance.choice(["\n", "\n", "\r\n"])
    separator = chance.choice(SEPARATORS)
    skip_rows = chance.choice([0, 0, 0, 1, 3])
    lead = f"Report of{separator}orders{line_end}" * skip_rows + line_end * chance.choice([0, 0, 0, 2])
    mark = codecs.BOM_UTF8 if encoding == "utf-8" and chance.random() < 0.3 else b""
    shapes = ["n{}", "n {}", "N-{}"] + (["n{}" + separator, "n{}\n", f"{quote}n{{}}"] if quote else [])
    names = tuple(chance.choice(shapes).format(number) for number in range(chance.choice([1, 2, 3, 3, 4, 8])))
    plain = Writing(separator, quote, line_end, encoding, names, skip_rows, lead, mark)
    fits = quote or not any(plain.needs_quotes(name) for name in names)
    return plain if fits else replace(plain, names=tuple(f"n{number}" for number in range(len(names))))


def _is_quoted(chance: random.Random, writing: Writing, cell: str) -> bool:
    return bool(writing.quote) and (writing.needs_quotes(cell) or chance.random() < 0.3)


def _cells(chance: random.Random, writing: Writing, row: int) -> tuple[str, ...]:
    cells = tuple(_cell(chance, writing, column, row) for column in range(writing.width))
    if writing.quote:
        return cells
    # Nothing can be quoted: what would have to be is not there, and neither is a line of nothing.
    return tuple("".join("_" if writing.needs_quotes(sign) else sign for sign in cell) for cell in cells)


def _cell(chance: random.Random, writing: Writing, column: int, row: int) -> str:
    if writing.width > 1 and chance.random() < 0.15:
        return ""
    letters = LETTERS[writing.encoding] + writing.separator + writing.quote + "\n\r' "
    length = chance.choice([0, 0, 2, 5, 5, 400])
    return SIGNS[column] * 3 + str(row) + "".join(chance.choice(letters) for _ in range(length))


# Damage. Each kind changes one record of a file, or its bytes.


def _short(writing: Writing, record: str, at: int) -> str:
    place = record.rfind(writing.separator, 0, max(at, 1))
    return record[place + 1 :] if place >= 0 else writing.line_end


def _unclosed(writing: Writing, record: str, at: int) -> str:
    place = record.find(writing.separator, at) + 1
    return record[:place] + (writing.quote or '"') + record[place:]


def _other(separator: str) -> str:
    return "," if separator == ";" else ";"


DAMAGE: dict[str, Callable[[Writing, str, int], str]] = {
    "short": _short,
    "long": lambda writing, record, at: record[:at] + writing.separator + record[at:],
    "stray quote": lambda writing, record, at: record[:at] + (writing.quote or '"') + record[at:],
    "unclosed quote": _unclosed,
    "text after quote": lambda writing, record, _: writing.quoted("AAA") + "x" + record,
    "carriage return": lambda _, record, at: record[:at] + "\r" + record[at:],
    "line feed": lambda _, record, at: record[:at] + "\n" + record[at:],
    "mixed ends": lambda writing, record, _: (
        record.rstrip("\r\n") + {"\n": "\r\n", "\r\n": "\n"}[writing.line_end] + writing.line_end
    ),
    "blank": lambda writing, record, at: writing.line_end * (1 + at % 3) + record,
    "nul": lambda _, record, at: record[:at] + "\0" + record[at:],
    "wrong separator": lambda writing, record, _: record.replace(writing.separator, _other(writing.separator)),
    "no line end": lambda _, record, __: record.rstrip("\r\n"),
    "twice": lambda _, record, __: record * 2,
}  # fmt: skip


def damage(chance: random.Random, file: Drawn) -> tuple[bytes, list[str]]:
    """The bytes of ``file`` after some damage, and what was done. The header stays as it is."""
    records, done = list(file.records), []
    for index in chance.sample(range(len(records)), min(chance.choice([1, 1, 2, 4]), len(records))):
        kind = chance.choice([*DAMAGE])
        records[index] = DAMAGE[kind](file.writing, records[index], chance.randint(0, len(records[index])))
        done.append(kind)
    data, start = file.writing.encode(file.header + "".join(records)), len(file.writing.encode(file.header))
    if chance.random() < 0.3 and start < len(data):
        data, kind = _bytes_damaged(chance, data, start)
        done.append(kind)
    return data, done


# Damage about which all readers are of one opinion: whole cells, and nothing within them.


def damage_of_cells(chance: random.Random, file: Drawn, kinds: Sequence[str]) -> tuple[bytes, list[str]]:
    """As :func:`damage`, with other records between those of ``file``, each one damaged in one of ``kinds``."""
    writing, records, done = file.writing, list(file.records), []
    if records and not records[-1].endswith(writing.line_end):
        records[-1] += writing.line_end
    for _ in range(chance.randint(1, 4)):
        kind = chance.choice(kinds)
        records.insert(chance.randint(0, len(records)), _of_cells(writing, kind, chance.randint(1, 3)))
        done.append(kind)
    data = writing.encode(file.header + "".join(records))
    return data.replace(ALIEN.encode(writing.encoding), b"\xff") if "alien" in kinds else data, done


ALIEN = "ALIEN"


def _of_cells(writing: Writing, kind: str, count: int) -> str:
    cells = [writing.quoted(SIGNS[column] * 3) for column in range(writing.width)]
    match kind:
        case "short":
            return writing.record(cells[:-count] or cells[:1])  # of one cell: a good record
        case "long":
            return writing.record(cells + cells[:1] * count)
        case "text after quote":
            return writing.record([f"{writing.quoted('AAA')}x", *cells[1:]])
        case "blank":
            return writing.line_end * count
        case "wrong separator":
            return writing.record(cells).replace(writing.separator, _other(writing.separator))
    return writing.record([ALIEN if kind == "alien" else "A\0A", *cells[1:]])


def _bytes_damaged(chance: random.Random, data: bytes, start: int) -> tuple[bytes, str]:
    at = chance.randrange(start, len(data))
    kind = chance.choice(["cut", "flipped", "alien", "zeroed", "lost"])
    changed = {
        "cut": data[:at],
        "flipped": data[:at] + bytes([data[at] ^ (1 << chance.randrange(8))]) + data[at + 1 :],
        "alien": data[:at] + chance.choice([b"\xff", b"\xe9", b"\xed\xb2\x80", b"\xc0\x80", b"\x81"]) + data[at:],
        "zeroed": data[:at] + b"\0\0\0\0" + data[at + 4 :],
        "lost": data[:at] + data[at + 1 :],
    }
    return changed[kind], kind


def column_of(cell: str) -> int | None:
    """The column that the first sign in ``cell`` belongs to, ``None`` where it has none."""
    sign = _SIGN.search(cell)
    return SIGNS.index(sign[1]) if sign else None
