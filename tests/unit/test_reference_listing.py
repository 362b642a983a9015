"""``importer reference``: the page of each event, for people and for machines."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from dataclasses import asdict

import pytest
from click.testing import CliRunner

from importer import reference
from importer.cli import cli
from importer.reference.listing import as_data, nearest_names, overview, page


def lines_of(event: str, *, everything: bool = True, width: int = 100) -> list[str]:
    return list(page(event, width, everything=everything))


def flat(lines: list[str]) -> str:
    return " ".join(" ".join(lines).split())


def section(lines: list[str], heading: str) -> list[str]:
    """The first words of the lines below ``heading``."""
    start = lines.index(heading) + 1
    end = lines.index("", start)
    return [line.split()[0] for line in lines[start:end] if line.startswith("  ") and line[2] != " "]


@pytest.mark.parametrize("event", reference.EVENT_NAMES)
def test_the_page_of_an_event_has_every_property_once_and_fits(event: str) -> None:
    lines = lines_of(event)
    named = [line.split()[0] for line in lines if line.startswith("  ") and line[2] != " "]
    paths = set(reference.properties(event)) - {"context", "items[].product"}
    shown = [name for name in named if name in paths]
    assert sorted(shown) == sorted(paths)
    assert max(map(len, lines)) <= 100
    keys = {key for prop in reference.properties(event).values() for key in prop.docs}
    assert keys <= set(named), "every page that is named is told at the end"
    assert {reference.DOCS[key] for key in keys} <= {line.strip().rpartition("  ")[2] for line in lines}, (
        "in one piece, to be copied"
    )


def test_a_purchase_says_what_must_be_mapped() -> None:
    lines = lines_of("purchase")
    assert section(lines, "The API requires") == ["event_name", "user", "context.event_id", "context.event_timestamp"]
    assert section(lines, "Required by the reference") == [
        "id", "type", "value", "revenue", "payment_method", "currency", "status", "items",
    ]  # fmt: skip
    assert section(lines, "In each entry of items: required")[:2] == ["items[].id", "items[].quantity"]
    text = flat(lines)
    assert "status text; one of canceled, delivered, in_progress" in text
    assert "user.email text; required unless user.email_sha256 is sent" in text
    assert "commit caf913c2b6 of 2026-08-21" in text
    assert "developers/tracking/events-reference/README.md" in text


GOLDEN = {
    "purchase": """
        purchase (ecommerce event)
        Note: every member of user that is sent is a condition that a stored user has to match; the two
        tables agree on what is required and differ in what is optional.

        A row without what the API requires is rejected. Where something is missing that the reference
        requires beyond that, or a value is not one of those listed, it is a warning; with --strict the row
        is rejected.

        The API requires
          event_name                       text; written by `event` of the mapping, not by a field (ER)
          user                             object; there as soon as one of its members is mapped, such as
                                           user.id (ER, EC)
          context.event_id                 text; made from `key` of the mapping, unless a field writes it;
                                           text of any form; the SDKs use random ids (ER, HS)
          context.event_timestamp          time; no time is ever invented, so a field has to write it; when
                                           the event happened, though two pages say when it was sent (ER,
                                           HS, HT)

        Required by the reference
          id                               text; id of the transaction; the key of later updates (ER, EC)
          type                             text; for example online, offline, call; offline makes several
                                           destinations treat it as a purchase in a shop (ER, EC)
        """,
    "refund": """
        Required in some cases
          items                            list of objects; required for a partial refund, not for a full
                                           one; not checked (EC, ER)

        Optional
          shipping_amount                  number (EC, ER)
          tax_amount                       number (EC, ER)
          coupon                           text (EC, ER)
          url                              text; a URL; the web SDK adds it, an import has to map it; the
                                           page where the event fired (EC, ER)

        In each entry of items: required
        """,
    "page_view": """
        Required by the reference
          page_type                        text; for example home, landing, product_list, product,
                                           content_list, content, search, funnel, success,
                                           funnel_confirmation, account, cart, legal (CE, ER)

        Optional
          page_name                        text (CE, ER)
          type                             text; deprecated; the old name of page_type (CE, ER)
          title                            text; the web SDK adds it, an import has to map it (CE, ER)
        """,
    "video_start": """
        Required by the reference
          video_session_id                 text (VE, VP)
          content_asset_id                 list of texts; an array on this event only (VE, VP)
          cursor_position                  integer; in seconds, ads included (VE, VP)
          total_length                     integer; in seconds, ads included; the vendor asks for null when
                                           the video is a livestream, the importer leaves it out (VE, VP)

        Optional
          video_title                      text (VE, VP)
        """,
}


@pytest.mark.parametrize("event", GOLDEN)
def test_a_newcomer_reads(event: str) -> None:
    assert textwrap.dedent(GOLDEN[event]).strip("\n") in "\n".join(lines_of(event))


def test_rows_outside_of_the_tables_say_so() -> None:
    assert "method text; in examples only, not in the table (EC, ER)" in flat(lines_of("generate_lead"))
    assert "user.card text; in examples only, not in the table; loyalty card (ER)" in flat(lines_of("login"))
    assert "user.ID text; mobile only" in flat(lines_of("login")), "whose page has no table of events"


def test_sound_has_its_bounds() -> None:
    assert "sound integer; from 0 to 100 (VE, VP)" in flat(lines_of("video_pause"))


def test_what_no_program_checks_is_said() -> None:
    unchecked = [line for line in lines_of("add_payment_info", width=400) if "not checked" in line]
    assert [line.split()[0] for line in unchecked] == ["items[].affiliation", "user.consistent_anonymous_id"]


def test_what_is_conditional_stands_apart() -> None:
    assert section(lines_of("refund"), "Required in some cases") == ["items"]
    assert section(lines_of("generate_lead"), "Required in some cases") == ["currency"]


def test_what_an_import_seldom_has_is_folded_unless_asked_for() -> None:
    short, long = lines_of("search", everything=False), lines_of("search")
    named = {line.split()[0] for line in short if line.startswith("  ") and line[2] != " "}
    assert {"context.page.url", "context.device.ip", "user.id", "user.consistent_anonymous_id"} <= named
    assert named.isdisjoint({"context.device.os.name", "user.tcId", "context.generatorVersion", "context.app"})
    assert "8 of user, 53 of context; --all shows them, too" in flat(short)
    hidden = set(reference.properties("search")) - {"context"} - named
    assert len(hidden) == 8 + 53
    assert all(reference.properties("search")[path].required == "no" for path in hidden)
    assert "--all" not in flat(long)
    assert "8 of user, 3 of items, 53 of context" in flat(lines_of("purchase", everything=False))


def test_an_event_of_ones_own() -> None:
    lines = lines_of("my_own")
    assert lines[0] == "my_own"
    assert "None of the 51 standard events. It may carry what any event may" in flat(lines)
    assert {"The API requires", "Of the user: required", "Any event may carry"} <= set(lines)
    assert "Required by the reference" not in lines


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("purchas", ["purchase"]),
        ("PageView", ["page_view"]),
        ("REFUND", ["refund"]),
        ("video_full_screen_off", ["video_fullscreen_off", "video_fullscreen_on"]),
        ("videostart", ["video_start"]),
        ("zzz", []),
        ("", []),
        ("purchase" * 10_000, []),
    ],
)
def test_the_nearest_names_are_told(name: str, near: list[str]) -> None:
    found = nearest_names(name)
    assert found[: len(near)] == near
    assert bool(found) == bool(near)
    assert as_data(name)["nearest"] == found
    if near:
        assert f"None of the 51 standard events; the nearest: {', '.join(found)}." in flat(lines_of(name))


def test_the_overview_has_all_events_and_all_contradictions() -> None:
    lines = list(overview(100))
    firsts = {line.split()[0] for line in lines if line.startswith("  ")}
    assert set(reference.EVENT_NAMES) <= firsts
    assert {item.name for item in reference.CONTRADICTIONS} <= firsts
    text = flat(lines)
    assert "The mapping may say otherwise: payload.consent_type" in text
    assert max(map(len, lines)) <= 100


@pytest.mark.parametrize("width", [20, 40, 72])
def test_a_narrow_terminal_gets_all_of_it(width: int) -> None:
    narrow, wide = (" ".join(" ".join(lines_of("purchase", width=each)).split()) for each in (width, 100))
    assert narrow.replace(" ", "").replace("-", "") == wide.replace(" ", "").replace("-", "")


def test_values_are_never_torn_apart() -> None:
    for width in range(50, 70):
        assert "one of pre-roll, mid-roll, post-roll (VE, VP)" in flat(lines_of("video_start", width=width))


def test_for_machines() -> None:
    found = as_data("purchase")
    assert [prop["path"] for prop in found["properties"]] == list(reference.properties("purchase"))
    assert found["properties"][0] == asdict(next(iter(reference.properties("purchase").values())))
    assert found["is_standard"]
    assert found["nearest"] == []
    assert found["source"]["commit"] == reference.DOCS_COMMIT
    assert set(found["source"]["pages"]) == set(reference.DOCS)
    assert not as_data("my_own")["is_standard"]
    everything = as_data(None)
    assert len(everything["events"]) == 51
    assert len(everything["contradictions"]) == len(reference.CONTRADICTIONS)
    assert everything["events"][0]["required"] == ["page_type", "user"]
    assert json.loads(json.dumps(everything))["contradictions"][0]["docs"] == ["HT", "HS", "ER"]


@pytest.mark.parametrize("event", reference.EVENT_NAMES)
def test_machines_get_every_property_of_every_event(event: str) -> None:
    found = as_data(event)
    assert [prop["path"] for prop in found["properties"]] == list(reference.properties(event))
    assert {key for prop in found["properties"] for key in prop["docs"]} <= set(found["source"]["pages"])
    own = {prop.path for prop in reference.EVENTS[event].properties if prop.required == "yes"}
    assert set(found["required"]) == own - {"event_name"}


def test_the_command() -> None:
    runner = CliRunner()
    assert runner.invoke(cli, ["reference", "purchase"]).output.startswith("purchase (ecommerce event)")
    body = json.loads(runner.invoke(cli, ["reference", "--json", "refund"]).stdout)
    assert body["name"] == "refund"
    misspelt = runner.invoke(cli, ["reference", "purchse"])
    assert "None of the 51 standard events; the nearest: purchase." in misspelt.stdout
    assert misspelt.exit_code == 0
    assert json.loads(runner.invoke(cli, ["reference"], env={"IMPORTER_JSON": "1"}).stdout)["events"]


@pytest.mark.parametrize("name", ["\x1b[2Jx", "\u202ex", "a\nb", "\udcff"])
def test_a_name_cannot_steer_the_terminal(name: str) -> None:
    runner = CliRunner()
    first = runner.invoke(cli, ["reference", name], color=True).stdout.splitlines()[0]
    assert first.isprintable()
    as_json = runner.invoke(cli, ["reference", name, "--json"], color=True).stdout
    assert as_json.isascii()
    assert json.loads(as_json)["name"] == name


def test_a_reader_may_go() -> None:
    """As ``head`` does: the page is longer than what it reads."""
    asked = [sys.executable, "-m", "importer", "reference"]
    with subprocess.Popen(asked, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        said = process.stderr.read()
    assert (process.returncode, said) == (0, b"")


def test_it_answers_at_once() -> None:
    """Without what is heavy to import."""
    heavy = "{'polars', 'aiohttp', 'pyarrow', 'pydantic', 'yaml'}"
    asked = "from importer.cli import cli; cli(['reference', 'purchase'], standalone_mode=False)"
    code = f"import sys; {asked}; sys.exit(bool({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=30, check=False).returncode == 0
