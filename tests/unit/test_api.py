"""The Python API without a network: names, options, mappings, frames."""

from __future__ import annotations

import doctest
import json
import subprocess
import sys
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import get_type_hints

import polars as pl
import pytest
import xxhash

import importer
from importer import api
from importer.cli.standing import STATE_FOLDER
from importer.errors import MappingInvalid, SourceUnreadable, UsageInvalid
from importer.report import Report
from importer.settings import RunSettings

HEAD = "version: 1\nevent: purchase\nkey: order_id\n"
FIELDS = "fields: {id: order_id, status: {column: state, map: {P: paid}}, user.id: u, context.event_timestamp: t}\n"
MAPPING = HEAD + FIELDS
GROUPED = """\
version: 1
event: purchase
group_by: [order_id]
where: qty > 0
fields: {id: order_id, items: {each: {id: sku}}, user.id: u, context.event_timestamp: t}
"""


def frame(states: str) -> pl.DataFrame:
    rows = [(number, state, "u1", datetime(2024, 1, 2, tzinfo=UTC)) for number, state in enumerate(states, 1)]
    return pl.DataFrame(rows, schema=["order_id", "state", "u", "t"], orient="row")


def lines() -> pl.DataFrame:
    """Orders a and b between each other, a line without an order, one that is filtered, and c whose time is wrong."""
    columns = {"order_id": ["a", "b", None, "a", "b", "c"], "sku": list("123456"), "qty": [1, 1, 1, 1, 0, 1]}
    times = ["2024-01-02T03:04:05Z"] * 5 + ["yesterday"]
    return pl.DataFrame(columns).with_columns(u=pl.lit("u1"), t=pl.Series(times))


def test_importing_the_package_loads_nothing_that_is_heavy() -> None:
    code = "import sys, importer; dir(importer); print(*sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    ours = [name for name in loaded if name.startswith("importer")]
    heavy = {"polars", "pyarrow", "aiohttp", "pydantic", "click", "tqdm", "yaml", "asyncio", "dataclasses", "inspect"}
    assert ours == ["importer"]
    assert not heavy & set(loaded)


def test_dir_lists_the_api_and_every_name_is_there() -> None:
    assert dir(importer) == sorted(importer.__all__)
    for name in importer.__all__:
        assert getattr(importer, name).__name__ == name
    with pytest.raises(AttributeError, match="has no attribute 'rnu'"):
        importer.rnu  # type: ignore[attr-defined]  # noqa: B018


def test_the_package_says_that_it_is_typed() -> None:
    assert (Path(importer.__path__[0]) / "py.typed").is_file()


def test_options_are_the_settings_of_a_run() -> None:
    assert set(get_type_hints(api.Options)) == {item.name for item in fields(RunSettings)}
    assert api.STATE_FOLDER == STATE_FOLDER


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"concurency": 1}, TypeError, "did you mean `concurrency`"),
        ({"concurrency": 0}, UsageInvalid, "concurrency is 0"),
        ({"requests_per_second": -1.0}, UsageInvalid, "requests_per_second is -1.0"),
        ({"endpoint": "batsch"}, UsageInvalid, "did you mean `batch`"),
    ],
)
def test_options_that_cannot_be(options: dict[str, object], error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        importer.validate(MAPPING, "x.csv", **options)  # type: ignore[arg-type]


def test_a_mapping_is_a_path_a_text_or_a_document(tmp_path: Path) -> None:
    path = tmp_path / "m.yaml"
    path.write_text(MAPPING, encoding="utf-8")
    documents = [importer.load_mapping(mapping) for mapping in (path, str(path), MAPPING)]
    assert len({document.canonical() for document in documents}) == 1
    assert [document.path for document in documents] == [path, path, None]
    assert importer.load_mapping(documents[2]) is documents[2]
    with pytest.raises(UsageInvalid, match="no mapping file"):
        importer.load_mapping(tmp_path / "n.yaml")
    with pytest.raises(MappingInvalid) as caught:
        importer.load_mapping(MAPPING.replace("event:", "evnt:"))
    assert (caught.value.problems[0].line, caught.value.problems[0].column) == (2, 1)


def test_a_frame_becomes_the_events_that_a_file_would(tmp_path: Path) -> None:
    data = frame("PXP")
    encoded = importer.encode(data, MAPPING)
    assert [json.loads(event)["id"] for event in encoded.events] == ["1", "3"]
    assert [(one.row, one.code, one.source_row["state"]) for one in encoded.rejects] == [(2, "map", "X")]  # type: ignore[index, call-overload]
    assert encoded.filtered == 0
    assert importer.encode(data.to_arrow(), MAPPING) == encoded

    data.write_parquet(tmp_path / "a.parquet")
    report = importer.validate(MAPPING, tmp_path / "a.parquet")
    assert report.digest == digest(encoded.events)


def digest(events: list[bytes]) -> int:
    """As the report counts it, on a path of its own."""
    return sum(map(xxhash.xxh3_128_intdigest, events)) % 2**128


def test_lines_of_a_frame_are_grouped_as_those_of_a_file(tmp_path: Path) -> None:
    encoded = importer.encode(lines(), GROUPED)
    events = [json.loads(event) for event in encoded.events]
    assert [(event["id"], [item["id"] for item in event["items"]]) for event in events] == [
        ("a", ["1", "4"]),
        ("b", ["2"]),
    ]
    assert [one.row for one in encoded.rejects] == [3, 6]
    assert encoded.filtered == 1

    lines().write_parquet(tmp_path / "a.parquet")
    report = importer.validate(GROUPED, tmp_path / "a.parquet")
    assert report.digest == digest(encoded.events)
    assert (report.rows.rejected, report.rows.filtered) == (len(encoded.rejects), encoded.filtered)


def test_types_of_frames_that_files_do_not_have(tmp_path: Path) -> None:
    data = frame("PP").with_columns(
        pl.col("u").cast(pl.Categorical), t=pl.Series([1704164645000, 2**62]).cast(pl.Datetime("ms", "UTC"))
    )
    odd = data.with_columns(other=pl.Series([object(), object()], dtype=pl.Object))
    encoded = importer.encode(odd, MAPPING)
    assert [one.code for one in encoded.rejects] == ["time_range"]
    data.write_parquet(tmp_path / "a.parquet")
    assert importer.validate(MAPPING, tmp_path / "a.parquet").digest == digest(encoded.events)


def test_many_rows_are_encoded_in_the_order_of_the_frame() -> None:
    encoded = importer.encode(frame("P" * 60_000), MAPPING)
    assert [json.loads(event)["id"] for event in encoded.events] == [str(number) for number in range(1, 60_001)]


def test_an_epoch_without_a_unit_is_guessed_from_the_frame() -> None:
    mapping = MAPPING.replace("context.event_timestamp: t", "context.event_timestamp: {column: t, unit: auto}")
    data = frame("P").with_columns(t=pl.lit(1704164645, dtype=pl.Int64))
    (event,) = importer.encode(data, mapping).events
    assert json.loads(event)["context"]["event_timestamp"] == 1704164645000


def test_what_a_frame_cannot_do() -> None:
    with pytest.raises(UsageInvalid, match="a frame is no file"):
        importer.encode(frame("P"), MAPPING.replace("order_id\nfields", "position\nfields"))
    with pytest.raises(UsageInvalid, match="A dict is no frame"):
        importer.encode({"a": [1]}, MAPPING)  # type: ignore[arg-type]
    with pytest.raises(SourceUnreadable, match="state"):
        importer.encode(frame("P").drop("state"), MAPPING)
    with pytest.raises(UsageInvalid, match="a type that Arrow does not have"):
        importer.encode(frame("P").with_columns(wide=pl.lit(1, pl.Int128)), MAPPING)


@pytest.mark.parametrize("mapping", [MAPPING, MAPPING.replace("key: order_id", "group_by: order_id")])
def test_columns_of_a_frame_that_nobody_reads_may_hold_what_python_has_not(mapping: str) -> None:
    late = pl.Series([253_402_300_799_999, 2**62]).cast(pl.Datetime("ms", "Europe/Paris"))
    rows = frame("PX").with_columns(late=late, order_id=pl.Series([1, None]))
    found = importer.encode(rows, mapping)
    assert len(found.events) == 1
    assert [reject.row for reject in found.rejects] == [2]
    read = importer.encode(rows, mapping.replace("fields: {", "fields: {at: late, "))
    assert [(reject.row, reject.code) for reject in read.rejects] == [(1, "time_range"), (2, "time_range")]


def test_what_decides_about_the_bytes_of_a_frame_beside_its_mapping() -> None:
    (event,) = importer.encode(frame("P"), MAPPING, test_code="try").events
    assert json.loads(event)["test_code"] == "try"
    assert importer.encode(frame("P"), MAPPING, max_item_bytes=len(event)).events
    (reject,) = importer.encode(frame("P"), MAPPING, test_code="try", max_item_bytes=len(event) - 1).rejects
    assert (reject.row, reject.code) == (1, "too_large")


def test_an_empty_frame_gives_nothing() -> None:
    for mapping, data in ((MAPPING, frame("P")), (GROUPED, lines())):
        assert importer.encode(data.clear(), mapping) == importer.Encoded([], (), 0)


def test_what_stops_a_dry_run_carries_the_report(tmp_path: Path) -> None:
    with pytest.raises(importer.ImporterError) as caught:
        importer.validate(MAPPING, tmp_path / "none.csv")
    assert isinstance(caught.value.report, Report)
    assert caught.value.exit_code == importer.ExitCode.SOURCE
    assert (caught.value.report.status, caught.value.report.exit_code) == ("invalid", importer.ExitCode.SOURCE)


def test_a_stop_that_was_asked_for_ends_it_with_the_report(tmp_path: Path) -> None:
    frame("PPP").write_parquet(tmp_path / "a.parquet")
    stop = importer.Stop()
    stop.request()
    with pytest.raises(importer.Interrupted) as caught:
        importer.validate(MAPPING, tmp_path / "a.parquet", stop=stop)
    assert caught.value.report.status == "interrupted"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"source_key": "k"}, "no site"),
        ({"site": "7"}, "no source_key"),
        ({"site": "7", "source_key": "two words"}, "blanks"),
        ({"site": "7", "source_key": "k", "url": "https://u:p@host"}, "credentials"),
    ],
)
def test_a_destination_needs_its_parts(tmp_path: Path, arguments: dict[str, str], says: str) -> None:
    with pytest.raises(UsageInvalid, match=says) as caught:
        importer.run(MAPPING, "x.csv", state_dir=tmp_path, **arguments)  # type: ignore[arg-type]
    assert "two words" not in str(caught.value)


def test_a_mapping_without_a_file_needs_a_state_directory() -> None:
    with pytest.raises(UsageInvalid, match="state_dir"):
        importer.run(MAPPING, "x.csv", site="7", source_key="k")


def test_its_docstrings_are_true() -> None:
    result = doctest.testmod(api)
    assert (result.failed, result.attempted > 3) == (0, True)
