"""Random columns of every type that Polars has, with the values that are easiest to get wrong."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

TEXTS = [
    "", "a", "é€😀", "a|b||c", " x ", "=1", "NaN", "inf", "-0", "1e400", "007", "1,5", "12.50", "9007199254740993",
    "2024-10-27 02:30", "2024-02-30", "2024-01-02T03:04:05Z", "2024-01-02", "1700000000", "true", "no", "EUR", "FR",
    "+33 6 12 34 56 78", "a@b.fr", "\0", "\n", '"', "\\", "\u2028", "\ufeff", "\ufffd", "0" * 64, "x" * 300,
]  # fmt: skip
NAMES = [
    "a",
    "b",
    "a.b",
    "Å",
    "with blank",
    "line\nfeed",
    'quo"te',
    "at",
    "order",
    "key",
    "user.id",
    "select",
    "1",
    "€",
]
INTEGERS = [pl.Int8, pl.Int16, pl.Int32, pl.Int64, pl.UInt8, pl.UInt16, pl.UInt32, pl.UInt64]
BITS = {pl.Int8: 7, pl.Int16: 15, pl.Int32: 31, pl.Int64: 63, pl.UInt8: 8, pl.UInt16: 16,
        pl.UInt32: 32, pl.UInt64: 64}  # fmt: skip
FLOATS = [0.0, -0.0, 1.5, 0.1, 2.0**53, 1e300, -5e-324, float("nan"), float("inf"), -float("inf"), 1e16]
DECIMALS = ["0.00", "12.50", "-0.01", "99999999999999999999999999999999.99"]


def frame(chance: Random) -> pl.DataFrame:
    """Some rows of columns of some types, with a column ``id`` that is a key."""
    height, names = chance.randint(1, 8), chance.sample(NAMES, chance.randint(1, 5))
    columns = [_column(chance, height).alias(name) for name in names]
    return pl.DataFrame([pl.Series("id", [f"{row:03}" for row in range(height)]), *columns])


def _column(chance: Random, height: int) -> pl.Series:
    dtype, value = _kind(chance, 0)
    return pl.Series([None if chance.random() < 0.2 else value() for _ in range(height)], dtype=dtype, strict=False)


def _kind(chance: Random, depth: int) -> tuple[pl.DataType, Callable[[], Any]]:
    """A type, and what draws a value of it."""
    nested = [_list, _struct] if depth < 2 else []
    return chance.choice([_text] * 4 + [_integer] * 2 + [_float, _decimal, _time, _time, _other, *nested])(
        chance, depth
    )


def _text(chance: Random, _: int) -> tuple[pl.DataType, Callable[[], Any]]:
    return pl.String(), lambda: "".join(chance.choices(TEXTS, k=chance.choice([1, 1, 1, 2])))


def _integer(chance: Random, _: int) -> tuple[pl.DataType, Callable[[], Any]]:
    dtype = chance.choice(INTEGERS)
    lowest = -(2 ** BITS[dtype]) if dtype in INTEGERS[:4] else 0
    return dtype(), lambda: chance.choice(
        [lowest, 2 ** BITS[dtype] - 1, 0, 1, chance.randint(lowest, 2 ** BITS[dtype] - 1)]
    )


def _float(chance: Random, _: int) -> tuple[pl.DataType, Callable[[], Any]]:
    return chance.choice([pl.Float64(), pl.Float64(), pl.Float32()]), lambda: chance.choice(
        [*FLOATS, chance.gauss(0, 100)]
    )


def _decimal(chance: Random, _: int) -> tuple[pl.DataType, Callable[[], Any]]:
    return pl.Decimal(38, 2), lambda: Decimal(chance.choice(DECIMALS))


def _time(chance: Random, _: int) -> tuple[pl.DataType, Callable[[], Any]]:
    unit, zone = chance.choice(["ms", "us", "ns"]), chance.choice([None, "UTC", "Europe/Paris"])
    moments = [dt.datetime(1970, 1, 1), dt.datetime(2024, 10, 27, 2, 30), dt.datetime(2024, 3, 31, 12, 0, 0, 123456)]  # noqa: DTZ001
    if unit != "ns":  # which reach from 1677 to 2262
        moments += [dt.datetime(1, 1, 2), dt.datetime(9999, 12, 30, 23, 59, 59)]  # noqa: DTZ001
    dtype = chance.choice([pl.Date(), pl.Datetime(unit, zone)])
    if isinstance(dtype, pl.Datetime) and zone:
        moments = [moment.replace(tzinfo=dt.UTC) for moment in moments]
    return dtype, lambda: chance.choice(moments).date() if dtype == pl.Date() else chance.choice(moments)


def _other(chance: Random, _: int) -> tuple[pl.DataType, Callable[[], Any]]:
    return chance.choice(
        [
            *[(pl.Boolean(), lambda: chance.random() < 0.5)] * 3,
            *[(pl.Categorical(), lambda: chance.choice(["x", "007", ""]))] * 2,
            (pl.Binary(), lambda: chance.choice([b"", b"a", b"\xff"])),
            (pl.Duration("us"), lambda: dt.timedelta(chance.randint(-9, 9))),
            (pl.Time(), lambda: dt.time(chance.randint(0, 23))),
            (pl.Null(), lambda: None),
        ]
    )


def _list(chance: Random, depth: int) -> tuple[pl.DataType, Callable[[], Any]]:
    dtype, value = _kind(chance, depth + 1)
    return pl.List(dtype), lambda: [None if chance.random() < 0.2 else value() for _ in range(chance.randint(0, 3))]


def _struct(chance: Random, depth: int) -> tuple[pl.DataType, Callable[[], Any]]:
    kinds = {name: _kind(chance, depth + 1) for name in chance.sample(["n", "c", "d e"], chance.randint(1, 3))}
    return pl.Struct({name: dtype for name, (dtype, _) in kinds.items()}), lambda: {
        name: None if chance.random() < 0.2 else value() for name, (_, value) in kinds.items()
    }
