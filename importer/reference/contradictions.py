"""Where the vendor's pages disagree with each other or with themselves, what the importer does, and why."""

from __future__ import annotations

from typing import Final

from importer.reference.model import Contradiction

_SPECIFICATION = "the specification and most pages agree on it"
_TABLES = "tables are what the vendor's checks are written from; examples are illustrations"
_NOT_CHECKED = "values are not checked against it"
_EITHER = "both names are known"
_LOSS = "knowing too many names costs nothing, a warning about a good one costs trust"

ENVELOPE_CONTRADICTIONS: Final = (
    Contradiction(
        "timestamp_location",
        "event_timestamp stands in context in the single example, in the specification and in ER; both events of the "
        "batch example have it at the root.",
        ("HT", "HS", "ER"),
        "context.event_timestamp",
        _SPECIFICATION,
        option="payload.timestamp_place",
    ),
    Contradiction(
        "timestamp_type",
        "An integer in HS, AM, FB and HT1; 13 digits in quotes in the examples of HT and AW; ISO 8601 with an offset "
        "in the purchase example of ER. HT says milliseconds.",
        ("HS", "HT", "AW", "AM", "FB", "HT1", "ER"),
        "an integer of epoch milliseconds",
        _SPECIFICATION,
        option="payload.timestamp_type",
    ),
    Contradiction(
        "timestamp_meaning",
        "AW and AM call it the time of sending; destinations use it as the time of the event.",
        ("AW", "AM", "FB"),
        "the time when the event happened",
        "a past order that carried the time of its import would count as a new one",
    ),
    Contradiction(
        "timestamp_path_in_destination_docs",
        "Most destinations read context.event_timestamp; the pages of a few name a bare event_timestamp, where payload "
        "1.0 had it.",
        ("DEST",),
        "context.event_timestamp",
        _SPECIFICATION,
    ),
    Contradiction(
        "ts_override_unit",
        "The example of ts_override has 10 digits, so seconds; every other time is in milliseconds.",
        ("CAL", "HT"),
        "an integer, passed as mapped",
        "one example is too little to convert by",
    ),
    Contradiction(
        "auth_location",
        "HT asks for the source key in the parameter token; HS makes that optional beside an Authorization header.",
        ("HT", "HS", "HT1"),
        "the parameter token",
        "HT is the maintained page and dropped the header in October 2023",
    ),
    Contradiction(
        "endpoint_trailing_slash",
        "Server address and path of HS join to /events/; HT shows /events.",
        ("HS", "HT"),
        "/events",
        "HT is the maintained page",
    ),
    Contradiction(
        "batch_state",
        "The batch endpoint was a closed beta, then a beta, and has had no such label since November 2025; HS does not "
        "know it.",
        ("HT", "HS"),
        "batches, and --endpoint single where they are not open",
        "the current page documents it as a plain feature",
    ),
    Contradiction(
        "batch_example_invalid_json",
        "A comma is missing in the second event of the batch example.",
        ("HT",),
        "valid JSON",
        "the same page says that invalid JSON is answered with 400",
    ),
    Contradiction(
        "batch_limit_wording",
        "One sentence limits an event of a batch to 32KB, another one a call.",
        ("HT",),
        "32,000 bytes an event, 500,000 bytes a batch",
        "a batch of 500KB makes no sense with a limit of 32KB a call",
    ),
    Contradiction(
        "payload1_end_of_life",
        "Payload 1.0 ended after a year (HT), in August or in December 2023 (HT1); MIG still aims at its shape.",
        ("HT", "HT1", "MIG"),
        "payload 2.0: properties at the root",
        "every page that is maintained shows it",
    ),
    Contradiction(
        "cookie_location",
        "context.device.cookie in HT, context.cookie in FB.",
        ("HT", "FB"),
        _EITHER,
        _LOSS,
    ),
    Contradiction(
        "device_lang_key",
        "context.device.lang for web and HTTP, context.device.language for mobile.",
        ("HT", "AM"),
        _EITHER,
        _LOSS,
    ),
    Contradiction(
        "facebook_event_id",
        "Facebook reads event_id at the root or integrations.facebook.event_id; TikTok and Snapchat read the root id; "
        "most others read context.event_id.",
        ("FB", "TT", "SC"),
        "context.event_id; map integrations.facebook.event_id as well where Facebook is connected",
        "only the account knows its destinations",
    ),
)

USER_CONTRADICTIONS: Final = (
    Contradiction(
        "consent_type",
        "Entries of consent_categories are integers in the examples of ER, CE, EC and API, text in HS, AW, AM, PX and "
        "FB, both in HT; API types the list as text, and the CSV template has one value a row.",
        ("ER", "CE", "EC", "HT", "HS", "AW", "AM", "PX", "FB", "API", "CSV"),
        "an array of text",
        "the specification of this endpoint says so",
        option="payload.consent_type",
    ),
    Contradiction(
        "user_required_fields",
        "HS requires consistent_anonymous_id alone; the user tables lack it and require e-mail and consent.",
        ("HS", "ER", "CE", "EC"),
        "any member makes a user; what the tables require is a warning",
        "the API takes either, and an export may have neither",
    ),
    Contradiction(
        "user_card_type",
        "A number in the cell of ER, text in its example.",
        ("ER",),
        "text",
        "a card number has leading zeros to lose",
    ),
    Contradiction(
        "user_table_versions",
        "street and status stand in ER only, as does the remark that consent lists accepted ids only.",
        ("ER", "CE", "EC"),
        "the table of ER",
        "it is the one that was extended last",
    ),
    Contradiction(
        "gender_values",
        "f and m for events; female in the users API; 1, 2, 3 in the CRM file; male, female, unisex in the catalogue.",
        ("ER", "US", "CRM", "API"),
        "f and m",
        "the other words belong to other imports",
    ),
    Contradiction(
        "birthdate_format",
        "YYYY-MM-DD for events, a UTC time in the CRM file.",
        ("ER", "CRM"),
        "YYYY-MM-DD",
        "the other form belongs to another import",
    ),
    Contradiction(
        "json_examples_without_user",
        "The JSON examples of 13 events leave out the user that their tables require.",
        ("ER", "CE", "EC"),
        "required",
        _TABLES,
    ),
)

SHOP_CONTRADICTIONS: Final = (
    Contradiction(
        "purchase_minimal_examples",
        "The tables require ten properties; examples leave out type, payment_method, status and consent.",
        ("ER", "EC"),
        "all ten are required, as a warning",
        _TABLES,
    ),
    Contradiction(
        "purchase_optional_fields",
        "ER alone has shipping_provider, discount_value, original_*, returned_* and cancelled_*; EC alone has "
        "last_channel and last_source.",
        ("ER", "EC"),
        "all of them are known",
        _LOSS,
    ),
    Contradiction(
        "purchase_example_value_zero",
        "The example of a purchase has a value of 0 beside a revenue of 16.",
        ("ER",),
        _NOT_CHECKED,
        "the table says that value holds shipping and tax as well",
    ),
    Contradiction(
        "status_pending",
        "pending is a status for events and in API, but not in the list of OA.",
        ("ER", "EC", "API", "OA"),
        "pending is a status",
        "OA describes another endpoint",
    ),
    Contradiction(
        "view_item_amount",
        "value in the table of ER, revenue in EC and GP; the example of EC has value.",
        ("ER", "EC", "GP"),
        "value is required, revenue is known",
        "ER renamed it in January 2025",
    ),
    Contradiction(
        "refund_example",
        "The example of a refund lacks id, user and type, and its value is below its revenue.",
        ("ER", "EC"),
        "required as in the table",
        _TABLES,
    ),
    Contradiction(
        "generate_lead_example",
        "The only property in the example is method, which the table lacks.",
        ("ER", "EC", "HT"),
        "method is known",
        _LOSS,
    ),
    Contradiction(
        "global_properties_lists",
        "GP gives value to add_payment_info and not to view_item, revenue to view_item, no id to begin_checkout and no "
        "currency to view_item.",
        ("GP", "ER"),
        "the tables of the events",
        _TABLES,
    ),
    Contradiction(
        "retail_overview_names",
        "AR uses other names: transaction_id, shipping, tax, payment_type, item_list_id, affiliation at the root.",
        ("AR", "ER"),
        "id, shipping_amount, tax_amount, payment_method, item_list_name, items[].affiliation",
        "the reference has the types, AR has none",
    ),
    Contradiction(
        "promotion_events",
        "AR recommends select_promotion and view_promotion, which the reference does not have.",
        ("AR", "ER"),
        "both are standard events; ids and names are text, items are the list of the other events",
        "text changes no value, and a list of another shape would be new to the platform",
    ),
    Contradiction(
        "item_price",
        "Examples put price on the item and on its product, the table on the product alone.",
        ("ER", "EC"),
        "both are known, items[].product.price is required",
        _TABLES,
    ),
    Contradiction(
        "product_category_names",
        "The row of category_1 names item_category2 to 5 for the levels below, examples category_2 and 3.",
        ("ER", "EC", "API"),
        "category_2, category_3",
        "the catalogue import uses these names too",
    ),
    Contradiction(
        "item_vs_product_id",
        "items[].id and items[].product.id are both required and may be equal; some examples have only one.",
        ("ER", "EC", "FB", "MIG"),
        "both are required, as a warning",
        "updates look for the first, the catalogue for the second",
    ),
    Contradiction(
        "item_discount_scope",
        "The discount of one article in ER, that of the purchase in EC.",
        ("ER", "EC"),
        _NOT_CHECKED,
        "the user knows what the export holds",
    ),
    Contradiction(
        "product_price_tax",
        "ER says without tax; its example has the same price where tax is said to be included.",
        ("ER",),
        _NOT_CHECKED,
        "the user knows what the export holds",
    ),
)

VIDEO_CONTRADICTIONS: Final = (
    Contradiction(
        "video_id_arrays",
        "The text has arrays of ids on video_start alone; samples send arrays on all playback and settings events; the "
        "settings table says text.",
        ("VE", "VP"),
        "arrays on video_start, text elsewhere",
        "text and table agree on it",
    ),
    Contradiction(
        "video_types",
        "bitrate is an integer in VE and text in VP, sound an integer or a number; sound ends at 100 and samples have "
        "120; VP adds an object content to the ad events.",
        ("VE", "VP"),
        "the types of VE",
        "VE has the tables of the events",
    ),
    Contradiction(
        "video_fullscreen_name",
        "video_full_screen_off in the table, video_fullscreen_off in the sample.",
        ("VE",),
        "video_fullscreen_off",
        "its counterpart is video_fullscreen_on everywhere",
    ),
    Contradiction(
        "settings_video_player",
        "Samples of the settings events have video_player, their table does not.",
        ("VE",),
        "not known there",
        _TABLES,
    ),
    Contradiction(
        "video_required_vs_samples",
        "Text asks for a null total_length on a livestream, which its samples fill; the table requires it.",
        ("VE",),
        "required, and left out when empty",
        "the importer sends no null",
    ),
)

CONTRADICTIONS: Final = (
    *ENVELOPE_CONTRADICTIONS,
    *USER_CONTRADICTIONS,
    *SHOP_CONTRADICTIONS,
    *VIDEO_CONTRADICTIONS,
)
