"""The first events and their rows, from real files; what a run sends is computed beside it."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from importer.belt import Belt
from importer.cli.progress import Silent
from importer.errors import SourceUnreadable
from importer.outstanding import everything
from importer.plan import Plan, plan
from importer.preview import Preview, preview
from importer.settings import RunSettings

if TYPE_CHECKING:
    from importer.report import Snapshot

NOW_MS = 1_800_000_000_000
ROOT = Path(__file__).parents[2]
FIELDS = """\
fields:
  id: id
  value: {column: price, type: number}
  user.id: id
  context.event_timestamp: {value: 1700000000000}
"""
PLAIN = f"version: 1\nevent: purchase\nkey: id\nwhere: kind <> 'draft'\n{FIELDS}"
GROUPED = """\
version: 1
event: purchase
group_by: [id]
where: kind <> 'draft'
source: {columns: {price: number}}
fields:
  value: {sql: SUM(price)}
  items: {each: {id: kind}}
  user.id: id
  context.event_timestamp: {value: 1700000000000}
"""
CONFIGS = {
    "orders_csv": "orders.csv",
    "orders_parquet": "orders.parquet",
    "order_lines": "order_lines",
}


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def look(mapping: str, files: dict[str, str], limit: int = 3, test_code: str | None = None) -> Preview:
    return preview(planned(mapping, files, test_code), limit, Silent())


def planned(mapping: str, files: dict[str, str], test_code: str | None = None) -> Plan:
    Path("m.yaml").write_text(mapping, encoding="utf-8")
    for name, text in files.items():
        Path(name).write_text(text, encoding="utf-8")
    return plan(Path("m.yaml"), list(files), RunSettings(test_code=test_code))


def sent(planned: Plan) -> list[bytes]:
    """All events of a run, in its order."""
    with everything(planned, Silent(), lambda: None) as todo:
        pieces = [piece for batch in Belt(planned, todo.works, NOW_MS).batches() for piece in batch.pieces]
        return [piece.event(index) for piece in pieces for index in range(piece.start, piece.stop)]


def ids(found: Preview) -> list[str]:
    return [sample.rows[0].cells["id"] for sample in found.samples]


def places(found: Preview) -> list[list[tuple[str, int, int]]]:
    return [[row[:3] for row in sample.rows] for sample in found.samples]


@pytest.mark.parametrize("name", ["orders_csv", "orders_parquet"])
def test_the_events_are_the_first_that_a_run_sends(name: str) -> None:
    config = plan(ROOT / f"configs/{name}.yaml", [str(ROOT / "sample_data" / CONFIGS[name])], RunSettings())
    found = preview(config, 200, Silent())
    assert [sample.event for sample in found.samples] == sent(config)[:200]
    assert found.rows_read == 200 + found.filtered + found.rejected


def test_grouped_events_are_those_that_a_run_sends() -> None:
    config = plan(ROOT / "configs/order_lines.yaml", [str(ROOT / "sample_data/order_lines")], RunSettings())
    found = preview(config, 40, Silent())
    assert len(found.samples) == found.groups == 40
    assert {sample.event for sample in found.samples} <= set(sent(config))
    with (ROOT / "sample_data/order_lines/till-1.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["order"]]
    orders = list(dict.fromkeys(row["order"] for row in rows))
    assert [sample.rows[0].cells["order"] for sample in found.samples] == orders[:40]


def test_each_event_stands_beside_its_row() -> None:
    found = look(PLAIN, {"a.csv": 'kind,id,price,rest\nsale,1,2.50,"x\ny"\nsale,2,,z\n'})
    assert places(found) == [[("a.csv", 1, 2)], [("a.csv", 2, 4)]]
    assert found.samples[0].rows[0].cells == {"kind": "sale", "id": "1", "price": "2.50"}
    assert b'"value":2.50' in found.samples[0].event
    assert found.samples[1].rows[0].cells["price"] is None


def test_rows_behind_the_last_event_are_not_counted() -> None:
    text = "kind,id,price\nsale,1,x\ndraft,2,1\n\nbroken\nsale,3,1\nsale,4,1\nsale,5,x\ndraft,6,1\n"
    found = look(PLAIN, {"a.csv": text}, limit=2)
    assert ids(found) == ["3", "4"]
    assert (found.rows_read, found.filtered, found.rejected) == (6, 2, 2)
    assert [(reject.row, reject.code) for reject in found.rejects] == [(1, "type"), (4, "short")]


def test_fewer_events_than_asked_for_count_every_row() -> None:
    found = look(PLAIN, {"a.csv": "kind,id,price\ndraft,1,1\nsale,2,1\nsale,3,x\n", "b.csv": "kind,id,price\n"})
    assert (found.rows_read, found.filtered, found.rejected, ids(found)) == (3, 1, 1, ["2"])


def test_only_the_first_rejects_are_kept() -> None:
    found = look(PLAIN, {"a.csv": "kind,id,price\n" + "sale,1,x\n" * 50})
    assert (found.rejected, [reject.row for reject in found.rejects]) == (50, [1, 2, 3, 4, 5])


def test_no_more_files_are_read_than_needed() -> None:
    rows = "kind,id,price\nsale,1,1\nsale,2,1\n"
    config = planned(PLAIN, {"a.csv": rows, "b.csv": rows})
    Path("b.csv").unlink()
    assert len(preview(config, 2, Silent()).samples) == 2
    with pytest.raises(SourceUnreadable):
        preview(config, 3, Silent())


def test_no_more_of_a_file_is_read_than_needed() -> None:
    shown: list[Snapshot] = []

    class Watching:
        def update(self, snapshot: Snapshot) -> None:
            shown.append(snapshot)

    config = planned(PLAIN, {"a.csv": "kind,id,price\n" + "sale,1,1\n" * 200_000})
    found = preview(config, 1, Watching())
    assert found.rows_read == 1
    assert len(shown) == 1, "one chunk has enough"


def test_a_test_code_is_in_the_event() -> None:
    (sample,) = look(PLAIN, {"a.csv": "kind,id,price\nsale,1,1\n"}, test_code="T7").samples
    assert b'"test_code":"T7"' in sample.event


def test_lines_of_a_group_come_from_all_files_in_their_order() -> None:
    first = "kind,id,price\nb,2,1\na,1,1\nd,3,1\n"
    second = "kind,id,price\ne,1,2\nf,4,1\nc,2,2\n"
    found = look(GROUPED, {"a.csv": first, "b.csv": second}, limit=2)
    assert ids(found) == ["2", "1"]
    assert places(found) == [[("a.csv", 1, 2), ("b.csv", 3, 4)], [("a.csv", 2, 3), ("b.csv", 1, 2)]]
    assert b'"value":3.0,"items":[{"id":"b"},{"id":"c"}]' in found.samples[0].event
    assert (found.groups, found.lines, found.rows_read) == (2, 4, 6)


def test_a_group_begins_with_its_first_row_that_passes() -> None:
    rows = "kind,id,price\ndraft,1,1\ns,2,1\ns,3,1\ns,1,1\ndraft,2,5\n"
    found = look(GROUPED, {"a.csv": rows}, limit=2)
    assert places(found) == [[("a.csv", 2, 3)], [("a.csv", 3, 4)]]
    assert found.filtered == 2


def test_rows_without_a_group_are_counted_and_said() -> None:
    rows = "kind,id,price\ns,,1\ns,1,1\nbroken\ns,2,x\ns,2,1\n"
    found = look(GROUPED, {"a.csv": rows})
    assert (ids(found), found.groups, found.broken) == (["1"], 2, 1)
    assert [(reject.file, reject.row, reject.code) for reject in found.rejects] == [
        ("a.csv", 1, "group_key_missing"), ("a.csv", 3, "short"), ("a.csv", 4, "type"), ("a.csv", 5, "group_rejected"),
    ]  # fmt: skip
    assert (found.rows_read, found.filtered, found.rejected) == (5, 0, 4)


def test_a_file_with_the_bytes_of_another_one_doubles_nothing() -> None:
    rows = "kind,id,price\ns,1,1\n"
    found = look(GROUPED, {"a.csv": rows, "b.csv": rows, "c.csv": "kind,id,price\nt,1,1\n"})
    assert places(found) == [[("a.csv", 1, 2), ("c.csv", 1, 2)]]
    assert found.twins == [("b.csv", "a.csv")]


def test_files_without_rows_give_no_group() -> None:
    found = look(GROUPED, {"a.csv": "kind,id,price\n"})
    assert (found.samples, found.groups, found.rows_read) == ([], 0, 0)


def test_groups_meet_over_chunks() -> None:
    rows = "".join(f"s,{number % 20_000},1\n" for number in range(100_000))
    found = look(GROUPED, {"a.csv": f"kind,id,price\n{rows}"}, limit=3)
    assert ids(found) == ["0", "1", "2"]
    assert [[row.row for row in sample.rows] for sample in found.samples] == [
        list(range(first, 100_000, 20_000)) for first in (1, 2, 3)
    ]
