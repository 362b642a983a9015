"""The benchmarks that need no time: data, tables, arguments, and that a wrong measurement is none."""

import json
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from benchmarks import data, lines, shapes
from benchmarks.__main__ import parsed, rendered
from benchmarks.arrivals import Arrivals
from benchmarks.contenders import expect
from benchmarks.results import Comparison, Ratio, Sample
from benchmarks.rounds import check_payloads, in_turns
from benchmarks.same import same, without_nulls
from benchmarks.scenarios import SCENARIOS
from benchmarks.shapes_mapping import FIXED, mapping_of
from benchmarks.tables import as_text, number
from importer.mapping.document import load_document

ROOT = Path(__file__).parents[2]

A_SAMPLE = Sample(figure=100, seconds=2, cpu_seconds=1, peak_bytes=50_000_000, events=200)


def a_comparison(*figures: tuple[float, float]) -> Comparison:
    rounds = [{"one": replace(A_SAMPLE, figure=one), "other": replace(A_SAMPLE, figure=two)} for one, two in figures]
    return Comparison("parquet", "a title", "events/s", rounds, [Ratio("one", "other", 0.5)], {"one": 9}, ["a note"])


@pytest.mark.parametrize("nullable", [False, True])
def test_orders_are_the_same_each_time_and_however_they_are_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, nullable: bool
) -> None:
    assert_frame_equal(data.orders(50, first=100, nullable=nullable), data.orders(50, first=100, nullable=nullable))
    monkeypatch.setattr(data, "PART_ROWS", 40)
    data.write_orders(tmp_path / "a.parquet", 100, nullable=nullable)
    read = pl.read_parquet(tmp_path / "a.parquet")
    assert read["order_id"].to_list() == [f"FR-{number:09}" for number in range(100)]
    assert_frame_equal(read.slice(40, 40), data.orders(40, first=40, nullable=nullable), check_dtypes=False)


def test_eight_of_eighteen_columns_have_nulls_or_none_has() -> None:
    for nullable, expected in ((False, []), (True, sorted(data.NULLABLE))):
        frame = data.orders(2000, nullable=nullable)
        shares = {name: frame[name].null_count() / frame.height for name in frame.columns}
        assert (frame.width, sorted(name for name in shares if shares[name])) == (18, expected)
        assert all(0.2 < shares[name] < 0.3 for name in expected)


def test_csv_has_the_same_orders_as_parquet(tmp_path: Path) -> None:
    data.write_orders(tmp_path / "a.csv", 30, nullable=True)
    read = pl.read_csv(tmp_path / "a.csv", infer_schema=False)
    orders = data.orders(30, nullable=True)
    for name in ("order_id", "label", "coupon", "brand", "ip"):
        assert read[name].to_list() == orders[name].to_list()
    assert read["ordered_at"][1] == "2021-01-01T00:01:37.003Z"


@pytest.mark.parametrize("count", [1, 2, 3, 100, 300])
def test_lines_are_scattered_and_complete(count: int) -> None:
    step = lines.scattering(count)
    frame = pl.concat([lines.order_lines(first, min(7, count - first), count, step) for first in range(0, count, 7)])
    in_order = lines.order_lines(0, count, count, 1)
    assert sorted(frame.iter_rows()) == sorted(in_order.iter_rows())
    assert in_order["order_id"].is_sorted()
    assert count < 4 or not frame["order_id"].is_sorted()


@pytest.mark.parametrize(("kind", "amount", "width"), [("columns", 10, 10), ("columns", 50, 50), ("bytes", 2000, 4)])
def test_shapes_fit_their_mapping(tmp_path: Path, kind: str, amount: int, width: int) -> None:
    frame = shapes.part(0, 20, kind, amount)
    (tmp_path / "m.yaml").write_text(mapping_of(kind, amount))
    mapping = load_document(tmp_path / "m.yaml").mapping
    assert frame.width == width
    assert set(frame.columns) - set(FIXED) <= set(mapping.fields)
    assert frame.null_count().sum_horizontal()[0] == 0


def test_ratios_stay_within_a_round() -> None:
    comparison = a_comparison((10, 20), (30, 30), (5, 50))
    assert comparison.ratio(comparison.ratios[0]).median == 0.5
    assert comparison.spread("one").median == 10
    assert comparison.ratio(comparison.ratios[0]).lowest == 0.1


def test_text_and_markdown_tell_the_targets() -> None:
    text = as_text(a_comparison((10, 20)))
    assert "one / other: 0.50 (in single rounds 0.50 to 0.50; by CPU time 1.00); target at least 0.5: met" in text
    assert "one: target at most 9.00 events/s: MISSED" in text
    document = {"machine": FACTS, "server": "nginx", "comparisons": [a_comparison((10, 20)).to_json()]}
    page = rendered(json.loads(json.dumps(document)))
    assert "### parquet: a title" in page
    assert "| one | 10.0 | 10.0 | 10.0 | 1.00 | 5,000.00 | 50 | 200 |" in page
    assert "- a note" in page


FACTS = {
    "measured": "2026-11-30T00:00:00+00:00",
    "cpu": "a CPU",
    "cores": 2,
    "memory_gb": 8,
    "load": 0,
    "system": "Linux",
    "python": "3.11",
    "libraries": {"polars": "2.1.0"},
    "nginx": "",
    "commit": "abc",
    "changed": False,
}


@pytest.mark.parametrize(("value", "text"), [(0.333, "0.33"), (12.34, "12.3"), (1234.5, "1,234"), (150, "150")])
def test_numbers_have_the_digits_that_count(value: float, text: str) -> None:
    assert number(value) == text


def _run(ran: list[str], name: str) -> Sample:
    ran.append(name)
    return A_SAMPLE


def test_contenders_run_in_turns_in_both_orders(capsys: pytest.CaptureFixture[str]) -> None:
    ran: list[str] = []
    contenders = {name: partial(_run, ran, name) for name in "ab"}
    rounds = in_turns(2, "events/s", contenders)
    assert ran == ["a", "b", "b", "a"]
    assert [list(samples) for samples in rounds] == [["a", "b"], ["a", "b"]]
    assert "round 2: a" in capsys.readouterr().out


def test_the_wrong_number_of_anything_is_no_measurement() -> None:
    expect("events", 5, 5)
    for found, expected in ((4, 5), (0, 0)):
        with pytest.raises(SystemExit, match="events"):
            expect("events", found, expected)


def test_runs_that_sent_other_bytes_of_events_are_found() -> None:
    one = replace(A_SAMPLE, requests=2, sent_bytes=2 * 12 + 198 + 1000)
    other = replace(A_SAMPLE, requests=1, sent_bytes=1 * 12 + 199 + 1000)
    check_payloads([{"one": one, "other": other, "sends nothing": A_SAMPLE}])
    with pytest.raises(SystemExit, match="differ"):
        check_payloads([{"one": one, "other": replace(other, sent_bytes=other.sent_bytes + 1)}])


def test_events_that_differ_are_shown() -> None:
    assert without_nulls({"a": None, "b": {"c": None}, "d": [{"e": 1, "f": None}]}) == {"d": [{"e": 1}]}
    with pytest.raises(SystemExit, match="two, order 7"):
        same({"one": {"7": {"a": 1}}, "two": {"7": {"a": 2}}})
    with pytest.raises(SystemExit, match="made no event"):
        same({"one": {}, "two": {}})


def test_a_log_of_arrivals_is_counted(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("10.000 5\n10.900 6\n11.500 7\n")
    arrivals = Arrivals.of_log(tmp_path / "log")
    assert (arrivals.requests, arrivals.bytes, arrivals.first, arrivals.most_in_a_second) == (3, 18, 10.0, 2)


def test_options(capsys: pytest.CaptureFixture[str]) -> None:
    options = parsed(["csv", "--rows", "5", "--server", "python"])
    assert (options.scenarios, options.rows, options.rounds, options.server) == (["csv"], 5, None, "python")
    for wrong in (["nothing"], ["--rows", "0"], ["--rounds", "-1"], ["--server", "apache"]):
        with pytest.raises(SystemExit) as error:
            parsed(wrong)
        assert error.value.code == 2
    assert "no such scenario: nothing" in capsys.readouterr().err


def test_every_scenario_is_on_the_page_and_the_default_ones_need_no_index() -> None:
    page = (ROOT / "docs" / "performance.md").read_text()
    assert [name for name in SCENARIOS if f"`{name}`" not in page] == []
    default = {name for name, scenario in SCENARIOS.items() if scenario.is_default}
    assert default == {"parquet", "csv", "single", "validate", "lines", "startup"}


def test_who_measures_stays_small() -> None:
    code = "import sys, benchmarks.__main__; print([m for m in ('polars', 'pyarrow', 'aiohttp') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
