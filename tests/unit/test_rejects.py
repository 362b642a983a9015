from __future__ import annotations

import json
import os
import stat
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from importer.errors import ImportLocked, SourceUnreadable, StateUnusable, UsageInvalid
from importer.records import Reject
from importer.rejects import RejectsFile, encode, read_rejects

if TYPE_CHECKING:
    from pathlib import Path


def a_reject(row: int = 7, source_row: dict[str, Any] | str | None = None, event: str | None = None) -> Reject:
    return Reject(
        0, "orders.csv", row, row + 2, "mapping", "bad_number", 'value: "1,x" is no number', source_row, event
    )


def written(path: Path, *rejects: Reject) -> int:
    file = RejectsFile(path, None)
    file.append(rejects)
    file.close()
    return file.length


def test_a_reject_is_one_line_with_its_members_in_order(tmp_path: Path) -> None:
    written(tmp_path / "r", a_reject(7, {"id": "0012", "café": None}, '{"id":"0012"}'), a_reject(9, 'a;"b'))
    lines = (tmp_path / "r").read_text().splitlines()
    assert lines[0] == (
        '{"file": "orders.csv", "row": 7, "line": 9, "stage": "mapping", "code": "bad_number", '
        '"message": "value: \\"1,x\\" is no number", "source_row": {"id": "0012", "café": null}, '
        '"event": "{\\"id\\":\\"0012\\"}"}'
    )
    assert [body["row"] for body in read_rejects(tmp_path / "r")] == [7, 9]


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+1",
        "-1",
        "@x",
        "\x1b[2J",
        "a\nb\r\n\tc",
        "\x00\x7f\x9b",
        "\u2028\u202e\u2066",
        "\udcff",
        "😀é",
        "\ufeff",
        "\\u001b",
    ],
)
def test_any_text_comes_back_exactly_and_steers_nothing(tmp_path: Path, text: str) -> None:
    written(tmp_path / "r", a_reject(1, {text: text}, text))
    [body] = read_rejects(tmp_path / "r")
    assert body["source_row"] == {text: text}
    assert body["event"] == text
    raw = (tmp_path / "r").read_bytes().decode()
    assert all(character.isprintable() for character in raw.removesuffix("\n"))


def test_values_that_json_does_not_have_become_text() -> None:
    paris = timezone(timedelta(hours=1))
    row = {
        "decimal": Decimal("12.340"),
        "day": date(2024, 2, 29),
        "time": datetime(2024, 2, 29, 1, 2, 3, 4, tzinfo=paris),
        "bytes": b"\x00\xff",
        "nan": float("nan"),
        "list": [Decimal(1), {"x": float("inf")}],
        "number": 2**63 + 1,
        "flag": True,
    }
    assert json.loads(encode(a_reject(1, row)))["source_row"] == {
        "decimal": "12.340",
        "day": "2024-02-29",
        "time": "2024-02-29T01:02:03.000004+01:00",
        "bytes": "00ff",
        "nan": "nan",
        "list": ["1", {"x": "inf"}],
        "number": 2**63 + 1,
        "flag": True,
    }


def test_what_was_not_committed_is_cut_off(tmp_path: Path) -> None:
    committed = written(tmp_path / "r", a_reject(1))
    with (tmp_path / "r").open("a") as file:
        file.write(encode(a_reject(2)) + '{"file": "ord')
    file = RejectsFile(tmp_path / "r", committed)
    assert file.length == committed
    file.append([a_reject(3)])
    file.close()
    assert [body["row"] for body in read_rejects(tmp_path / "r")] == [1, 3]


def test_the_file_of_somebody_else_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "r").write_text("mine\n")
    with pytest.raises(UsageInvalid, match="did not write it"):
        RejectsFile(tmp_path / "r", None)
    assert (tmp_path / "r").read_text() == "mine\n"


def test_a_file_that_its_reader_took_begins_anew(tmp_path: Path) -> None:
    file = RejectsFile(tmp_path / "r", 100)
    assert file.length == 0
    file.close()


@pytest.mark.parametrize("committed", [3, 7])
def test_a_file_that_is_not_what_was_written_stops_the_run(tmp_path: Path, committed: int) -> None:
    (tmp_path / "r").write_text("mine\n")
    with pytest.raises(StateUnusable) as caught:
        RejectsFile(tmp_path / "r", committed)
    assert caught.value.hint
    assert (tmp_path / "r").read_text() == "mine\n"


def test_the_file_is_for_its_owner_and_for_one_run(tmp_path: Path) -> None:
    file = RejectsFile(tmp_path / "r", None)
    assert stat.S_IMODE((tmp_path / "r").stat().st_mode) == 0o600
    with pytest.raises(ImportLocked, match="Another run writes"):
        RejectsFile(tmp_path / "r", None)
    file.close()
    RejectsFile(tmp_path / "r", None).close()


def test_the_length_belongs_to_the_real_path(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("r")
    file = RejectsFile(tmp_path / "link", None)
    assert file.path == tmp_path / "r"
    file.close()


@pytest.mark.parametrize("kind", ["fifo", "folder", "missing folder", "device"])
def test_what_is_no_file_is_refused_at_once(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "r"
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "missing folder":
        path = tmp_path / "nowhere" / "r"
    else:
        path.symlink_to("/dev/null")
    with pytest.raises(UsageInvalid) as caught:
        RejectsFile(path, None)
    assert "--rejects" in caught.value.hint


def test_a_file_that_is_deleted_during_the_run_stops_it(tmp_path: Path) -> None:
    file = RejectsFile(tmp_path / "r", None)
    (tmp_path / "r").unlink()
    with pytest.raises(StateUnusable, match="was deleted"):
        file.append([a_reject()])
    assert file.length == 0
    file.close()


@pytest.mark.parametrize(
    "line", ["", "{", "[]", '{"file": "a"}', '{"file": "a", "row": "1"}', '{"file": "a", "row": true}']
)
def test_reading_back_names_the_line_that_is_wrong(tmp_path: Path, line: str) -> None:
    (tmp_path / "r").write_text(f"{encode(a_reject())}{line}\n")
    with pytest.raises(SourceUnreadable, match="r:2: not a line of a rejects file"):
        list(read_rejects(tmp_path / "r"))


def test_a_rejects_file_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(SourceUnreadable, match="No such file"):
        list(read_rejects(tmp_path / "r"))
