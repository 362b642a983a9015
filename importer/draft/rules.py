"""Which words in the name of a column mean which target. Names only: what the values say is weighed in ``match``."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from importer.draft.words import MEANINGS

_TIMES = "order event date time created session lead page"
_ADDRESS = "customer address"
_LINE = "line product order"
# target | words, alternatives after commas; = means: no other word | known words that may stand beside them
_TABLE = f"""
id | order id, lead id, =order, =id, =lead |
context.event_timestamp | order date, order time, order created, =created, event date, event time, lead date, lead time, session time, =date, =time, =date time, =created date, =created time, =page time | {_TIMES}
value | total incl, order total, =total, total final, =total final, price incl order | order incl final lead price
revenue | total excl, revenue, order excl, =excl | order excl total
tax_amount | tax, tax total | total order
shipping_amount | shipping total, shipping fee, shipping price, =shipping | total price fee order incl
discount_value | discount, discount total | total order incl
original_value | original total | order incl
returned_value | returned total | order incl
cancelled_value | cancelled total | order incl
coupon | coupon | id name order
payment_method | payment method, payment kind, =payment | order name id
currency | currency | id order
status | order status, status, =state, =order state | order id name
type | channel, order kind, =kind, order source | order name
shipping_provider | carrier, shipping carrier, shipping provider | name
items[].id | line id, product variant id, variant id | order product
items[].product.id | line product id, product id, =product | line order
items[].quantity | quantity, line quantity, product quantity | {_LINE} final
items[].cancelled_quantity | cancelled quantity | {_LINE}
items[].returned_quantity | returned quantity | {_LINE}
items[].original_value | line original total | order incl
items[].cancelled_value | line cancelled total | order incl
items[].returned_value | line returned total | order incl
items[].value | line total, product total | order final incl
items[].price | line price | order
items[].product.price | price unit, product price, =price, total unit, =price excl, =price incl | {_LINE} excl incl unit
items[].product.name | product name, line name, product title, line title, =name | line order title
items[].product.category_1 | category, category 1, product category | product line name 1 order
items[].product.category_2 | category 2, sub category | product line name 2 order
items[].product.category_3 | category 3 | product line name 3 order
items[].product.brand | brand | product line name order
items[].product.size | size | product line order
items[].product.colors | color | product line order
items[].product.currency | product currency | line order
items[].variant | variant | product line name order
items[].discount | line discount, product discount | order
items[].coupon | line coupon | order id
items[].affiliation | affiliation, =store, store name, store id | line
user.id | customer id, =customer |
user.email | email | customer address hash order id
user.phone | phone | customer id address
user.firstname | first name, =first, customer first | customer
user.lastname | last name, =last, customer name, customer last | customer
user.gender | gender | customer id
user.birthdate | birth date, birth | customer date
user.street | street, =address | {_ADDRESS} line 1 order
user.zipcode | zip | {_ADDRESS} id order
user.city | city | {_ADDRESS} name order
user.state | region, =state | {_ADDRESS} name id order
user.country | country | {_ADDRESS} id name order
user.consent_categories | consent | customer category email id
user.consistent_anonymous_id | visitor id, =visitor | customer
user.card | card id, =card | customer
user.is_new_customer | new customer |
user.status | customer status |
page_type | page kind, =template, page template |
page_name | page name |
title | page title, =title |
url | page url, =url |
path | page path, =path |
referrer | referrer | url page
search_term | search | keyword
method | =method |
content_type | content kind |
item_id | content id |
medium | medium | utm campaign
source | source | utm campaign
campaign | campaign | utm name id
keyword | keyword | utm
context.page.title | page title, =title |
context.page.url | page url, =url |
context.page.referrer | referrer | url page
context.device.ip | ip | address customer
context.device.user_agent | agent | customer
context.device.lang | lang | customer page
"""  # noqa: E501  (one line a target)
_KNOWN = 10
_EXACT = 5
_UNKNOWN = 3


@dataclass(frozen=True, slots=True)
class Rule:
    """``words`` in a name mean ``target``; beside them ``beside`` may stand, or nothing if ``is_exact``."""

    target: str
    words: frozenset[str]
    beside: frozenset[str]
    is_exact: bool

    def score(self, words: frozenset[str]) -> int:
        """How well the words of a name fit; 0 when they do not."""
        if not self.words <= words:
            return 0
        others = words - self.words
        if not others:
            return _KNOWN * len(self.words) + _EXACT
        if self.is_exact or (others & MEANINGS) - self.beside:
            return 0
        unknown = len(others - self.beside)
        return max(0, _KNOWN * len(self.words) - len(others & self.beside) - _UNKNOWN * unknown)


@cache
def rules() -> tuple[Rule, ...]:
    """All of them, in the order in which targets stand in a draft."""
    found = []
    for line in _TABLE.strip().splitlines():
        target, alternatives, beside = (part.strip() for part in line.split("|"))
        for alternative in alternatives.split(","):
            words = frozenset(alternative.strip().removeprefix("=").split())
            is_exact = alternative.strip().startswith("=")
            found.append(Rule(target, words, frozenset(beside.split()), is_exact))
    return tuple(found)


def score(target: str, words: frozenset[str]) -> int:
    """How well a name fits a target, by the best of its rules."""
    return max((rule.score(words) for rule in rules() if rule.target == target), default=0)


def targets() -> tuple[str, ...]:
    """The targets that names can mean, in the order of a draft."""
    return tuple(dict.fromkeys(rule.target for rule in rules()))
