"""Every type of Parquet on its way from a file to JSON: the exact text, or words."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from encoding import HEAD, Result, run

from importer.errors import MappingInvalid, SourceUnreadable
from importer.records import Reject, Span
from importer.rejects import encode
from importer.source import Chunk, SourceFile
from importer.source.parquet_reader import ParquetReader

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

AT = dt.datetime(2024, 1, 2, 3, 4, 5, 678901)  # noqa: DTZ001  (the zone is in the type)
AT_MS = 1704164645678  # with AT read in UTC
HOUR_MS = 3_600_000
PARIS = HEAD + "timezone: Europe/Paris\n"


def chunk_of(folder: Path, column: pa.Array, **options: Any) -> Chunk:  # noqa: ANN401  (those of the writer)
    path = folder / "x.parquet"
    pq.write_table(pa.table({"c": column}), path, **options)
    return next(ParquetReader(SourceFile(path, path.name, "parquet"), 0, ["c"]).chunks([Span(0, 1, 99)]))


def sent(folder: Path, column: pa.Array, field: str = "order.x: c") -> list[str | None]:
    """The JSON of the one member ``x`` that ``field`` gives, for each row that became an event."""
    return [_member(text) for text in run(f"  {field}\n", chunk_of(folder, column).frame, head=PARIS).texts]


def _member(event: str) -> str | None:
    _, found, rest = event.partition('"order":{"x":')
    return rest[: rest.index('},"context"')] if found else None


def times(unit: str, zone: str | None = None) -> pa.Array:
    return pa.array([AT, None], pa.timestamp("us")).cast(pa.timestamp(unit), safe=False).cast(pa.timestamp(unit, zone))


def integers(values: Sequence[int | None], dtype: pa.DataType) -> pa.Array:
    return pa.array(values, pa.int32() if pa.types.is_date32(dtype) else pa.int64()).cast(dtype)


PLAIN: list[tuple[str, pa.Array, list[str | None]]] = [
    ("int8", pa.array([-128, None], pa.int8()), ["-128", None]),
    ("int64", pa.array([2**63 - 1, -(2**63)]), ["9223372036854775807", "-9223372036854775808"]),
    ("uint64", pa.array([2**64 - 1, None], pa.uint64()), ["18446744073709551615", None]),
    ("half float", pa.array([1.5, None, -0.25], pa.float16()), ["1.5", None, "-0.25"]),
    ("float", pa.array([0.1, None], pa.float32()), ["0.1", None]),
    ("double", pa.array([0.1, 1e300, None]), ["0.1", "1e+300", None]),
    ("decimal32", pa.array([Decimal("1.50"), None], pa.decimal32(6, 2)), ["1.50", None]),
    ("decimal64", pa.array([Decimal("-1.50"), None], pa.decimal64(12, 2)), ["-1.50", None]),
    (
        "decimal128",
        pa.array([Decimal("-12345678901234567890123456789.01"), None], pa.decimal128(38, 2)),
        ["-12345678901234567890123456789.01", None],
    ),
    ("ms", times("ms"), ['"2024-01-02T03:04:05.678"', None]),
    ("us", times("us"), ['"2024-01-02T03:04:05.678901"', None]),
    ("ns", integers([1_704_164_645_678_901_234], pa.timestamp("ns")), ['"2024-01-02T03:04:05.678901234"']),
    ("s with zone", times("s", "Europe/Paris"), ['"2024-01-02T04:04:05+01:00"', None]),
    ("us with zone", times("us", "America/New_York"), ['"2024-01-01T22:04:05.678901-05:00"', None]),
    ("ns with offset", times("ns", "+02:00"), ['"2024-01-02T05:04:05.678901+02:00"', None]),
    ("date32", pa.array([dt.date(1969, 1, 1), None]), ['"1969-01-01"', None]),
    ("date64", pa.array([dt.date(2024, 1, 2), None], pa.date64()), ['"2024-01-02"', None]),
    ("boolean", pa.array([True, None, False]), ["true", None, "false"]),
    ("null", pa.nulls(2), [None, None]),
    ("string", pa.array(["é\n", "", None]), ['"é\\n"', None, None]),
    ("large string", pa.array(["é", None], pa.large_string()), ['"é"', None]),
    ("string view", pa.array(["é" * 30, None], pa.string_view()), [f'"{"é" * 30}"', None]),
    ("dictionary of text", pa.array(["a", None, "b"]).dictionary_encode(), ['"a"', None, '"b"']),
    (
        "dictionary of large text",
        pa.DictionaryArray.from_arrays(pa.array([1, None], pa.int8()), pa.array(["x", "y"], pa.large_string())),
        ['"y"', None],
    ),
    ("dictionary of integers", pa.array([7, None, 8]).dictionary_encode(), ["7", None, "8"]),
    ("dictionary of doubles", pa.array([1.5, None]).dictionary_encode(), ["1.5", None]),
    ("dictionary of dates", pa.array([dt.date(2024, 1, 2), None]).dictionary_encode(), ['"2024-01-02"', None]),
    ("dictionary of decimals", pa.array([Decimal("1.5"), None]).dictionary_encode(), ["1.5", None]),
    ("list of text", pa.array([["a", None, ""], None, [], [None]]), ['["a"]', None, None, None]),
    ("list of integers", pa.array([[1, None, 2], None, []]), ["[1,2]", None, None]),
    ("large list", pa.array([["a"], None], pa.large_list(pa.string())), ['["a"]', None]),
    ("list of one length", pa.array([[1, 2], None], pa.list_(pa.int64(), 2)), ["[1,2]", None]),
    ("list of decimals", pa.array([[Decimal("1.50")], None]), ["[1.50]", None]),
    (
        "list of categories",
        pa.array([["a", "b"], None], pa.list_(pa.dictionary(pa.int32(), pa.string()))),
        ['["a","b"]', None],
    ),
    ("list of dates", pa.array([[dt.date(2024, 1, 2)], None]), ['["2024-01-02"]', None]),
]


@pytest.mark.parametrize(("column", "expected"), [pytest.param(*case, id=name) for name, *case in PLAIN])
def test_a_column_is_sent_as_what_it_is(tmp_path: Path, column: pa.Array, expected: list[str | None]) -> None:
    assert sent(tmp_path, column) == expected
    assert sent(tmp_path, column, "order.x: {sql: c}") == expected


def test_half_floats_are_computed_with_as_floats(tmp_path: Path) -> None:
    column = pa.array([40_000.0], pa.float16())  # the largest one is 65504
    assert sent(tmp_path, column, "order.x: {sql: c * 2}") == ["80000.0"]


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (times("s", "UTC"), AT_MS - 678),
        (times("ms", "Europe/Paris"), AT_MS),
        (times("us", "America/New_York"), AT_MS),
        (times("ns", "+02:00"), AT_MS),
        (times("s"), AT_MS - 678 - HOUR_MS),
        (times("ns"), AT_MS - HOUR_MS),
        (pa.array([dt.date(2024, 1, 2), None]), 1704150000000),
        (pa.array([dt.date(2024, 1, 2), None]).dictionary_encode(), 1704150000000),
    ],
)
def test_times_become_milliseconds(tmp_path: Path, column: pa.Array, expected: int) -> None:
    result = run("  context.event_timestamp: c\n", chunk_of(tmp_path, column).frame, head=PARIS)
    assert result.values("context.event_timestamp") == [expected]
    assert [code for code, _ in result.rejects.values()] == ["timestamp_missing"]


def test_spark_s_old_timestamps_do_not_wrap_around(tmp_path: Path) -> None:
    days = (dt.date(3000, 1, 1) - dt.date(1970, 1, 1)).days
    path = tmp_path / "x.parquet"
    options = {"compression": "none", "use_dictionary": False, "write_statistics": False}
    pq.write_table(pa.table({"c": times("us")[:1]}), path, use_deprecated_int96_timestamps=True, **options)
    julian = {day: (2_440_588 + day).to_bytes(4, "little") for day in (days, (AT - dt.datetime(1970, 1, 1)).days)}  # noqa: DTZ001
    path.write_bytes(path.read_bytes().replace(*reversed(julian.values())))
    chunk = next(ParquetReader(SourceFile(path, path.name, "parquet"), 0).chunks([Span(0, 1, 9)]))
    assert chunk.frame["c"].to_list() == [dt.datetime(3000, 1, 1, 3, 4, 5, 678901)]  # noqa: DTZ001  (as in the file)


ADDRESS = pa.array(
    [{"city": "Paris", "geo": {"lat": 1.5}, "tags": ["a", None]}, None, {"city": None, "geo": None, "tags": []}]
)
KINDS = pa.StructArray.from_arrays([pa.array(["a", None]).dictionary_encode(), pa.array([1, None])], ["kind", "n"])


@pytest.mark.parametrize(
    ("column", "sql", "expected"),
    [
        (ADDRESS, "c.city", ['"Paris"', None, None]),
        (ADDRESS, "UPPER(c.city)", ['"PARIS"', None, None]),
        (ADDRESS, "c.geo.lat", ["1.5", None, None]),
        (ADDRESS, "c.tags", ['["a"]', None, None]),
        (KINDS, "c.kind", ['"a"', None]),
        (KINDS, "c.n + 1", ["2", None]),
    ],
)
def test_a_part_of_a_struct_is_reached_by_sql(
    tmp_path: Path, column: pa.Array, sql: str, expected: list[str | None]
) -> None:
    assert sent(tmp_path, column, f"order.x: {{sql: {sql}}}") == expected


@pytest.mark.parametrize("name", ["c.city", "c.geo.lat"])
def test_a_part_of_a_struct_that_is_named_as_a_column_gives_a_hint(tmp_path: Path, name: str) -> None:
    with pytest.raises(
        SourceUnreadable, match=rf'no column \'{name}\'.*a part of a struct is written {{sql: "{name}"}}'
    ):
        sent(tmp_path, ADDRESS, f"order.x: {name}")


def items(folder: Path, column: pa.Array, each: str) -> list[Any]:
    result: Result = run(f"  items: {{from: c, each: {{{each}}}}}\n", chunk_of(folder, column).frame, head=PARIS)
    return result.values("items")


def test_lists_of_structs_are_items(tmp_path: Path) -> None:
    lines = pa.array(
        [[{"sku": "a", "n": 1, "d": Decimal("2.50")}, None, {"sku": None, "n": None, "d": None}], None, []]
    )
    assert items(tmp_path, lines, "id: sku, quantity: n, price: d") == [
        [{"id": "a", "quantity": 1, "price": 2.5}],
        None,
        None,
    ]


def test_what_is_in_the_structs_of_a_list_is_read_as_elsewhere(tmp_path: Path) -> None:
    inner = pa.struct(
        [
            ("kind", pa.dictionary(pa.int8(), pa.string())),
            ("product", pa.struct([("id", pa.string())])),
            ("labels", pa.list_(pa.string())),
            ("half", pa.float16()),
            ("pair", pa.list_(pa.int64(), 2)),
        ]
    )
    entry = {"kind": "k", "product": {"id": "p"}, "labels": ["x"], "half": 0.5, "pair": [1, 2]}
    column = pa.array([[entry, dict.fromkeys(entry)]], pa.list_(inner))
    each = 'kind: kind, id: {sql: "product.id"}, labels: labels, half: half, pair: pair'
    expected = {"kind": "k", "id": "p", "labels": ["x"], "half": 0.5, "pair": [1, 2]}
    assert items(tmp_path, column, each) == [[expected]]


def test_a_map_is_a_list_of_keys_and_values(tmp_path: Path) -> None:
    column = pa.array([[("k", 1), ("l", None)], None, []], pa.map_(pa.string(), pa.int64()))
    assert items(tmp_path, column, "id: key, quantity: value") == [
        [{"id": "k", "quantity": 1}, {"id": "l"}],
        None,
        None,
    ]


@pytest.mark.parametrize(
    ("column", "words"),
    [
        (ADDRESS, 'is a struct.*take a part of it, e.g. {sql: "address.city"}'),
        (pa.array([[{"a": 1}]]), "is a list of structs: write {from"),
        (pa.array([[("k", "v")]], pa.map_(pa.string(), pa.string())), "is a list of structs: write {from"),
        (pa.array([[["a"]]]), "is a list of lists"),
        (pa.array([b"a", b"\xff"]), "is binary.*write it as text in the export"),
        (pa.array([b"a"], pa.large_binary()), "is binary"),
        (pa.array([b"a"], pa.binary_view()), "is binary"),
        (pa.array([b"ab"], pa.binary(2)), "is binary"),
        (pa.array([b"a"]).dictionary_encode(), "is binary"),
        (pa.array([[b"a"]]), "is binary"),
        (pa.array([1], pa.time32("s")), "is a time of day.*as text or as a number"),
        (pa.array([1], pa.time64("ns")), "is a time of day"),
    ],
)
def test_what_has_no_form_in_json_is_refused_with_a_way_out(tmp_path: Path, column: pa.Array, words: str) -> None:
    with pytest.raises(MappingInvalid, match=f"(?s)fields.order.x: column 'c' {words}"):
        sent(tmp_path, column)


@pytest.mark.parametrize(
    "column",
    [
        pa.array([Decimal("1.5")], pa.decimal256(60, 2)),
        pa.array([[Decimal("1.5")]], pa.list_(pa.decimal256(60, 2))),
        pa.array([1], pa.duration("ms")),
        pa.array([{"d": 1}], pa.struct([("d", pa.duration("us"))])),
        pa.array([["a"]], pa.list_view(pa.string())),
        pa.array(["{}"], pa.json_()),
        pa.array([0], pa.timestamp("us", "Mars/Olympus")),
    ],
)
def test_what_cannot_be_read_is_named_when_the_file_is_opened(
    tmp_path: Path, column: pa.Array, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SourceUnreadable, match=r"x\.parquet: column `c` is .*, which cannot be read") as caught:
        chunk_of(tmp_path, column)
    assert str(column.type).partition("<")[0] in caught.value.message
    assert not capfd.readouterr().err


OUTSIDE: list[tuple[pa.Array, str]] = [
    (integers([0, 2**30, None, -719_163], pa.date32()), "is 1073741824 days since 1970, which is"),
    (integers([0, 2**60], pa.timestamp("ms")), "is 1152921504606846976 milliseconds since 1970, which is"),
    (integers([0, -(2**62)], pa.timestamp("us")), "is -4611686018427387904 microseconds since 1970, which is"),
    (integers([0, 253_402_300_799_000], pa.timestamp("ms", "Europe/Paris")), "is 253402300799000 milliseconds"),
    (
        pa.StructArray.from_arrays(
            [integers([0, 2**60, None], pa.timestamp("us")), pa.array([1, 2, None])], ["at", "n"]
        ),
        "holds a time",
    ),
    (
        pa.ListArray.from_arrays(
            [0, 2, 4], pa.StructArray.from_arrays([integers([0, None, None, 2**30], pa.date32())], ["on"])
        ),
        "holds a time",
    ),
    (pa.ListArray.from_arrays([0, 1, 3], integers([0, 1, -(2**60)], pa.timestamp("us"))), "holds a time"),
]


@pytest.mark.parametrize(("column", "words"), OUTSIDE)
def test_times_that_no_calendar_has_are_rejects(tmp_path: Path, column: pa.Array, words: str) -> None:
    chunk = chunk_of(tmp_path, column)
    bad = [2, 4] if len(column) == 4 else [2]
    assert [reject.row for reject in chunk.rejects] == bad
    assert chunk.rows.to_list() == [row for row in range(1, len(column) + 1) if row not in bad]
    assert chunk.frame.height + len(chunk.rejects) == chunk.span.rows
    reject = chunk.rejects[0]
    assert (reject.file, reject.line, reject.stage, reject.code) == ("x.parquet", 0, "source", "time_range")
    assert f"Column `c` {words}" in reject.message
    assert reject.message.endswith("outside of the years 1 to 9999.")
    encode(reject)
    list(chunk.frame.iter_rows())


def test_the_first_and_the_last_time_of_the_calendar_are_read(tmp_path: Path) -> None:
    first, last = dt.date(1, 1, 1), dt.date(9999, 12, 31)
    assert sent(tmp_path, pa.array([first, last])) == ['"0001-01-01"', '"9999-12-31"']
    ends = [dt.datetime.min, dt.datetime.max]  # noqa: DTZ901  (as in the file)
    for column in (pa.array(ends, pa.timestamp("us")), pa.array(ends, pa.timestamp("us", "UTC"))):
        assert chunk_of(tmp_path, column).frame["c"].dt.replace_time_zone(None).to_list() == ends
    midnight = pa.array([dt.datetime(9999, 12, 31)], pa.timestamp("us", "Europe/Paris"))  # noqa: DTZ001
    assert sent(tmp_path, midnight) == ['"9999-12-31T01:00:00+01:00"']


def test_times_of_columns_that_nobody_reads_reject_nothing(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"c": integers([2**60], pa.timestamp("us")), "d": [1]}), path)
    for columns in (["d"], []):
        (chunk,) = ParquetReader(SourceFile(path, path.name, "parquet"), 0, columns).chunks([Span(0, 1, 9)])
        assert (chunk.rows.to_list(), chunk.rejects) == ([1], ())


def test_a_reject_shows_the_numbers_and_the_rest_of_its_row(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    deep = pa.array([[dt.date(2024, 1, 2)]] * 2)
    pq.write_table(pa.table({"id": ["a", "b"], "at": integers([0, 2**62], pa.timestamp("us")), "deep": deep}), path)
    (chunk,) = ParquetReader(SourceFile(path, path.name, "parquet"), 7).chunks([Span(7, 1, 9)])
    message = "Column `at` is 4611686018427387904 microseconds since 1970, which is outside of the years 1 to 9999."
    values = {"id": "b", "at": 2**62, "deep": "…"}
    assert chunk.rejects == (Reject(7, "x.parquet", 2, 0, "source", "time_range", message, values),)
    assert chunk.frame.select("id", "deep").rows() == [("a", [dt.date(2024, 1, 2)])]
