from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from importer.reference import CONTRADICTIONS, DOCS, EVENT_NAMES, EVENTS, find, known_paths, properties

# The number of rows of each event in the vendor's tables, counted by hand on the pages.
ROWS = {
    "page_view": 8, "login": 2, "search": 2, "select_content": 3, "sign_up": 2,
    "add_payment_info": 6, "add_shipping_info": 6, "add_to_cart": 4, "add_to_wishlist": 4, "begin_checkout": 7,
    "generate_lead": 4, "purchase": 25, "refund": 11, "remove_from_cart": 4, "select_item": 3, "view_cart": 4,
    "view_item": 5, "view_item_list": 3, "select_promotion": 6, "view_promotion": 6,
    "ad_view": 7, "ad_click": 7,
    "video_start": 20, "video_pause": 20, "video_error": 21, "video_buffer_start": 20, "video_buffer_complete": 20,
    "video_seek_start": 21, "video_seek_complete": 21, "video_resume": 20, "video_complete": 20,
    "video_content_start": 20, "video_content_playing": 20, "video_content_quarter_reached": 20,
    "video_content_complete": 20,
    "video_ad_start": 12, "video_ad_playing": 13, "video_ad_stop": 12, "video_ad_complete": 12, "video_ad_skip": 12,
    "video_ad_break_start": 12, "video_ad_break_complete": 12, "video_ad_click": 12,
    "video_volume": 27, "video_speed": 27, "video_subtitle_on": 27, "video_subtitle_off": 27,
    "video_fullscreen_on": 27, "video_fullscreen_off": 27, "video_quality": 27, "video_share": 27,
}  # fmt: skip

REQUIRED = {
    "page_view": {"page_type", "user"},
    "search": {"search_term", "user"},
    "add_payment_info": {"payment_method", "user"},
    "add_shipping_info": {"currency", "value", "user", "items"},
    "begin_checkout": {"revenue", "value", "currency", "user", "items"},
    "generate_lead": {"user"},
    "purchase": {
        "event_name",
        "id",
        "type",
        "value",
        "revenue",
        "payment_method",
        "currency",
        "status",
        "user",
        "items",
    },
    "refund": {"id", "user", "revenue", "value", "currency", "type"},
    "select_item": {"items"},
    "view_item": {"value", "currency", "user", "items"},
    "view_promotion": set(),
    "ad_click": {"medium", "source", "user"},
    "video_pause": {"video_session_id", "content_asset_id", "cursor_position", "total_length"},
    "video_buffer_start": {"video_session_id", "content_asset_id", "total_length"},
    "video_ad_skip": {"video_session_id", "ad_asset_id", "ad_pod_id", "cursor_position", "total_length"},
    "video_volume": {"video_session_id", "content_asset_id", "cursor_position", "total_length", "bitrate", "sound"},
    "video_share": {"video_session_id", "content_asset_id", "cursor_position", "total_length", "bitrate"},
}

REQUIRED_IN_ANY = {
    "event_name",
    "user",
    "context",
    "context.event_id",
    "context.event_timestamp",
    "user.consent_categories",
}
REQUIRED_IN_ITEMS = {"items[].id", "items[].product", "items[].quantity"} | {
    f"items[].product.{name}" for name in ("id", "name", "price")
}


def required(event: str | None) -> set[str]:
    return {path for path, prop in properties(event).items() if prop.required == "yes"}


def test_there_are_exactly_the_51_standard_events() -> None:
    assert len(EVENT_NAMES) == 51
    assert tuple(ROWS) == EVENT_NAMES == tuple(EVENTS)
    assert all(EVENTS[name].name == name for name in EVENT_NAMES)


@pytest.mark.parametrize("name", ROWS)
def test_each_event_has_the_rows_of_its_table_once(name: str) -> None:
    in_table = [prop.path for prop in EVENTS[name].properties if prop.in_table]
    assert len(in_table) == ROWS[name]
    assert len(set(in_table)) == len(in_table)


@pytest.mark.parametrize(("name", "paths"), REQUIRED.items())
def test_required_properties(name: str, paths: set[str]) -> None:
    assert {prop.path for prop in EVENTS[name].properties if prop.required == "yes"} == paths


def test_required_in_shared_schemas() -> None:
    assert required("newsletter_opened") == REQUIRED_IN_ANY | REQUIRED_IN_ITEMS
    assert required("login") == REQUIRED_IN_ANY
    assert required("purchase") == REQUIRED["purchase"] | REQUIRED_IN_ANY | REQUIRED_IN_ITEMS


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("context.event_id", "string"),
        ("context.event_timestamp", "timestamp"),
        ("context.device.ip", "string"),
        ("context.device.screen.width", "number"),
        ("context.page.viewport.width", "integer"),
        ("context.app.version", "string"),
        ("user.id", "string"),
        ("user.card", "string"),
        ("user.birthdate", "date"),
        ("items", "array"),
        ("items[].id", "string"),
        ("items[].quantity", "number"),
        ("items[].product.price", "number"),
        ("items[].product.category_1", "string"),
    ],
)
@pytest.mark.parametrize("event", [None, "purchase", "newsletter_opened"])
def test_shared_types_hold_for_any_event(event: str | None, path: str, expected: str) -> None:
    prop = find(event, path)
    assert prop is not None
    assert (prop.path, prop.type) == (path, expected)


def test_lists_name_the_type_of_their_entries() -> None:
    for path, items in (
        ("user.consent_categories", "string"),
        ("items[].product.colors", "string"),
        ("items", "object"),
    ):
        prop = find("purchase", path)
        assert prop is not None
        assert (prop.type, prop.item_type) == ("array", items)
    lists = [prop for event in EVENTS for prop in properties(event).values() if prop.type == "array"]
    assert all(prop.item_type for prop in lists)


def test_events_that_disagree_on_a_type_need_a_name() -> None:
    start, pause = find("video_start", "content_asset_id"), find("video_pause", "content_asset_id")
    assert start is not None
    assert pause is not None
    assert (start.type, start.item_type, pause.type) == ("array", "string", "string")
    assert find(None, "content_asset_id") is None
    assert "content_asset_id" not in known_paths(None)


def test_without_a_name_agreed_properties_keep_their_type_and_are_not_required() -> None:
    value, currency, airdate = (find(None, path) for path in ("value", "currency", "airdate"))
    assert value is not None
    assert currency is not None
    assert airdate is not None
    assert (value.type, value.required) == ("number", "no")
    assert (currency.format, airdate.type) == ("iso4217", "date")


def test_a_custom_event_owns_its_other_properties() -> None:
    assert find("newsletter_opened", "value") is None
    assert find("purchase", "search_term") is None
    assert find("login", "items[].id") is None


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("user.phone_sha256", "hex64"),
        ("user.loyalty_md5", "hex32"),
        ("user.email_md5", "hex32"),
        ("user.id_sha256", "hex64"),
    ],
)
@pytest.mark.parametrize("event", [None, "refund", "custom"])
def test_any_member_of_user_may_be_hashed(event: str | None, path: str, expected: str) -> None:
    prop = find(event, path)
    assert prop is not None
    assert (prop.path, prop.type, prop.format) == (path, "string", expected)


@pytest.mark.parametrize(
    "path", ["user._md5x", "user.a.b_md5", "email_sha256", "user.phone_sha1", "user.usr", "item[].id", ""]
)
def test_unknown_paths_are_none(path: str) -> None:
    assert find("purchase", path) is None
    assert find(None, path) is None


def test_closed_and_open_sets_of_values() -> None:
    status, kind, page = find("purchase", "status"), find("purchase", "type"), find("page_view", "page_type")
    assert status is not None
    assert kind is not None
    assert page is not None
    assert len(status.enum) == 10
    assert {"in_progress", "pending", "canceled"} < set(status.enum)
    assert (kind.enum, kind.recommended) == ((), ("online", "offline", "call"))
    assert (page.enum, len(page.recommended)) == ((), 13)
    gender = find(None, "user.gender")
    assert gender is not None
    assert gender.enum == ("f", "m")
    payment = find("add_payment_info", "payment_method")
    assert payment is not None
    assert len(payment.enum) == 9


def test_every_fact_has_its_provenance() -> None:
    for name in EVENT_NAMES:
        for prop in properties(name).values():
            assert prop.docs, prop.path
            assert set(prop.docs) <= set(DOCS), prop.path
    assert {key for event in EVENTS.values() for key in event.docs} <= set(DOCS)


def test_conditions_stand_where_the_reference_is_conditional() -> None:
    conditional = [prop for name in EVENT_NAMES for prop in properties(name).values() if prop.required == "conditional"]
    assert conditional
    assert all(prop.condition for prop in conditional)


def test_contradictions_say_what_is_done_and_why() -> None:
    assert len(CONTRADICTIONS) == 41
    assert len({entry.name for entry in CONTRADICTIONS}) == 41
    assert all(entry.facts and entry.default and entry.why and set(entry.docs) <= set(DOCS) for entry in CONTRADICTIONS)


def test_known_paths_are_those_that_are_found() -> None:
    for event in (None, "custom", *EVENT_NAMES):
        for path in known_paths(event):
            prop = find(event, path)
            assert prop is not None
            assert prop.path == path


def test_it_imports_without_any_installed_package() -> None:
    root = Path(__file__).parents[2]
    code = f"import sys; sys.path.insert(0, {str(root)!r}); import importer.reference as r; print(len(r.EVENTS))"
    shown = subprocess.run([sys.executable, "-I", "-S", "-c", code], check=True, capture_output=True, text=True)
    assert shown.stdout == "51\n"
