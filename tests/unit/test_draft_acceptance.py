"""From an unknown export to a mapping that validates, in at most three edits. Expected numbers are counted by hand."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import polars as pl
import pytest
from drafting import (
    answered,
    conversions,
    drafted,
    export,
    french_lines,
    live,
    nested_orders,
    page_views,
    shop_lines,
    validated,
)

if TYPE_CHECKING:
    from pathlib import Path

    from importer.draft import Drafted


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


CASES = {
    "shop": (
        shop_lines(),
        "export.csv",
        {
            "timezone: TODO": "timezone: Europe/London",
            "{value: TODO}": "{value: GBP}",
            "format: TODO": 'format: "%m/%d/%Y %H:%M"',
        },
        30,
    ),
    "conversions": (conversions(), "export.csv", {}, 5),
    "french": (
        french_lines(),
        "export.csv",
        {"timezone: TODO": "timezone: Europe/Paris", "{value: TODO}": "{value: EUR}", "Litige: TODO": "Litige: null"},
        40,
    ),
    "nested": (
        nested_orders(),
        "export.parquet",
        {"timezone: TODO": "timezone: Europe/Paris", "X1: TODO": "X1: returned"},
        60,
    ),
    "views": (page_views(), "export.tsv", {}, 300),
}  # fmt: skip


@cache
def draft_of(name: str) -> Drafted:
    content, file, _, _ = CASES[name]
    return drafted(content, file)


@pytest.mark.parametrize("name", CASES)
def test_a_draft_validates_after_at_most_three_edits(name: str) -> None:
    content, file, edits, events = CASES[name]
    export(content, file)
    draft = draft_of(name)
    report = validated(answered(draft.text, edits), file)
    assert len(edits) == len(draft.todos) <= 3
    assert (report.exit_code, report.events.accepted, report.rows.rejected) == (0, events, 0)
    assert (draft.trial.events, draft.trial.rejected, draft.trial.problem) == (events, 0, "")


def test_the_same_export_always_gives_the_same_text() -> None:
    assert drafted(french_lines()).text == draft_of("french").text


def test_the_shop_gets_one_event_an_invoice() -> None:
    text = live(draft_of("shop").text)
    assert "group_by: InvoiceNo" in text
    assert 'value: {sql: "SUM(UnitPrice * Quantity)", round: 2}' in text
    assert "columns: {UnitPrice: number, Quantity: integer}" in text
    assert 'user.country: {column: Country, map: {United Kingdom: GB, Norway: "NO", EIRE: IE}}' in text
    assert "user.consistent_anonymous_id: {id_from: InvoiceNo, when: CustomerID IS NULL}" in text


def test_day_and_month_are_asked_for_where_nothing_tells_with_what_both_would_mean() -> None:
    draft = draft_of("shop")
    assert "%m/%d/%Y %H:%M gives 2010-12-01 to 2010-12-02, %d/%m/%Y %H:%M gives 2010-01-12 to 2010-02-12." in " ".join(
        line.strip(" #") for line in draft.text.splitlines()
    )


def test_the_template_of_the_vendor_is_mapped_without_a_question() -> None:
    text = live(draft_of("conversions").text)
    for line in (
        "group_by: id",
        "value: final_amount",
        "quantity: conversion_items.final_quantity",
        "id: conversion_items.id",
        "product.id: conversion_items.product.id",
        'product.colors: {column: conversion_items.product.colors, split: "|"}',
        "user.country: billing_address.iso_country_code",
        'user.consent_categories: {sql: "ARRAY_AGG(DISTINCT consent_categories)"}',
        "context.event_timestamp: created",
    ):
        assert line in text, line


def test_the_french_export_is_read_as_it_is_written() -> None:
    text = live(draft_of("french").text)
    for line in ('separator: ";"', "encoding: latin-1", "skip_rows: 2", 'decimal: ","', 'thousands: " "'):
        assert line in text, line
    assert "value: {sql: 'SUM(\"Montant ligne TTC\")', round: 2}" in text
    assert '{sql: "\\"Date commande\\" || \' \' || Heure", format: "%d/%m/%Y %H:%M"}' in text


def test_lists_of_structs_become_entries() -> None:
    text = live(draft_of("nested").text)
    assert "from: lineItems" in text
    assert "product.name: title" in text
    assert "user.id: {sql: customer.id}" in text
    assert "key: orderId" in text


def test_a_folder_is_drafted_from_its_first_file(tmp_path: Path) -> None:
    folder = tmp_path / "day=2024-01-01"
    folder.mkdir()
    drafted(page_views(), str(folder / "a.tsv"))
    drafted(page_views(), str(folder / "b.tsv"))
    from importer.draft import draft_mapping  # noqa: PLC0415

    draft = draft_mapping(str(tmp_path))
    assert any("2 files are meant" in note for note in draft.notes)
    assert "#   day: 2024-01-01" in draft.text


def test_parquet_ids_that_are_floats_are_cast() -> None:
    frame = pl.DataFrame({"order_id": [1.0, 2.0], "total": [1.5, 2.5], "customer_id": [7.0, 8.0]}).with_columns(
        created_at=pl.datetime(2024, 1, pl.int_range(1, 3), time_zone="UTC"), currency=pl.lit("EUR")
    )
    draft = drafted(frame, "export.parquet")
    assert 'user.id: {sql: "CAST(customer_id AS BIGINT)"}' in draft.text
    assert "key: position" in draft.text
    assert (draft.trial.events, draft.trial.problem) == (2, "")
