"""Exports of several dialects for the tests of ``importer.draft``, and what a user does with a draft of them."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from importer.api import validate
from importer.draft import Drafted, draft_mapping

if TYPE_CHECKING:
    from importer.report import Report


def drafted(content: str | bytes | pl.DataFrame, name: str = "export.csv", event: str | None = None) -> Drafted:
    """The draft for an export with this content, which is written into the current folder."""
    export(content, name)
    return draft_mapping(name, event)


def export(content: str | bytes | pl.DataFrame, name: str = "export.csv") -> None:
    """Write an export into the current folder."""
    if isinstance(content, pl.DataFrame):
        content.write_parquet(name)
    else:
        Path(name).write_bytes(content.encode() if isinstance(content, str) else content)


def live(text: str) -> str:
    """A draft without its comments."""
    lines = (line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#"))
    return "\n".join(lines)


def answered(text: str, edits: dict[str, str]) -> str:
    """The draft after ``edits``, each of which must be possible in one place of what is no comment."""
    for before, after in edits.items():
        places = [line for line in live(text).splitlines() if before in line]
        assert len(places) == 1, (before, places)
        text = text.replace(places[0], places[0].replace(before, after))
    assert "TODO" not in live(text)
    return text


def validated(text: str, source: str = "export.csv") -> Report:
    return validate(text, source)


def shop_lines() -> str:
    """Like a well-known data set of a British web shop: M/D/YYYY, invoices of several lines, customers missing."""
    rows = ["InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country"]
    for number in range(1, 31):
        customer = "" if number % 10 == 0 else f"1{number % 7:04d}"
        country = ["United Kingdom", "EIRE", "Norway"][number % 3]
        at = f"12/{1 + number % 2}/2010 {8 + number % 9}:{number % 60:02d}"
        rows += [
            f'{536000 + number},{22000 + line}A,"HEART, WHITE ",{line + 1},{at},{line}.95,{customer},{country}'
            for line in range(1 + number % 4)
        ]
    return "\n".join(rows) + "\n"


def conversions() -> str:
    """Like a vendor's template: dotted names, an item a row, a category of consent a row, lists with ``|``."""
    header = (
        "id,user.user_email,consent_categories,type,status,created,updated,acknowledged,currency,comment,"
        "billing_address.country,billing_address.iso_country_code,billing_address.locality,billing_address.postal_code,"
        "shipping_address.country,payment_method,original_amount,shipping_amount,discount_amount,tax_amount,"
        "final_amount,conversion_items.id,conversion_items.original_quantity,conversion_items.final_quantity,"
        "conversion_items.final_amount,conversion_items.product.id,conversion_items.product.name,"
        "conversion_items.product.category_1,conversion_items.product.price,conversion_items.product.colors"
    )
    at = "2019-03-04T20:00:00.000+01:00"
    rows = [
        f"order-{order},u{order}@example.org,{item},offline,in_progress,{at},{at},true,EUR,fragile,France,FR,Lyon,69001,"
        f"France,card,30,0,0,5,25,item-{order}-{item},3,{item},12.50,sku-{item},Mug,Kitchen,12.50,white|red"
        for order in range(1, 6)
        for item in range(1, 2 + order % 3)
    ]
    return "\n".join([header, *rows]) + "\n"


FRENCH_NAMES = (
    "N° commande", "Date commande", "Heure", "Code client", "Courriel", "Statut", "Réf. produit", "Libellé", "Quantité",
    "Prix unitaire HT", "Montant ligne TTC", "Pays",
)  # fmt: skip


def french_lines() -> bytes:
    """Semicolons, latin-1, decimal commas, a title above the header, day and hour apart."""
    rows = [
        "Export des commandes du 03/02/2024;;;;;;;;;;;",
        "",
        ";".join(FRENCH_NAMES),
    ]
    for order in range(1, 41):
        day = datetime(2023, 1, 1) + timedelta(days=7 * order)  # noqa: DTZ001  (a day of the calendar)
        state = ["Livrée", "Expédiée", "Annulée", "Litige"][order % 4]
        rows += [
            f"{order:06d};{day:%d/%m/%Y};{9 + order % 10:02d}:15;C{order % 13:04d};c{order % 13}@exemple.fr;{state};"
            f"R{line:03d};Thé à la menthe;{line + 1};{1249 + line},50;1 499,{line}0;{['France', 'Suisse'][order % 2]}"
            for line in range(1 + order % 3)
        ]
    return "\r\n".join(rows).encode("latin-1")


def nested_orders() -> pl.DataFrame:
    """Orders of a warehouse: a struct for the customer, a list of structs for the lines, local times."""
    numbers = range(60)
    return pl.DataFrame(
        {
            "orderId": [f"A{number:04d}" for number in numbers],
            "placedAt": [datetime(2024, 1, 1) + timedelta(hours=7 * number) for number in numbers],  # noqa: DTZ001
            "customer": [{"id": number % 17, "email": f"u{number % 17}@example.org"} for number in numbers],
            "grandTotal": [10.0 + number for number in numbers],
            "currencyCode": ["EUR"] * 60,
            "orderState": [["CONFIRMED", "SHIPPED", "X1"][number % 3] for number in numbers],
            "lineItems": [
                [{"sku": f"00{line}", "title": f"Thing {line}", "qty": line + 1, "unitPrice": 3.5}
                 for line in range(1 + number % 3)]
                for number in numbers
            ],
        }
    )  # fmt: skip


def page_views() -> str:
    """Tabs and milliseconds since 1970."""
    rows = ["ts\tvisitor_id\tpageUrl\tpage_title\treferer\tuserAgent\tip\tpageType\tcountry"]
    for number in range(300):
        kind = ["home", "product", "cart"][number % 7 % 3]
        referrer = "https://search.example/" if number % 3 else ""
        rows.append(
            f"{1_700_000_000_000 + number * 61_234}\tv{number % 40}\thttps://shop.example/{kind}\tPage {kind}\t"
            f"{referrer}\tMozilla/5.0 (X11)\t10.0.0.{number % 250}\t{kind}\tfr"
        )
    return "\n".join(rows) + "\n"
