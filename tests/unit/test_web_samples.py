"""The mappings of a web shop on their samples, against what plain Python makes of the same files."""

from __future__ import annotations

import csv
import hashlib
import json
import subprocess
import sys
from collections import defaultdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

import importer
from importer.belt import Belt
from importer.dedupe import first_pass
from importer.outstanding import everything
from importer.pipeline import plan
from importer.report import Report
from importer.settings import RunSettings

if TYPE_CHECKING:
    from importer.report import Snapshot

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "sample_data"
NOW_MS = 1_800_000_000_000
FILES = ("page_views.tsv", "shop_events.csv", "refunds.csv", "products.csv", "leads.csv")
Event = dict[str, Any]


class Silent:
    """A progress that nobody sees."""

    def update(self, snapshot: Snapshot) -> None:
        """Show nothing."""


def events_of(config: str, sample: str) -> list[Event]:
    """The events that a run would send, by the mapping in ``configs``."""
    planned = plan(ROOT / "configs" / f"{config}.yaml", [str(SAMPLES / sample)], RunSettings())
    found = []
    with everything(planned, Silent(), lambda: None) as todo:
        left_out = first_pass(planned, todo, NOW_MS, Report(), Silent(), lambda: None)
        for batch in Belt(planned, todo.works, NOW_MS, left_out=left_out).batches():
            found += [json.loads(piece.event(i)) for piece in batch.pieces for i in range(piece.start, piece.stop)]
    return found


def records(name: str, separator: str = ",") -> list[dict[str, str]]:
    with (SAMPLES / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter=separator))


def checked(config: str, sample: str) -> importer.Report:
    report = importer.validate(ROOT / "configs" / f"{config}.yaml", SAMPLES / sample)
    assert report.exit_code == importer.ExitCode.ROWS_REJECTED  # each sample has something that is wrong
    return report


def without_id(event: Event) -> Event:
    """The event without its id, which is no fact of the file."""
    event["context"].pop("event_id")
    return event


def test_the_script_makes_exactly_the_committed_files(tmp_path: Path) -> None:
    subprocess.run([sys.executable, SAMPLES / "make_web_samples.py", tmp_path], check=True, timeout=60)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(FILES)
    for name in FILES:
        assert (tmp_path / name).read_bytes() == (SAMPLES / name).read_bytes()


PAGE_TYPES = {
    "Startseite": "home", "Kategorie": "product_list", "Artikel": "product", "Korb": "cart", "Suche": "search",
}  # fmt: skip


def test_page_views_of_those_who_agreed() -> None:
    rows = records("page_views.tsv", "\t")
    agreed = [row for row in rows if "2" in row["consents"].split(",")]
    expected = [
        {
            "event_name": "page_view",
            "page_type": PAGE_TYPES[row["template"]],
            "page_name": row["title"],
            "user": {"consistent_anonymous_id": row["visitor"], "consent_categories": row["consents"].split(",")},
            "context": {
                "event_timestamp": int(row["time_ms"]),
                "page": {"url": row["url"], "title": row["title"]},
                "device": {"ip": row["ip"]},
            },
        }
        for row in agreed
        if row["time_ms"].isdigit()
    ]
    assert [without_id(event) for event in events_of("page_views", "page_views.tsv")] == expected
    report = checked("page_views", "page_views.tsv")
    assert report.without_consent == report.rows.filtered == len(rows) - len(agreed)
    assert report.warnings.keys() == {"required:user.email"}


NAMES = {"view": "view_item", "cart": "add_to_cart", "order": "purchase"}


def test_events_of_several_kinds() -> None:
    products = {row["sku"]: row for row in records("products.csv")}
    rows = [row for row in records("shop_events.csv") if row["event"] in NAMES]
    events = events_of("shop_events", "shop_events.csv")
    assert [event["event_name"] for event in events] == [NAMES[row["event"]] for row in rows]
    assert [event["items"][0]["product"]["name"] for event in events] == [products[row["sku"]]["label"] for row in rows]
    assert [event["items"][0]["product"]["price"] for event in events] == [
        float(products[row["sku"]]["price"]) for row in rows
    ]
    orders = [event for event in events if event["event_name"] == "purchase"]
    assert all({"id", "type", "status", "payment_method", "revenue"} <= event.keys() for event in orders)
    assert not any("status" in event for event in events if event["event_name"] != "purchase")
    assert [event["revenue"] for event in orders] == [
        round(float(row["amount"]) / 1.2, 2) for row in rows if row["event"] == "order"
    ]
    people = {event["user"]["id"]: event["user"]["consistent_anonymous_id"] for event in events}
    assert len(set(people.values())) == len(people) == 40
    assert len({event["context"]["event_id"] for event in events}) == len(events)
    assert checked("shop_events", "shop_events.csv").warnings.keys() == {"required:user.email"}


def test_refunds_whole_and_in_part() -> None:
    groups: dict[str, list[dict[str, str]]] = defaultdict(list)
    for row in records("refunds.csv"):
        groups[row["refund_id"]].append(row)
    good = [rows for rows in groups.values() if all(row["sku"] != "99999" for row in rows)]
    events = events_of("refunds", "refunds.csv")
    assert [event["id"] for event in events] == [rows[0]["order_id"] for rows in good]
    assert [event["value"] for event in events] == [round(sum(float(row["gross"]) for row in rows), 2) for rows in good]
    assert [[item["id"] for item in event.get("items", [])] for event in events] == [
        [row["sku"] for row in rows if row["sku"]] for rows in good
    ]
    assert len({event["id"] for event in events}) < len(events), "an order may be refunded twice"
    assert len({event["context"]["event_id"] for event in events}) == len(events)
    report = checked("refunds", "refunds.csv")
    assert report.reject_codes.keys() == {"lookup_missing", "group_rejected"} or report.reject_codes.keys() == {
        "lookup_missing"
    }
    assert not report.warnings
    assert not report.mapping_warnings


def test_leads_once_each_with_their_hashes() -> None:
    rows = [row for row in records("leads.csv", ";") if "1" in row["consents"].split("|")]
    first = {row["lead_id"]: row for row in rows if row["phone"] != "ask her"}
    events = events_of("leads", "leads.csv")
    assert [event["id"] for event in events] == list(first)
    paris = ZoneInfo("Europe/Paris")
    for event, row in zip(events, first.values(), strict=True):
        moment = datetime.strptime(row["created"], "%d/%m/%Y %H:%M").replace(tzinfo=paris)
        assert event["context"]["event_timestamp"] == moment.timestamp() * 1000
        assert event["value"] == float(row["value"].replace(",", "."))
        assert event["user"]["email_sha256"] == _sha256(row["email"].strip().lower())
        digits = row["phone"].replace(" ", "")
        number = digits if digits.startswith("+") else f"+33{digits.removeprefix('0033').removeprefix('0')}"
        assert event["user"].get("phone_sha256") == (_sha256(number) if digits else None)
    report = checked("leads", "leads.csv")
    assert report.rows.duplicate == len(rows) - len(first) - report.rows.rejected
    assert report.warnings.keys() == {"duplicate_event"}


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize("config", [path.stem for path in sorted((ROOT / "configs").glob("*.yaml"))])
def test_every_mapping_names_its_commands_and_its_sample(config: str) -> None:
    lines = (ROOT / "configs" / f"{config}.yaml").read_text(encoding="utf-8").splitlines()
    commands = [line.removeprefix("#").split() for line in lines if line.startswith("#   importer ")]
    assert [command[1] for command in commands] == ["validate", "run"]
    for command in commands:
        assert command[2] == f"configs/{config}.yaml"
        assert (ROOT / command[3]).exists()
