"""Makes the exports of a web shop in this folder, always the same: ``python sample_data/make_web_samples.py [FOLDER]``.

``page_views.tsv`` is what an analytics tool writes: tabs, milliseconds since 1970, the consents of each visitor.
``shop_events.csv`` is a log with several kinds of events, told by a column. ``refunds.csv`` has a record for each
article that came back, and ``products.csv`` is the catalogue that tells what it was. ``leads.csv`` is a CRM's export:
national phone numbers, local times, and the same lead more than once.
"""

from __future__ import annotations

import csv
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

SEED = 20240301
VISITORS, PAGE_VIEWS, SESSIONS, REFUNDS, LEADS = 60, 400, 90, 80, 120
FIRST = datetime(2025, 3, 3, 7, tzinfo=UTC)
PRODUCTS = {
    "00417": ("Cast iron teapot, 0.8 l", "29.08", "Kitchen"),
    "00418": ("Round tray", "15.42", "Kitchen"),
    "01020": ("Folding chair, beech", "65.83", "Garden"),
    "01077": ("Desk lamp", "45.79", "Office"),
    "02300": ("Tablecloth 140 x 240", "22.50", "Kitchen"),
    "03111": ("Corner sofa bed", "1040.83", "Living room"),
}
PAGES = (
    ("/", "Home", "Startseite"), ("/c/kitchen", "Kitchen", "Kategorie"), ("/c/garden", "Garden", "Kategorie"),
    ("/p/00417", "Cast iron teapot", "Artikel"), ("/p/01077", "Desk lamp", "Artikel"), ("/cart", "Your cart", "Korb"),
    ("/search?q=lamp", "Search", "Suche"),
)  # fmt: skip
NAMES = ("zoe", "mael", "ines", "hugo", "lea", "jules", "anais", "noel", "chloe", "loic")
Record = tuple[str, ...]


def main() -> None:
    """Write all files, each complete or not at all."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    catalogue = ((sku, *about) for sku, about in PRODUCTS.items())
    _write(folder / "products.csv", ("sku", "label", "price", "category"), catalogue)
    columns = ("time_ms", "visitor", "url", "title", "template", "consents", "ip")
    _write(folder / "page_views.tsv", columns, page_views(), "\t")
    columns = ("event", "time", "session", "customer", "order", "sku", "quantity", "amount", "currency", "consents")
    _write(folder / "shop_events.csv", columns, shop_events())
    columns = ("refund_id", "order_id", "refunded_at", "sku", "quantity", "gross", "net", "currency", "email")
    _write(folder / "refunds.csv", columns, refunds())
    columns = ("lead_id", "created", "email", "phone", "value", "campaign", "consents")
    _write(folder / "leads.csv", columns, leads(), ";")


def _write(file: Path, columns: Record, records: Iterator[Record], separator: str = ",") -> None:
    unfinished = file.with_suffix(".unfinished")
    with unfinished.open("w", encoding="utf-8", newline="") as target:
        writer = csv.writer(target, delimiter=separator, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(records)
    unfinished.replace(file)


def page_views() -> Iterator[Record]:
    """By day, of visitors of whom some agreed to nothing; one has a time that is none."""
    random = Random(SEED)
    consents = {visitor: random.choice(("1,2,3", "1,2,3", "1,3", "")) for visitor in range(VISITORS)}
    for number in range(PAGE_VIEWS):
        moment = FIRST + timedelta(days=number // 40, seconds=random.randrange(13 * 3600))
        visitor = random.randrange(VISITORS)
        path, title, template = random.choice(PAGES)
        time = str(int(moment.timestamp() * 1000) + number)
        if number == PAGE_VIEWS // 2:
            time, consents[visitor] = "yesterday", "1,2,3"
        url = f"https://shop.example{path}"
        yield time, f"v{visitor:04}", url, title, template, consents[visitor], f"192.0.2.{visitor}"


def shop_events() -> Iterator[Record]:
    """Sessions of some steps each; one ends with a step that nobody knows."""
    random = Random(SEED + 1)
    for session in range(1, SESSIONS + 1):
        moment = FIRST + timedelta(hours=session * 5, minutes=random.randrange(60))
        sku = random.choice(list(PRODUCTS))
        quantity = random.randrange(1, 4)
        amount = f"{float(PRODUCTS[sku][1]) * 1.2 * quantity:.2f}"
        steps = ["view", "cart", "order"][: random.randrange(1, 4)] + (["fax"] if session == SESSIONS // 2 else [])
        for number, step in enumerate(steps):
            time = f"{moment + timedelta(minutes=3 * number):%Y-%m-%dT%H:%M:%S}+00:00"
            order = f"W{session:05}" if step == "order" else ""
            customer = f"{session % 40:06}"
            yield step, time, f"s{session:05}", customer, order, sku, str(quantity), amount, "EUR", "1|2"


def refunds() -> Iterator[Record]:
    """Of orders, some of them refunded twice; whole refunds name no article, and one article is in no catalogue."""
    random = Random(SEED + 2)
    for number in range(1, REFUNDS + 1):
        moment = FIRST + timedelta(days=30, hours=7 * number)
        order = f"W{random.randrange(1, 60):05}"
        head = (f"R{number:05}", order, f"{moment:%Y-%m-%d %H:%M:%S+01:00}")
        email = f"{random.choice(NAMES)}.{number % 25}@mail.example"
        if number % 5 == 0:
            yield *head, "", "", "120.00", "100.00", "EUR", email
            continue
        for sku in random.sample(list(PRODUCTS), random.randrange(1, 3)):
            found = "99999" if number == REFUNDS // 2 + 1 else sku
            net = float(PRODUCTS[sku][1])
            yield *head, found, "1", f"{net * 1.2:.2f}", f"{net:.2f}", "EUR", email


def leads() -> Iterator[Record]:
    """Of a French CRM; every tenth lead comes again, as it was, and one number is no phone number."""
    random = Random(SEED + 3)
    for number in range(1, LEADS + 1):
        moment = datetime(2025, 1, 6, 8, tzinfo=UTC) + timedelta(hours=11 * number, minutes=random.randrange(600))
        digits = f"{random.randrange(10**8):08}"
        phone = random.choice((f"06{digits}", f"+33 7 {digits}", f"0033 6{digits}", ""))
        phone = "ask her" if number == LEADS // 2 else phone
        email = f" {random.choice(NAMES).title()}.{number}@Mail.example"
        created = f"{moment:%d/%m/%Y %H:%M}"
        value = f"{random.randrange(50, 900)},{random.randrange(100):02}"
        campaign = random.choice(("spring", "fair", ""))
        record = (f"L{number:05}", created, email, phone, value, campaign, random.choice(("1|2", "1", "2")))
        yield record
        if number % 10 == 0:
            yield record


if __name__ == "__main__":
    main()
