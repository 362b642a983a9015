"""Placeholder until branch guard is merged."""

import polars as pl

KINDS = ("email", "phone", "card", "iban")


def declared(path: str, format: str | None) -> frozenset[str]:
    return frozenset()


def find_personal(texts: pl.Series) -> dict[str, pl.Series]:
    return {}


def mask(text: str) -> str:
    return text
