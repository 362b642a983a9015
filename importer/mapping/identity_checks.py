"""Who a customer is: what can be wrong with telephone numbers and ids of people, before there is any column."""

from __future__ import annotations

from typing import TYPE_CHECKING

from importer import reference
from importer.mapping.models import EachSpec, FieldSpec
from importer.mapping.nearest import nearest, shown
from importer.mapping.shape import Finding
from importer.reference.countries import alpha2_by_name, countries
from importer.reference.phones import numberings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from importer.mapping.models import Mapping
    from importer.mapping.yaml_loader import NodePath

VISITOR = "user.consistent_anonymous_id"
WAY_OUT = "write `{id_from: [customer_id]}` with the columns that tell customers apart"
ONE_FOR_ALL = f"one `{VISITOR}` for everybody would merge all customers into one person: {WAY_OUT}"
_SHARED_DEFAULT = (
    f"all customers without a value would share this `{VISITOR}` and be merged into one person: "
    f"remove the `default`, or {WAY_OUT}"
)
_BESIDE_ID_FROM = ("clean", "country", "split", "map", "type", "format", "unit", "timezone", "round", "hash")


def check_country(path: NodePath, name: str | None) -> Iterator[Finding]:
    """Whether ``name`` is the ISO 3166 alpha-2 code of a country with telephones."""
    if name is None or name in numberings():
        return
    if name in countries():
        message = f"{countries()[name].name} has no telephone numbers of its own"
        yield Finding(path, f"{message}: name the country whose numbers are used there")
        return
    found = alpha2_by_name().get(nearest(name, alpha2_by_name()) or "")
    hint = f"; did you mean {shown(found)}?" if found else ": write two capital letters, such as `FR`"
    yield Finding(path, f"{shown(name)} is no country of ISO 3166{hint}")


def check_identity(path: NodePath, target: str, spec: FieldSpec, event: str | None) -> Iterator[Finding]:
    """Steps of a field that do not go together. ``target`` is its full name in the event reference."""
    yield from check_country((*path, "country"), spec.country)
    if spec.country is not None and "e164" not in spec.clean and not spec.id_from:
        message = "`country` is for phone numbers: write `clean: [e164]` beside it, or remove it"
        yield Finding((*path, "country"), message, of_key=True)
    if "e164" in spec.clean and spec.split is not None:
        message = "`e164` reads one phone number, and `split` cuts the cell only afterwards: choose one number by `sql`"
        yield Finding((*path, "split"), message, of_key=True)
    if spec.id_from:
        yield from _check_id_from(path, target, spec, event)


def _check_id_from(path: NodePath, target: str, spec: FieldSpec, event: str | None) -> Iterator[Finding]:
    columns = spec.id_from or ()
    for index, column in enumerate(columns):
        if column in columns[:index]:
            yield Finding((*path, "id_from", index), f"the column {shown(column)} stands in `id_from` twice")
    for key in _BESIDE_ID_FROM:
        if key in spec.model_fields_set:
            message = f"`{key}` has no meaning beside `id_from`, which makes an id of the cells as they are"
            yield Finding((*path, key), f"{message}: remove it", of_key=True)
    found = reference.find(event, target)
    if found is not None and found.type != "string":
        message = f"`id_from` gives a text, and {shown(target)} is {found.type} in the event reference"
        yield Finding((*path, "id_from"), message, of_key=True)


def check_one_for_all(mapping: Mapping) -> Iterator[Finding]:
    """An id of visitors that is the same for everybody: the vendor would take all customers for one person."""
    for target, spec in mapping.fields.items():
        if isinstance(spec, EachSpec):
            continue
        path: NodePath = ("fields", target)
        is_inside = isinstance(spec.value, dict) and VISITOR.removeprefix(f"{target}.") in spec.value
        if is_inside or (target == VISITOR and "value" in spec.model_fields_set):
            yield Finding((*path, "value"), ONE_FOR_ALL, of_key=True)
        if target == VISITOR and spec.default is not None:
            yield Finding((*path, "default"), _SHARED_DEFAULT, of_key=True)
