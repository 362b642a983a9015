"""What a user does wrong: each mistake has its message, its exit code, and sends nothing."""

from __future__ import annotations

import bz2
import gzip
import os
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pytest

from importer.cli import main
from importer.errors import SourceUnreadable
from importer.plan import plan
from importer.settings import RunSettings

if TYPE_CHECKING:
    from collections.abc import Callable

HEADER = "order_id,total,customer,at\n"
GOOD = "001,12.50,c1,2024-01-02T03:04:05Z\n002,3,c2,2024-01-02T03:04:06Z\n"
MAPPING = """\
version: 1
event: purchase
key: order_id
fields:
  id: order_id
  value: total
  user.id: customer
  context.event_timestamp: at
"""


@dataclass(frozen=True)
class Case:
    name: str
    exit_code: int
    says: tuple[str, ...]
    mapping: str = MAPPING
    data: bytes | str = HEADER + GOOD
    file: str = "orders.csv"
    command: tuple[str, ...] = ("validate", "mapping.yaml", "{file}")
    prepare: Callable[[Path], object] | None = None


def _zip(folder: Path) -> None:
    with zipfile.ZipFile(folder / "orders.csv", "w") as archive:
        archive.writestr("orders.csv", HEADER + GOOD)


def _xlsx(folder: Path) -> None:
    with zipfile.ZipFile(folder / "orders.xlsx", "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("xl/workbook.xml", "<workbook/>")


def _parquet(folder: Path, damage: Callable[[bytes], bytes] = bytes, name: str = "orders.parquet") -> None:
    frame = pl.DataFrame({"order_id": ["1"], "total": [1.0], "customer": ["c"], "at": ["2024-01-01T00:00:00Z"]})
    frame.write_parquet(folder / "whole.parquet")
    (folder / name).write_bytes(damage((folder / "whole.parquet").read_bytes()))
    (folder / "whole.parquet").unlink()


RUN = ("run", "mapping.yaml", "{file}", "--url", "http://127.0.0.1:9")
CASES = [
    Case("no such mapping", 2, ("maping.yaml", "mapping.yaml"), command=("validate", "maping.yaml", "{file}")),
    Case("no such file", 4, ("order.csv", "orders.csv"), command=("validate", "mapping.yaml", "order.csv")),
    Case("no such option", 2, ("--rat",), command=("validate", "mapping.yaml", "{file}", "--rat", "3")),
    Case("rate of nothing", 2, ("--rate",), command=("validate", "mapping.yaml", "{file}", "--rate", "0")),
    Case("no such command", 2, ("validate",), command=("validat", "mapping.yaml")),
    Case("no site", 2, ("IMPORTER_SITE", "--sandbox"), command=RUN),
    Case("no source key", 2, ("IMPORTER_SOURCE_KEY", "--source-key-file"), command=(*RUN, "--site", "1")),
    Case(
        "key file missing",
        2,
        ("key.txt",),
        command=(*RUN, "--site", "1", "--source-key-file", "key.txt"),
    ),
    Case("a URI as source", 2, ("not built yet",), command=("validate", "mapping.yaml", "s3://bucket/orders.csv")),
    Case("stdin as source", 2, ("not built yet",), command=("validate", "mapping.yaml", "-")),
    Case("unknown column", 4, ("totl", "total", "line 6"), mapping=MAPPING.replace("value: total", "value: totl")),
    Case("unknown key", 2, ("colum", "column", "line 6"), mapping=MAPPING.replace("total", "{colum: total}")),
    Case("no key", 2, ("key: position",), mapping=MAPPING.replace("key: order_id\n", "")),
    Case(
        "no timestamp", 2, ("context.event_timestamp",), mapping=MAPPING.replace("  context.event_timestamp: at\n", "")
    ),
    Case("no user", 2, ("user",), mapping=MAPPING.replace("  user.id: customer\n", "")),
    Case("a tab in YAML", 2, ("tab", "line 5"), mapping=MAPPING.replace("  id: order_id", "\tid: order_id")),
    Case(
        "a key twice",
        2,
        ("duplicate key", "line 6", "line 5"),
        mapping=MAPPING.replace("  value: total", "  id: order_id"),
    ),
    Case("empty mapping", 2, ("version: 1",), mapping=""),
    Case("unknown zone", 2, ("Europe/Pari", "Europe/Paris"), mapping=MAPPING + "timezone: Europe/Pari\n"),
    Case("SQL that is none", 2, ("line 6",), mapping=MAPPING.replace("value: total", 'value: {sql: "total *"}')),
    Case("computing with text", 2, ("source", "total"), mapping=MAPPING.replace("total", '{sql: "total * 2"}', 1)),
    Case("an aggregate", 2, ("group_by",), mapping=MAPPING.replace("value: total", 'value: {sql: "SUM(total)"}')),
    Case("the clock", 2, ("NOW",), mapping=MAPPING.replace("value: total", 'value: {sql: "NOW()"}')),
    Case(
        "naive times", 2, ("timezone", "line 8"), mapping=MAPPING.replace(": at", ': {column: at, format: "%d/%m/%Y"}')
    ),
    Case("empty file", 4, ("empty",), data=""),
    Case("duplicate header", 4, ("total",), data="order_id,total,total,at\n"),
    Case("CR line ends", 4, ("carriage return", "Convert"), data=(HEADER + GOOD).replace("\n", "\r")),
    Case(
        "wrong separator",
        4,
        (";",),
        data=(HEADER + GOOD).replace(",", ";"),
        mapping=MAPPING + 'source: {separator: ","}\n',
    ),
    Case("Latin-1 header", 4, ("latin-1",), data="order_id,total,customer,at,prénom\n".encode("latin-1")),
    Case("UTF-16", 4, ("utf-16",), data=(HEADER + GOOD).encode("utf-16")),
    Case("a workbook", 4, ("xlsx", "CSV"), file="orders.xlsx", prepare=_xlsx),
    Case("a zip", 4, ("zip",), prepare=_zip),
    Case("bzip2", 4, ("bz",), data=bz2.compress(HEADER.encode())),
    Case("gzip", 4, ("gz",), data=gzip.compress(HEADER.encode())),
    Case("a Parquet file named CSV", 4, ("Parquet",), prepare=lambda folder: _parquet(folder, name="orders.csv")),
    Case("a CSV named Parquet", 4, ("Parquet",), file="orders.parquet"),
    Case(
        "truncated Parquet",
        4,
        ("orders.parquet",),
        file="orders.parquet",
        prepare=lambda f: _parquet(f, lambda b: b[:-40]),
    ),
    Case("a FIFO", 4, ("orders.csv",), prepare=lambda folder: os.mkfifo(folder / "orders.csv")),
    Case("an empty folder", 4, ("empty",), file="empty", prepare=lambda folder: (folder / "empty").mkdir()),
    Case("a bad amount", 3, ("orders.csv:3", "abc", "total"), data=HEADER + GOOD + "003,abc,c,2024-01-01T00:00:00Z\n"),
    Case("a blank time", 3, ("orders.csv:3", "time"), data=HEADER + GOOD + "003,1,c,\n"),
    Case(
        "an impossible date", 3, ("orders.csv:3", "2024-02-30"), data=HEADER + GOOD + "003,1,c,2024-02-30T00:00:00Z\n"
    ),
    Case("a short record", 3, ("orders.csv:2", "fields"), data=HEADER + "001,1,c,2024-01-01T00:00:00Z\n002,1\n" + GOOD),
    Case("an unclosed quote", 3, ("orders.csv:3",), data=HEADER + GOOD + '003,"1,c,2024-01-01T00:00:00Z\n'),
    Case(
        "bytes of Latin-1",
        3,
        ("orders.csv:3", "encod"),
        data=(HEADER + GOOD).encode() + b"003,1,\xe9,2024-01-01T00:00:00Z\n",
    ),
    Case("no user in a row", 3, ("orders.csv:3", "user"), data=HEADER + GOOD + "003,1,,2024-01-01T00:00:00Z\n"),
    Case("no key in a row", 3, ("orders.csv:3", "key"), data=HEADER + GOOD + ",1,c,2024-01-01T00:00:00Z\n"),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name.replace(" ", "-"))
def test_a_mistake_has_its_message_and_its_exit_code(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for variable in ("IMPORTER_SITE", "IMPORTER_SOURCE_KEY"):
        monkeypatch.delenv(variable, raising=False)
    Path("mapping.yaml").write_text(case.mapping, encoding="utf-8")
    if case.prepare is not None:
        case.prepare(tmp_path)
    else:
        Path(case.file).write_bytes(case.data if isinstance(case.data, bytes) else case.data.encode())
    arguments = [argument.replace("{file}", case.file) for argument in case.command]
    monkeypatch.setattr("sys.argv", ["importer", *arguments])

    with pytest.raises(SystemExit) as ended:
        main()

    output = "".join(capfd.readouterr())
    assert ended.value.code == case.exit_code, output
    assert "Traceback" not in output
    assert "This is a bug" not in output
    for text in case.says:
        assert text.lower() in output.lower(), output


def test_a_foreign_file_among_good_ones_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("m.yaml").write_text(
        "version: 1\nevent: purchase\nkey: id\nsource: {columns: {total: number}}\n"
        "fields: {value: {sql: 'total + 1'}, user.id: id, context.event_timestamp: {value: 1}}\n"
    )
    Path("a.csv").write_text("id,total\n1,2\n")
    pl.DataFrame({"id": ["1"], "total": [[1]]}).write_parquet("b.parquet")
    with pytest.raises(SourceUnreadable, match=r"b\.parquet does not fit the mapping, and a\.csv does"):
        plan(Path("m.yaml"), ["a.csv", "b.parquet"], RunSettings())
