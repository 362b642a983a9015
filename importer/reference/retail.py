"""The common, e-commerce and campaign events."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from importer.reference.model import Event, Property

PAYMENT_METHODS: Final = (
    "by_invoice", "by_bank_transfer_in_advance", "card", "check_in_advance", "cod", "coupon", "direct_debit",
    "online_payment_system", "other",
)  # fmt: skip
PURCHASE_STATUSES: Final = (
    "canceled", "delivered", "in_progress", "partially_delivered", "partially_returned", "partially_shipped",
    "pending_shipment", "returned", "shipped", "pending",
)  # fmt: skip
PAGE_TYPES: Final = (
    "home", "landing", "product_list", "product", "content_list", "content", "search", "funnel", "success",
    "funnel_confirmation", "account", "cart", "legal",
)  # fmt: skip

_USER = Property("user", "object", "yes", schema="user")
_ITEMS = Property("items", "array", "yes", item_type="object", schema="item")
_VALUE = Property("value", "number", "yes", note="with shipping and tax, after discount")
_REVENUE = Property("revenue", "number", "yes", note="without shipping and tax, after discount")
_CURRENCY = Property("currency", "string", "yes", format="iso4217")
_CURRENCY_OF_VALUE = replace(_CURRENCY, required="conditional", condition="required beside value", beside=("value",))
_COUPON = Property("coupon", "string")
_PAYMENT_METHOD = Property("payment_method", "string", "yes", enum=PAYMENT_METHODS)
_SHIPPING_AMOUNT = Property("shipping_amount", "number")
_TAX_AMOUNT = Property("tax_amount", "number")
_METHOD = Property("method", "string")
_LIST_NAME = Property("item_list_name", "string")
_SEEN_URL = Property("url", "string", format="url", added_by="web SDK", note="the page where the event fired")
_MATCHING = "every member of user that is sent is a condition that a stored user has to match"

_COMMON_DOCS = ("CE", "ER")
_SHOP_DOCS = ("EC", "ER")
_PURCHASE_DOCS = ("ER", "EC")
_ER = ("ER",)
_EC = ("EC",)


def _optional(prop: Property, note: str = "") -> Property:
    return replace(prop, required="no", note=note or prop.note)


COMMON_EVENTS: Final = (
    Event("page_view", "common", _COMMON_DOCS, (
        Property("page_type", "string", "yes", recommended=PAGE_TYPES),
        Property("page_name", "string"),
        _USER,
        Property("type", "string", deprecated=True, note="the old name of page_type"),
        Property("title", "string", added_by="web SDK"),
        Property("url", "string", format="url", added_by="web SDK"),
        Property("path", "string", added_by="web SDK"),
        Property("referrer", "string", format="url", added_by="web SDK"),
    )),
    Event("login", "common", _COMMON_DOCS, (_METHOD, _USER)),
    Event("search", "common", _COMMON_DOCS, (Property("search_term", "string", "yes"), _USER)),
    Event("select_content", "common", _COMMON_DOCS, (
        Property("content_type", "string"), Property("item_id", "string"), _USER,
    )),
    Event("sign_up", "common", _COMMON_DOCS, (_METHOD, _USER)),
)  # fmt: skip

_PURCHASE = Event("purchase", "ecommerce", _PURCHASE_DOCS, (
    Property("event_name", "string", "yes", enum=("purchase",), docs=_ER),
    Property("id", "string", "yes", note="id of the transaction; the key of later updates"),
    Property("type", "string", "yes", recommended=("online", "offline", "call"),
             note="offline makes several destinations treat it as a purchase in a shop"),
    _VALUE,
    _REVENUE,
    _PAYMENT_METHOD,
    _CURRENCY,
    Property("status", "string", "yes", enum=PURCHASE_STATUSES, note="pending stays out of sums and counts"),
    _USER,
    _ITEMS,
    _COUPON,
    _TAX_AMOUNT,
    _SHIPPING_AMOUNT,
    Property("shipping_provider", "string", docs=_ER),
    Property("discount_value", "number", docs=_ER, note="with tax"),
    Property("original_value", "number", docs=_ER, note="with tax"),
    Property("original_revenue", "number", docs=_ER, note="without tax"),
    Property("original_tax_amount", "number", docs=_ER),
    Property("returned_value", "number", docs=_ER, note="with tax"),
    Property("returned_quantity", "number", docs=_ER),
    Property("cancelled_value", "number", docs=_ER, note="with tax"),
    Property("cancelled_quantity", "number", docs=_ER),
    Property("last_channel", "string", docs=_EC),
    Property("last_source", "string", docs=_EC),
    _SEEN_URL,
), note=f"{_MATCHING}; the two tables agree on what is required and differ in what is optional")  # fmt: skip

_REFUND = Event("refund", "ecommerce", _SHOP_DOCS, (
    Property("id", "string", "yes", note="id of the transaction that is refunded"),
    _USER,
    replace(_REVENUE, note=""),
    replace(_VALUE, note=""),
    _SHIPPING_AMOUNT,
    _TAX_AMOUNT,
    _CURRENCY,
    _COUPON,
    Property("type", "string", "yes"),
    replace(_ITEMS, required="conditional", condition="required for a partial refund, not for a full one"),
    _SEEN_URL,
), note=f"{_MATCHING}; whether amounts are positive or negative is not said, the examples are positive")  # fmt: skip

_PROMOTION_NOTE = "named by AR only, without types: text is assumed, which changes no value"
_PROMOTION = (
    replace(_optional(_ITEMS), note="named by AR only, without a type: the list of the other events is assumed"),
    *(
        Property(name, "string", note=_PROMOTION_NOTE)
        for name in ("promotion_id", "promotion_name", "creative_name", "creative_slot", "location_id")
    ),
)

_CART = (Property("value", "number"), _CURRENCY_OF_VALUE, _USER, _ITEMS)

ECOMMERCE_EVENTS: Final = (
    Event("add_payment_info", "ecommerce", _SHOP_DOCS, (
        _PAYMENT_METHOD, _USER, _COUPON, _optional(_REVENUE),
        replace(
            _CURRENCY, required="conditional", condition="required beside revenue or value", beside=("revenue", "value")
        ),
        _optional(_ITEMS),
        replace(_optional(_VALUE), in_table=False),
    )),
    Event("add_shipping_info", "ecommerce", _SHOP_DOCS, (
        _CURRENCY, _VALUE, _USER, _COUPON, Property("shipping_tier", "string"), _ITEMS,
        replace(_optional(_REVENUE), in_table=False),
    )),
    Event("add_to_cart", "ecommerce", _SHOP_DOCS, (
        replace(_VALUE, note="reports need it"),
        replace(_CURRENCY, condition="beside value; the cell also names revenue"),
        _USER, _ITEMS,
    )),
    Event("add_to_wishlist", "ecommerce", _SHOP_DOCS, (
        replace(_VALUE, required="no", note=""),
        replace(_CURRENCY_OF_VALUE, note="the cell ties it to revenue, which the table lacks"), _USER, _ITEMS,
    )),
    Event("begin_checkout", "ecommerce", _SHOP_DOCS, (
        replace(_REVENUE, note="without shipping and tax"), replace(_VALUE, note="with shipping and tax"), _CURRENCY,
        _COUPON, Property("id", "string", note="id of the transaction; the key of later updates"), _USER, _ITEMS,
    )),
    Event("generate_lead", "ecommerce", _SHOP_DOCS, (
        Property("value", "number", note="recommended"), _CURRENCY_OF_VALUE,
        Property("id", "string", note="id of the lead"), _USER, replace(_METHOD, in_table=False),
    )),
    _PURCHASE,
    _REFUND,
    Event("remove_from_cart", "ecommerce", _SHOP_DOCS, _CART),
    Event("select_item", "ecommerce", _SHOP_DOCS, (
        _LIST_NAME, replace(_ITEMS, note="one entry"),
        replace(_USER, required="conditional", condition="not in the table, but the API's specification requires it"),
    )),
    Event("view_cart", "ecommerce", _SHOP_DOCS, _CART),
    Event("view_item", "ecommerce", _PURCHASE_DOCS, (
        replace(_VALUE, docs=_ER, note="called revenue until January 2025"),
        replace(_REVENUE, required="conditional", condition="in EC, in place of value", docs=_EC, note=""),
        replace(_CURRENCY, condition="beside the amount"), _USER, _ITEMS,
    )),
    Event("view_item_list", "ecommerce", _SHOP_DOCS, (_LIST_NAME, _USER, _ITEMS)),
    Event("select_promotion", "ecommerce", ("AR",), _PROMOTION, note="recommended by AR, without a table"),
    Event("view_promotion", "ecommerce", ("AR",), _PROMOTION, note="recommended by AR, without a table"),
)  # fmt: skip

_CAMPAIGN = (
    Property("medium", "string", "yes"),
    Property("source", "string", "yes"),
    Property("campaign", "string"),
    Property("keyword", "string"),
    Property("ad_format", "string"),
    Property("ad_cost_id", "string", note="successor of tclid"),
    _USER,
)

CAMPAIGN_EVENTS: Final = (
    Event(
        "ad_view", "campaign", ("CA",), _CAMPAIGN, note="an impression; the table stands below ad_click and covers both"
    ),
    Event("ad_click", "campaign", ("CA",), _CAMPAIGN, note="a click"),
)
