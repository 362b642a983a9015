"""The purchase event of ``orders.yaml`` as a dict, as somebody writes it who has no importer. Standard library only."""

from __future__ import annotations

import hashlib
from typing import Any

OPTIONAL = ("revenue", "tax_amount", "payment_method", "coupon")


def purchase(row: dict[str, Any]) -> dict[str, Any]:
    """The event of one row, without nulls."""
    product = {"id": row["sku"], "name": row["label"], "price": row["price"], "brand": row["brand"]}
    user = {"id": row["customer_id"], "email": row["email"], "consent_categories": ["1", "2", "3"]}
    context: dict[str, Any] = {"event_id": event_id(row["order_id"]), "event_timestamp": row["ordered_at"]}
    if row["page_url"] is not None:
        context["page"] = {"url": row["page_url"]}
    if row["ip"] is not None:
        context["device"] = {"ip": row["ip"]}
    result = {
        "event_name": "purchase",
        "id": row["order_id"],
        "type": "online",
        "status": row["status"],
        "value": row["total"],
        "revenue": row["revenue"],
        "tax_amount": row["tax"],
        "currency": row["currency"],
        "payment_method": row["payment_method"],
        "coupon": row["coupon"],
        "items": [{"id": row["sku"], "quantity": row["quantity"], "product": product}],
        "user": user,
        "context": context,
    }
    for members, names in ((product, ("brand",)), (user, ("id",)), (result, OPTIONAL)):
        for name in names:
            if members[name] is None:
                del members[name]
    return result


def event_id(order: str) -> str:
    """128 bits in hex that are the same for the same order."""
    return hashlib.sha256(b"8:purchase%d:%s" % (len(order), order.encode())).hexdigest()[:32]
