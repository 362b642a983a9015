"""Whatever SQL a mapping has and whatever the cells hold: a mapping error, or each row an event or a reject."""

import datetime as dt
import json
import random

import polars as pl
import pytest
from encoding import run

from importer.errors import MappingInvalid, SourceUnreadable

HUGE = "9" * 38
ROWS = pl.DataFrame(
    {
        "text": ["", "é\x00x", "1e400", "-5", None, "NaN"],
        "whole": [0, 2**63 - 1, -(2**63), None, -1, 7],
        "unsigned": pl.Series([0, 2**64 - 1, 1, None, 2, 3], dtype=pl.UInt64),
        "tiny": pl.Series([0, 127, -128, None, 2, 3], dtype=pl.Int8),
        "real": [0.0, float("nan"), float("inf"), None, 1e308, -5e-324],
        "day": [dt.date(2020, 2, 29), dt.date(1, 1, 1), dt.date(9999, 12, 31), None, None, dt.date(1970, 1, 1)],
        "late": pl.Series([2**31 - 1, -(2**31), 0, None, 1, 2], dtype=pl.Int32).cast(pl.Date),
        "time": pl.Series([2**62, -(2**62), 0, None, 1, 2]).cast(pl.Datetime("ms", "UTC")),
        "clock": [dt.time(0), None, dt.time(23, 59, 59)] * 2,
        "span": [dt.timedelta(1), None, dt.timedelta(-(10**6))] * 2,
        "bytes": [b"", b"\xff", b"a"] * 2,
        "texts": [[], ["a", None], None] * 2,
        "struct": [{"c": "x", "n": 1}, {"c": None, "n": -(2**63)}, None] * 2,
        "flag": [True, False, None] * 2,
        "money": pl.Series(["0.01", None, "9999999999.99", "0", "-1", "3"]).cast(pl.Decimal(12, 2)),
        "huge": pl.Series([HUGE, None, f"-{HUGE}", "1", "0", "2"]).cast(pl.Decimal(38, 0)),
        "category": pl.Series(["a", None, "b"] * 2, dtype=pl.Categorical),
        "nothing": [None] * 6,
    }
)
ATOMS = [
    *ROWS.columns, "struct.n", "struct.c",
    "0", "-1", "2", "1000000", "9223372036854775807", "9223372036854775808", HUGE,
    "''", "'a%'", "1.5", "1e308", "NULL", "TRUE", "DATE '2020-01-01'", "INTERVAL '1 day'",
]  # fmt: skip
TYPES = [
    "VARCHAR", "BIGINT", "INT", "TINYINT", "DOUBLE", "REAL", "BOOLEAN", "DATE", "TIMESTAMP", "TIME",
    "DECIMAL(10,2)", "DECIMAL(38,38)", "BLOB", "INTERVAL", "BIGINT UNSIGNED",
]  # fmt: skip
FORMS = [
    *["CAST({} AS {type})"] * 4, "TRY_CAST({} AS {type})",
    *(f"({{}} {operator} {{}})" for operator in ("+", "-", "*", "/", "//", "%", "||", "=", "<>", "<", "AND", "OR")),
    *(f"{name}({{}})" for name in ("UPPER", "LENGTH", "REVERSE", "TRIM", "ABS", "SIGN", "FLOOR", "CEIL", "SQRT")),
    *(f"{name}({{}}, {{}})" for name in ("LEFT", "SUBSTR", "CONCAT", "COALESCE", "NULLIF", "GREATEST", "POW", "MOD")),
    "SUBSTR({}, {}, {})", "SPLIT_PART({}, {}, {})", "REPLACE({}, {}, {})", "SPLIT_PART({}, '', 2)",
    "CASE WHEN {} THEN {} ELSE {} END", "{} IN ({}, {})", "{} BETWEEN {} AND {}", "{} IS NULL",
    "EXTRACT(YEAR FROM {})", "EXTRACT(MONTH FROM {})", "STRFTIME({}, '%Y-%H')", "DATE({})",
    "{} LIKE 'a\\_%'", "REGEXP_LIKE({}, '^\\p{{L}}+$')", "ROUND({}, 2)", "ROUND({}, 400)", "{}[1]",
]  # fmt: skip
STEPS = ["", *(f", type: {kind}" for kind in ("string", "number", "integer", "date", "boolean")), ", round: 2"]


def expression(chance: random.Random, depth: int = 0) -> str:
    if depth > 2 or chance.random() < 0.2:
        return chance.choice(ATOMS)
    form = chance.choice(FORMS)
    return form.format(*(expression(chance, depth + 1) for _ in range(3)), type=chance.choice(TYPES))


def settled(fields: str) -> int:
    """How many rows were settled, none where the mapping is refused."""
    try:
        result = run(fields, ROWS)
    except (MappingInvalid, SourceUnreadable):
        return 0
    assert len(result.events) + len(result.rejects) == ROWS.height
    return ROWS.height


@pytest.mark.parametrize("seed", range(4))
def test_no_row_stops_a_run(seed: int, capfd: pytest.CaptureFixture[str]) -> None:
    chance = random.Random(seed)  # noqa: S311  for variety
    count = sum(settled(f"  v: {{sql: {json.dumps(expression(chance))}{chance.choice(STEPS)}}}\n") for _ in range(120))
    capfd.readouterr()  # Polars writes on stderr about each panic that it turns into an exception
    assert count > 10 * ROWS.height


@pytest.mark.parametrize("column", ROWS.columns)
def test_no_cell_stops_a_run(column: str) -> None:
    assert settled(f"  v: {{sql: {column}}}\n") in {0, ROWS.height}
    assert settled(f"  v: {column}\n") in {0, ROWS.height}
