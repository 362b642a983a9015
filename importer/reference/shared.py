"""The schemas that many events share: the envelope, the user, items with their product, and the context."""

from __future__ import annotations

from typing import Final

from importer.reference.model import Property

ENVELOPE: Final = (
    Property("event_name", "string", "yes", docs=("ER", "HS"), note="a standard name, or one of your own"),
    Property("user", "object", "yes", schema="user", docs=("HS",)),
    Property("context", "object", "yes", schema="context", docs=("HS",),
             note="ER requires two of its members, event_id and event_timestamp"),
    Property("test_code", "string", in_table=False, docs=("LEI", "LED"),
             note="shows the event in the inspectors; the event is real all the same"),
    Property("ts_override", "integer", format="epoch_s", in_table=False, docs=("CAL",),
             note="another event time, read by the Campaign Analysis Legacy destination only"),
    Property("integrations", "object", in_table=False, docs=("FB",), note="free members for each partner"),
    Property("integrations.facebook.event_id", "string", in_table=False, docs=("FB",)),
    Property("partners", "object", in_table=False, docs=("DEST",), note="free members for each destination"),
)  # fmt: skip
"""What stands around the properties of any event, standard or not."""

_USER = ("CE", "EC", "ER")
_MOBILE = ("AM",)

USER: Final = (
    Property("user.id", "string", docs=_USER, note="main id in the CRM; many destinations need it"),
    Property("user.email", "string", "conditional", "required unless user.email_sha256 is sent", format="email",
             unless=("user.email_sha256",), docs=_USER, note="in plain text; the platform derives the hashes"),
    Property("user.email_md5", "string", condition="of no use beside user.email", format="hex32", docs=_USER),
    Property("user.email_sha256", "string", "conditional", "required unless user.email is sent", format="hex64",
             unless=("user.email",), docs=_USER),
    Property("user.phone", "string", format="e164", docs=_USER, note="some destinations need it"),
    Property("user.firstname", "string", docs=_USER),
    Property("user.lastname", "string", docs=_USER),
    Property("user.gender", "string", enum=("f", "m"), docs=_USER),
    Property("user.birthdate", "date", format="date", docs=_USER),
    Property("user.city", "string", docs=_USER),
    Property("user.state", "string", docs=_USER),
    Property("user.street", "string", docs=("ER",)),
    Property("user.zipcode", "string", docs=_USER),
    Property("user.country", "string", format="iso3166", docs=_USER, note="two or three letters"),
    Property("user.consent_categories", "array", "yes", item_type="string", docs=_USER,
             note="ids of the accepted categories only; destinations may filter on them"),
    Property("user.status", "string", recommended=("New", "Existing", "Premium"), docs=("ER",),
             note="the customer's status in the CRM, not that of the order"),
    Property("user.consistent_anonymous_id", "string", "conditional",
             "required by the API's specification, missing from the user tables", docs=("HS", "HT", "AW", "AM"),
             note="id of a visitor or device; one a customer, never the same for all"),
    Property("user.card", "string", in_table=False, docs=("ER",), note="loyalty card"),
    Property("user.is_new_customer", "boolean", in_table=False, docs=("CAL",),
             note="its type is nowhere said; boolean is assumed from the name"),
    Property("user.tcId", "string", in_table=False, docs=("FB",)),
    Property("user.tcid", "string", in_table=False, docs=("FB",)),
    Property("user.tc_id", "string", in_table=False, docs=("FB",)),
    Property("user.consentID", "string", in_table=False, docs=_MOBILE),
    Property("user.ID", "string", in_table=False, docs=_MOBILE, note="mobile only; the standard name is user.id"),
    Property("user.refused_vendors", "array", item_type="string", in_table=False, docs=_MOBILE,
             note="or the single text ALL: then say type: string"),
)  # fmt: skip
"""On purchase and refund every member of ``user`` is a condition that a stored user has to match (ER, EC)."""

_ITEM = ("ER", "EC")
_LATER = ("ER",)

ITEM: Final = (
    Property(
        "items[].id", "string", "yes", docs=_ITEM, note="id of the article; the key of later updates such as refunds"
    ),
    Property("items[].product", "object", "yes", schema="product", docs=_ITEM),
    Property("items[].quantity", "number", "yes", docs=_ITEM),
    Property("items[].variant", "string", docs=_ITEM),
    Property("items[].list_position", "number", docs=_ITEM),
    Property("items[].discount", "number", docs=_ITEM, note="of one article (ER), of the purchase (EC)"),
    Property("items[].affiliation", "string", "conditional", "most affiliation destinations need it", docs=_ITEM),
    Property("items[].coupon", "string", docs=_ITEM),
    Property("items[].value", "number", docs=_LATER, note="unit price with tax, times quantity"),
    Property("items[].cancelled_value", "number", docs=_LATER, note="with tax"),
    Property("items[].cancelled_quantity", "number", docs=_LATER),
    Property("items[].original_value", "number", docs=_LATER, note="with tax"),
    Property("items[].returned_value", "number", docs=_LATER, note="with tax"),
    Property("items[].returned_quantity", "number", docs=_LATER),
    Property("items[].price", "number", in_table=False, docs=_ITEM, note="the table has a price of the product"),
)

PRODUCT: Final = (
    Property("items[].product.id", "string", "yes", docs=_ITEM, note="id in the catalogue; may equal items[].id"),
    Property("items[].product.name", "string", "yes", docs=_ITEM),
    Property("items[].product.price", "number", "yes", docs=_ITEM, note="after discount and without tax, says ER"),
    Property("items[].product.currency", "string", format="iso4217", docs=_ITEM,
             note="stronger than the event's currency; one currency an event"),
    Property("items[].product.category_1", "string", docs=_ITEM),
    Property("items[].product.brand", "string", docs=_ITEM),
    Property("items[].product.colors", "array", item_type="string", docs=_ITEM),
    Property("items[].product.size", "string", docs=_ITEM),
    Property("items[].product.category_2", "string", in_table=False, docs=_ITEM),
    Property("items[].product.category_3", "string", in_table=False, docs=_ITEM),
)  # fmt: skip

_CONTEXT = ("HT", "HS", "AW", "AM")
_PAGE = ("HT", "HS", "AW")

CONTEXT: Final = (
    Property("context.event_id", "string", "yes", docs=("ER", "HS"), note="text of any form; the SDKs use random ids"),
    Property("context.event_timestamp", "timestamp", "yes", format="epoch_ms", docs=("ER", "HS", "HT"),
             note="when the event happened, though two pages say when it was sent"),
    Property("context.page", "object", schema="page", docs=_CONTEXT),
    Property("context.device", "object", schema="device", docs=_CONTEXT),
    Property("context.app", "object", schema="app", docs=_CONTEXT),
    Property("context.generatorVersion", "string", added_by="web SDK", docs=_CONTEXT),
    Property("context.containerVersion", "string", added_by="web SDK", docs=_CONTEXT),
    Property("context.cookie", "string", docs=("FB",), note="in one example; else context.device.cookie"),
)  # fmt: skip

PAGE: Final = (
    Property("context.page.title", "string", docs=_PAGE),
    Property("context.page.url", "string", format="url", docs=_PAGE),
    Property("context.page.lang", "string", docs=_PAGE),
    Property("context.page.referrer", "string", format="url", docs=_PAGE),
    Property("context.page.viewport", "object", schema="viewport", docs=_PAGE),
    Property(
        "context.page.location", "object", docs=("FB",), note="href, hostname, pathname, search; once a URL in text"
    ),
    Property("context.page.viewport.width", "integer", docs=("HS",)),
    Property("context.page.viewport.height", "integer", docs=("HS",)),
)

DEVICE: Final = (
    Property("context.device.user_agent", "string", docs=_CONTEXT),
    Property("context.device.ip", "string", format="ip", docs=_CONTEXT,
             note="taken from the request for browsers only; leave it out when it is unknown"),
    Property("context.device.lang", "string", docs=("HT", "HS", "AW"), note="web"),
    Property("context.device.language", "string", docs=_MOBILE, note="mobile"),
    Property("context.device.cookie", "string", format="cookie", docs=_CONTEXT),
    Property("context.device.timezone", "string", format="timezone", docs=_CONTEXT),
    Property("context.device.manufacturer", "string", docs=_MOBILE),
    Property("context.device.model", "string", docs=_MOBILE),
    Property("context.device.name", "string", docs=_MOBILE),
    Property("context.device.sdk_id", "string", format="uuid", docs=_MOBILE),
    Property("context.device.type", "string", recommended=("android", "ios"), docs=_MOBILE),
    Property("context.device.region", "string", docs=_MOBILE),
    Property("context.device.advertising_id", "string", format="uuid", docs=_MOBILE, note="needs consent"),
    Property("context.device.idfv", "string", docs=_MOBILE, note="iOS"),
    Property("context.device.ad_tracking_enabled", "boolean", docs=_MOBILE),
    Property("context.device.os.name", "string", docs=_MOBILE),
    Property("context.device.os.version", "string", docs=_MOBILE),
    Property("context.device.screen.width", "number", docs=_MOBILE),
    Property("context.device.screen.height", "number", docs=_MOBILE),
    Property("context.device.screen.density", "number", docs=_MOBILE, note="Android"),
    Property("context.device.network.bluetooth", "boolean", docs=_MOBILE),
    Property("context.device.network.cellular", "boolean", docs=_MOBILE),
    Property("context.device.network.wifi", "boolean", docs=_MOBILE),
    Property("context.device.network.carrier", "string", docs=_MOBILE, note="Android, on a cellular network"),
    Property("context.device.lifecycle.session_id", "string", docs=_MOBILE),
    Property("context.device.lifecycle.new_session", "boolean", docs=_MOBILE),
    Property("context.device.lifecycle.session_duration", "integer", docs=_MOBILE),
    Property("context.device.lifecycle.current_session", "integer", format="epoch_ms", docs=_MOBILE),
    Property("context.device.lifecycle.session_number", "integer", docs=_MOBILE),
    Property("context.device.lifecycle.visit_number", "integer", docs=_MOBILE),
    Property("context.device.lifecycle.current_visit", "integer", format="epoch_ms", docs=_MOBILE),
    Property("context.device.lifecycle.current_version_first_visit", "integer", format="epoch_ms", docs=_MOBILE),
    Property("context.device.lifecycle.first_visit", "integer", format="epoch_ms", docs=_MOBILE),
    Property("context.device.lifecycle.last_visit", "integer", format="epoch_ms", docs=_MOBILE),
    Property("context.device.lifecycle.last_call", "integer", format="epoch_ms", docs=_MOBILE),
    Property("context.device.lifecycle.last_session_start", "integer", format="epoch_ms", docs=_MOBILE),
    Property("context.device.lifecycle.last_session_last_hit", "integer", format="epoch_ms", docs=_MOBILE),
    Property("context.device.lifecycle.foreground_time", "integer", docs=_MOBILE),
    Property("context.device.lifecycle.background_time", "integer", docs=_MOBILE),
    Property("context.device.lifecycle.foreground_transitions", "integer", docs=_MOBILE),
    Property("context.device.lifecycle.first_execute", "boolean", docs=_MOBILE),
    Property("context.device.lifecycle.is_first_visit", "boolean", docs=_MOBILE),
    Property("context.device.lifecycle.is_prev_cycle_cleaned", "boolean", docs=_MOBILE),
)  # fmt: skip

APP: Final = tuple(
    Property(f"context.app.{name}", "string", docs=_MOBILE)
    for name in ("name", "version", "build", "namespace", "core_version", "consent_version", "serverside_version")
)

EVERY_EVENT: Final = (*ENVELOPE, *USER, *CONTEXT, *PAGE, *DEVICE, *APP)
"""What any event may carry, standard or not."""

ITEMS: Final = (*ITEM, *PRODUCT)
"""What is inside the list ``items`` of the events that have one."""

ITEM_LIST: Final = Property("items", "array", item_type="object", schema="item", docs=_ITEM)
"""The list itself, for an event without a table."""
