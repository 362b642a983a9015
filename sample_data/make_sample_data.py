"""Makes the small exports of this folder, always the same: ``python sample_data/make_sample_data.py [FOLDER]``.

``orders.parquet`` is a clean warehouse export: typed columns, times in UTC, the lines of an order as a list of
structs. ``orders.csv`` is what a French shop hands over: semicolons, decimal commas, blanks between thousands, local
times, text of all kinds in quotes, and :data:`BROKEN` records that no importer should send. ``order_lines/`` is a till
system's export: one record a line of an order, the lines of an order anywhere in two files, one of them compressed.
"""

from __future__ import annotations

import csv
import gzip
import io
import sys
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Iterator

SEED = 20240229
PARQUET_ORDERS = 2_000
CSV_ORDERS = 1_500
TILL_ORDERS = 400
ROW_GROUP_ROWS = 512  # several row groups, as in a real export

FIRST_NAMES = ("Zoé", "Maël", "Anaïs", "Noël", "Chloé", "Jules", "Inès", "Léa", "Hugo", "François", "Aurélie", "Loïc")
LAST_NAMES = ("Lefèvre", "Müller", "D'Angelo", "Hervé", "Petit", "Nuñez", "Le Goff", "Roux", "Garçon", "Benoît")
PRODUCTS = (
    ("00417", "Théière en fonte 0,8 L", "34.90"),
    ("00418", 'Plateau "Été" rond', "18.50"),
    ("01020", "Chaise pliante; hêtre", "79.00"),
    ("01077", "Lampe de bureau\nbras articulé", "54.95"),
    ("02300", "Nappe enduite 140 x 240", "27.00"),
    ("03111", "Canapé d'angle convertible", "1249.00"),
    ("04002", "Bougie œillet & cèdre", "9.90"),
    ("05555", "Drap plat 100 % lin", "112.40"),
    ("07090", "Tapis berbère 200 x 300", "2380.00"),
    ("08081", "Étagère murale", "45.00"),
)

CSV_HEADER = (
    "numero", "nature", "date_commande", "statut", "canal", "paiement", "total_ttc", "tva", "frais_port", "devise",
    "code_promo", "client", "courriel", "telephone", "naissance", "pays", "consentements", "ref_produit",
    "libelle_produit", "quantite", "prix_ht", "commentaire",
)  # fmt: skip
# In these nights the clocks of Paris skip the hour from 2 to 3 (March) or show it twice (October).
CLOCK_CHANGES = {
    60: "27/03/2022 02:15", 180: "30/10/2022 02:45", 300: "26/03/2023 02:30", 420: "29/10/2023 02:30",
    540: "31/03/2024 02:05", 660: "27/10/2024 02:59",
    780: "26/03/2023 01:59", 900: "26/03/2023 03:00", 1020: "29/10/2023 01:59", 1140: "29/10/2023 03:00",
}  # fmt: skip
"""Local times at the edges of those hours, by the number of the order that has them."""
COMMENTS = (
    "", "", "", "NULL", "", "Laisser chez la gardienne", 'Écrire "Joyeux Noël" sur le paquet',
    "Code 12;A puis 2e étage", "Sonner deux fois\nou appeler", "Cadeau : ne pas joindre de facture",
)  # fmt: skip
PERSON = ("client", "courriel", "telephone", "naissance", "pays", "consentements")
BROKEN: tuple[tuple[str, dict[str, str]], ...] = (
    ("a day that does not exist", {"date_commande": "31/02/2024 10:15"}),
    ("no date", {"date_commande": ""}),
    ("no date, said with a word", {"date_commande": "NULL"}),
    ("a date in another form", {"date_commande": "2024-05-03T10:00"}),
    ("an amount in letters", {"total_ttc": "abc"}),
    ("an amount with a point between thousands", {"total_ttc": "1.234,56"}),
    ("a quantity in letters", {"quantite": "deux"}),
    ("a status that the map does not know", {"statut": "Perdue"}),
    ("no order number, so no key", {"numero": ""}),
    ("nobody who ordered", dict.fromkeys(PERSON, "")),
)  # fmt: skip
"""Records that are well-formed and must be rejected all the same: why, and the cells that differ from a good one."""


def main() -> None:
    """Write the files into the folder of the first argument, or beside this script."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    parquet_frame().write_parquet(folder / "orders.parquet", row_group_size=ROW_GROUP_ROWS)
    (folder / "orders.csv").write_bytes(csv_text().encode())
    lines = till_lines()
    half = len(lines) // 2
    (folder / "order_lines").mkdir(exist_ok=True)
    (folder / "order_lines" / "till-1.csv").write_bytes(till_text(lines[:half]).encode())
    (folder / "order_lines" / "till-2.csv.gz").write_bytes(gzip.compress(till_text(lines[half:]).encode(), mtime=0))


def parquet_frame() -> pl.DataFrame:
    """The orders of the warehouse, one a row."""
    random = Random(SEED)
    rows = [_warehouse_order(random, number) for number in range(1, PARQUET_ORDERS + 1)]
    money = pl.Decimal(12, 2)
    line = pl.Struct({"sku": pl.String, "label": pl.String, "quantity": pl.Int32, "price": money})
    schema: dict[str, pl.DataType | type[pl.DataType]] = {
        "order_id": pl.String, "ordered_at": pl.Datetime("us", "UTC"), "status": pl.String, "channel": pl.String,
        "payment": pl.String, "currency": pl.String, "total": money, "tax": money, "shipping": money, "net": pl.Float64,
        "coupon": pl.String, "lines": pl.List(line), "customer_id": pl.String, "email": pl.String, "phone": pl.String,
        "birthdate": pl.Date, "country": pl.String, "consent": pl.String, "ip": pl.String,
    }  # fmt: skip
    return pl.DataFrame(rows, schema=schema, orient="row")


def _warehouse_order(random: Random, number: int) -> tuple[Any, ...]:
    customer = random.randrange(1, 900)
    lines = [_line(random) for _ in range(random.randrange(1, 5))]
    goods = sum((line["price"] * line["quantity"] for line in lines), Decimal(0))
    shipping = None if random.randrange(5) == 0 else Decimal(random.choice(("0.00", "4.90", "7.50")))
    tax = (goods / 6).quantize(Decimal("0.01"))
    ordered_at = datetime(2021, 1, 1, tzinfo=UTC) + timedelta(microseconds=random.randrange(4 * 365 * 86_400_000_000))
    return (
        f"{number:07}", ordered_at, random.choice(("PAID", "PAID", "SENT", "SENT", "BACK", "DRAFT", "VOID")),
        random.choice(("web", "web", "shop", "phone")), random.choice(("CB", "CB", "VIR", "PAYPAL", "CHQ")),
        random.choice(("EUR", "EUR", "EUR", "CHF", "GBP", None)), goods + (shipping or 0), tax, shipping,
        float(goods - tax), random.choice(("BIENVENUE", "ÉTÉ-10", None, None, None, None, None)),
        None if random.randrange(40) == 0 else lines, f"{customer:06}", *_contact(random, customer),
    )  # fmt: skip


def _line(random: Random) -> dict[str, Any]:
    sku, label, price = random.choice(PRODUCTS)
    return {"sku": sku, "label": label, "quantity": random.randrange(1, 4), "price": Decimal(price)}


def _contact(random: Random, customer: int) -> tuple[Any, ...]:
    """E-mail, phone, birth date, country, consent and address of a customer; some of them are not known."""
    email = f"{_ascii_name(random)}.{customer}@example.com"
    email = random.choice((email, email, email.upper(), f" {email}"))
    phone = f"+336{random.randrange(10**8):08}"
    birthdate = date(1940, 1, 1) + timedelta(days=random.randrange(24_000))
    return (
        email if random.randrange(10) else None, phone if random.randrange(3) else None,
        birthdate if random.randrange(2) else None, random.choice(("FR", "FR", "FR", "BE", "CH", "GB", None)),
        random.choice(("1|2|3", "1|2", "1", None)),
        f"203.0.113.{random.randrange(256)}" if random.randrange(4) else None,
    )  # fmt: skip


def _ascii_name(random: Random) -> str:
    return random.choice(("zoe", "mael", "anais", "chloe", "jules", "ines", "lea", "hugo", "loic"))


def csv_text() -> str:
    """The orders of the shop, one a record, with what is broken spread out between the good ones."""
    random = Random(SEED)
    records = [_record(row) for row in _shop_orders(random)]
    good = _shop_order(Random(SEED), 1) | {"statut": "Payée"}
    broken = [_record(good | {"numero": f"9{number:06}"} | cells) for number, (_, cells) in enumerate(BROKEN, 1)]
    broken += _misshapen(good)
    for number, record in enumerate(broken):
        records.insert(97 + number * 100, record)
    return "\n".join((";".join(CSV_HEADER), *records, ""))


def _misshapen(good: dict[str, str]) -> Iterator[str]:
    """Records that are not even well-formed: too short, too long, with a stray quote, with text behind a quote."""
    cells = [_cell(value) for value in (good | {"numero": "9000101"}).values()]
    yield ";".join(cells[:-5])
    yield ";".join((*cells, "de trop"))
    yield ";".join((*cells[:-1], '12" de large'))
    yield ";".join((*cells[:-1], '"Fragile" !'))


def _shop_orders(random: Random) -> Iterator[dict[str, str]]:
    for number in range(1, CSV_ORDERS + 1):
        yield _shop_order(random, number)


def _shop_order(random: Random, number: int) -> dict[str, str]:
    sku, label, price = random.choice(PRODUCTS)
    quantity, customer = random.randrange(1, 4), random.randrange(1, 700)
    goods = (Decimal(price) * quantity * Decimal("1.2")).quantize(Decimal("0.01"))
    shipping = Decimal(random.choice(("0", "4.9", "12.5")))
    ordered_at = datetime(2021, 1, 1) + timedelta(minutes=random.randrange(4 * 365 * 1440))  # noqa: DTZ001  local time
    status = random.choice(("Payée", "Expédiée", "Expédiée", "Livrée", "Annulée", "Brouillon"))
    return {
        "numero": f"{number:07}",
        "nature": "R" if number % 50 == 0 else "V",
        "date_commande": CLOCK_CHANGES.get(number) or _french(ordered_at),
        "statut": "Livrée" if number in CLOCK_CHANGES else status,
        "canal": random.choice(("site", "site", "magasin", "téléphone")),
        "paiement": random.choice(("CB", "CB", "virement", "chèque", "PayPal")),
        "total_ttc": _amount(goods + shipping, random),
        "tva": _amount((goods / 6).quantize(Decimal("0.01")), random),
        "frais_port": _amount(shipping, random),
        "devise": random.choice(("EUR", "EUR", "EUR", "CHF", "")),
        "code_promo": random.choice(("", "", "", "NULL", "NOËL;10", "RENTRÉE")),
        "client": f"{customer:05}" if random.randrange(20) else "",
        "courriel": random.choice(
            (f"{_ascii_name(random)}.{customer}@Example.com ", "NULL", f"client{customer}@example.fr")
        ),
        "telephone": f"06 {random.randrange(100):02} {random.randrange(100):02} {random.randrange(100):02} 00",
        "naissance": f"{random.randrange(1, 29):02}/{random.randrange(1, 13):02}/{random.randrange(1940, 2005)}"
        if random.randrange(2)
        else "",
        "pays": random.choice(("France", "France", "Belgique", "Suisse")),
        "consentements": random.choice(("1|2|3", "1|3", "2", "")),
        "ref_produit": sku,
        "libelle_produit": label,
        "quantite": str(quantity),
        "prix_ht": _amount(Decimal(price), random),
        "commentaire": _comment(random),
    }


def _french(moment: datetime) -> str:
    return moment.strftime("%d/%m/%Y %H:%M")


def _amount(value: Decimal, random: Random) -> str:
    """``1 234,5``: with a blank or a narrow no-break one between thousands, as spreadsheets write it."""
    blank = random.choice((" ", "\u202f"))
    return f"{value:,f}".replace(",", blank).replace(".", ",")


def _comment(random: Random) -> str:
    greeting = f"Pour {random.choice(FIRST_NAMES)} {random.choice(LAST_NAMES)}"
    return random.choice((*COMMENTS, greeting))


def _record(row: dict[str, str]) -> str:
    return ";".join(_cell(row[name]) for name in CSV_HEADER)


def _cell(text: str) -> str:
    if not any(sign in text for sign in ';"\n'):
        return text
    doubled = text.replace('"', '""')
    return f'"{doubled}"'


def till_lines() -> list[tuple[str, ...]]:
    """The lines of the till, shuffled: of most orders some are far apart. One order has a line that is wrong."""
    random = Random(SEED)
    lines = [line for number in range(1, TILL_ORDERS + 1) for line in _till_order(random, number)]
    random.shuffle(lines)
    return lines


def _till_order(random: Random, number: int) -> Iterator[tuple[str, ...]]:
    moment = datetime(2024, 1, 2, tzinfo=UTC) + timedelta(minutes=random.randrange(180 * 1_440))
    order, card = f"T{number:05}", f"{random.randrange(1, 300):06}" if random.randrange(20) else ""
    for position in range(random.randrange(1, 7)):
        sku, label, price = random.choice(PRODUCTS)
        quantity = "two" if number == TILL_ORDERS // 2 and not position else str(random.randrange(1, 4))
        yield order, f"{moment:%Y-%m-%dT%H:%M:%SZ}", card, sku, label, quantity, price
    if random.randrange(3) == 0:
        yield order, f"{moment:%Y-%m-%dT%H:%M:%SZ}", card, "POST", "Delivery", "1", "4.90"


def till_text(lines: list[tuple[str, ...]]) -> str:
    """``lines`` as CSV."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("order", "time", "card", "sku", "label", "quantity", "price"))
    writer.writerows(lines)
    return text.getvalue()


if __name__ == "__main__":
    main()
