"""What a well-shaped mapping can still get wrong: what belongs together or excludes each other, what the API requires.

What needs the columns of a file (types, SQL, whether a column exists) is found when the mapping is compiled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from importer.mapping.identity_checks import check_country, check_identity, check_one_for_all
from importer.mapping.lookup_checks import check_lookup
from importer.mapping.models import EachSpec, FieldSpec, Mapping
from importer.mapping.nearest import nearest, shown
from importer.mapping.option_checks import check_consent, check_payload
from importer.mapping.shape import EVENT_FORMS, FORMS, WRONG_VERSION, Finding, is_nested, specs
from importer.mapping.source_checks import check_source, check_timezone
from importer.mapping.timestamps import format_problem
from importer.mapping.yaml_loader import Node, NodePath, place_of

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_SEGMENTS = 20
HASHES = ("sha256", "md5")
_TIME_KEYS = ("unit", "timezone", "ambiguous", "nonexistent")


def check(mapping: Mapping, root: Node) -> Iterator[Finding]:
    """Everything wrong with the meaning of ``mapping``, whose nodes (with the ill-shaped parts) are ``root``."""
    version = root.get("version")
    if version and type(version.value) in (bool, float):  # both equal 1 for Python
        yield Finding(("version",), WRONG_VERSION)
    yield from _check_event(mapping, root)
    yield from _check_key(mapping, root)
    yield from _check_groups(mapping)
    yield from check_timezone(("timezone",), mapping.timezone)
    yield from check_country(("country",), mapping.country)
    unsure = {
        key for key in ("decimal", "quote") if root.get("source", key) and key not in mapping.source.model_fields_set
    }
    yield from check_source(mapping.source, unsure)
    yield from check_consent(mapping.consent)
    yield from check_payload(mapping)
    yield from _check_forms(root)
    for path, spec in _fields(mapping):
        yield from _check_field(path, spec)
        yield from check_identity(path, "[].".join(map(str, path[1::2])), spec, mapping.event.value)
    yield from check_one_for_all(mapping)
    yield from _check_targets(root)
    yield from _check_required_targets(root)


def _fields(mapping: Mapping) -> Iterator[tuple[NodePath, FieldSpec]]:
    for target, spec in mapping.fields.items():
        if isinstance(spec, EachSpec):
            yield from ((("fields", target, "each", inner), field) for inner, field in spec.each.items())
        else:
            yield ("fields", target), spec


def _check_event(mapping: Mapping, root: Node) -> Iterator[Finding]:
    node = root.get("event")
    if node and isinstance(node.value, dict):
        yield from _exactly_one(("event",), node, EVENT_FORMS)
        if mapping.event.map and not mapping.event.column:
            yield Finding(
                ("event", "map"), "`map` translates the values of a column: write `column` beside it", of_key=True
            )


def _check_forms(root: Node) -> Iterator[Finding]:
    for path, node in specs(root):
        if isinstance(node.value, dict) and "each" not in node.names() and not is_nested(node):
            yield from _exactly_one(path, node)


def _exactly_one(path: NodePath, node: Node, forms: tuple[str, ...] = FORMS) -> Iterator[Finding]:
    given = [form for form in forms if form in node.names()]
    if len(given) > 1:
        message = f"{' and '.join(shown(form) for form in given)} exclude each other: keep one"
        yield Finding((*path, given[1]), message, of_key=True)
    misspelled = any(nearest(key, forms) for key in node.names())  # said already
    if not given and not misspelled and "from" not in node.names():
        yield Finding(path, f"{shown(str(path[-1]))} needs one of {_either(forms)}", of_key=True)


def _either(forms: tuple[str, ...]) -> str:
    *others, last = map(shown, forms)
    return f"{', '.join(others)} or {last}"


def _check_key(mapping: Mapping, root: Node) -> Iterator[Finding]:
    key = mapping.key
    if key is None:
        if "key" not in root.names() and "group_by" not in root.names() and "context.event_id" not in _targets(root):
            hint = "add `key: order_id` with the columns that make an event unique, or `key: position` (file and row)"
            yield Finding(("key",), f"nothing gives the events their ids: {hint}")
    elif key != "position":
        yield from _check_repeats("key", key)
    elif mapping.group_by:
        message = "`position` names one row, and an event of `group_by` has several: leave `key` out"
        yield Finding(("key",), f"{message}, and the columns of `group_by` are the key")


def _check_groups(mapping: Mapping) -> Iterator[Finding]:
    yield from _check_repeats("group_by", mapping.group_by or ())
    for target, spec in mapping.fields.items() if mapping.group_by else ():
        if isinstance(spec, EachSpec) and spec.from_ is not None:
            message = "`from` reads a list in one row, and with `group_by` the entries are the rows of the group"
            yield Finding(("fields", target, "from"), f"{message}: leave out one of the two", of_key=True)


def _check_repeats(key: str, names: tuple[str, ...]) -> Iterator[Finding]:
    for index, column in enumerate(names):
        if column in names[:index]:
            yield Finding((key, index), f"the column {shown(column)} stands in `{key}` twice")


def _check_field(path: NodePath, spec: FieldSpec) -> Iterator[Finding]:
    yield from _check_hash(path, spec)
    yield from _check_time(path, spec)
    yield from check_lookup(path, spec)
    yield from check_timezone((*path, "timezone"), spec.timezone)
    yield from _check_map(path, spec)
    if spec.round is not None and spec.type not in (None, "number", "integer"):
        yield Finding((*path, "round"), f"`round` is for numbers, and this has `type: {spec.type}`", of_key=True)


def _check_map(path: NodePath, spec: FieldSpec) -> Iterator[Finding]:
    kinds: dict[str, list[str]] = {}
    for text, value in (spec.map or {}).items():
        if isinstance(value, (list, dict)):
            yield Finding((*path, "map", text), "a value of `map` is a text, a number, true, false or null")
        elif value is not None:
            kinds.setdefault(_scalar_kind(value), []).append(text)
    usual, *others = sorted(kinds, key=lambda kind: -len(kinds[kind])) or [""]
    for text in (text for kind in others for text in kinds[kind]):
        message = f"the value of {shown(text)} is not {usual} like others of this `map`"
        yield Finding((*path, "map", text), f"{message}: all must be text, all numbers or all true/false")


def _scalar_kind(value: object) -> str:
    if isinstance(value, bool):
        return "true or false"
    return "text" if isinstance(value, str) else "a number"


def _check_hash(path: NodePath, spec: FieldSpec) -> Iterator[Finding]:
    if spec.hash is None:
        return
    target = str(path[-1])
    suffix = next((name for name in HASHES if target.endswith(f"_{name}")), None)
    if suffix == spec.hash:
        return
    right = f"{target.removesuffix(f'_{suffix}')}_{spec.hash}"
    if suffix is None:
        message = f"a hashed value needs a target that says so: write {shown(right)}"
    else:
        message = f"the target ends in `_{suffix}`: write `hash: {suffix}`, or {shown(right)} as target"
    yield Finding((*path, "hash"), message)


def _check_time(path: NodePath, spec: FieldSpec) -> Iterator[Finding]:
    given = spec.model_fields_set
    if spec.unit and spec.format:
        yield Finding((*path, "unit"), "`unit` (epoch) and `format` (text) exclude each other: keep one", of_key=True)
    for index, text in enumerate(spec.format):
        where: NodePath = (*path, "format", index)
        if "%" not in text:
            yield Finding(where, f"{shown(text)} is no format: write it with %, such as `%d/%m/%Y %H:%M`")
        elif spec.type in (None, "timestamp", "date") and (problem := format_problem(text)):
            yield Finding(where, f"{shown(text)} {problem}")
    if spec.type in (None, "timestamp"):
        return
    for key in _TIME_KEYS:
        if key in given:
            yield Finding((*path, key), f"`{key}` is for `type: timestamp`, not for `{spec.type}`", of_key=True)
    if spec.format and spec.type != "date":
        message = f"`format` is for `type: timestamp` or `date`, not for `{spec.type}`"
        yield Finding((*path, "format"), message, of_key=True)


def _targets(root: Node) -> dict[str, NodePath]:
    """The targets of the event as written, also those that someone nested instead of dotting them."""
    found: dict[str, NodePath] = {}
    for path, node in specs(root):
        if len(path) > 2:  # noqa: PLR2004 - inside an `each`
            continue
        found.setdefault(str(path[1]), path)
        if is_nested(node):
            found |= {f"{path[1]}.{key}": path for key in node.names()}
    return found


def _check_targets(root: Node) -> Iterator[Finding]:
    groups: dict[NodePath, dict[str, NodePath]] = {}
    for path, node in specs(root):
        target = str(path[-1])
        problem = _target_problem(target)
        if not problem and path[:-1] == ("fields",) and target.partition(".")[0] == "event_name":
            problem = "`event_name` is written by `event` at the top of the file: remove this target"
        if problem:
            yield Finding(path, problem, of_key=True)
        elif not is_nested(node):
            groups.setdefault(path[:-1], {})[target] = path
    for group in groups.values():
        yield from _conflicts(group, root)


def _target_problem(target: str) -> str:
    if not target:
        return "a target needs a name"
    segments = target.split(".")
    if "[" in target or "]" in target:
        return f"{shown(target)}: a target has no brackets; lists are written with `each`"
    if not all(segments):
        return f"{shown(target)} has an empty part: a single dot stands between two names"
    if any(part != part.strip() or not part.isprintable() for part in segments):
        return f"{shown(target)} contains a blank at the edge of a name, or an invisible character"
    if len(segments) > MAX_SEGMENTS:
        return f"a target has at most {MAX_SEGMENTS} parts, this one has {len(segments)}"
    return ""


def _conflicts(group: dict[str, NodePath], root: Node) -> Iterator[Finding]:
    """Targets that have a value of their own and parts: ``a`` and ``a.b``. Said at the later one of the two."""
    order = {target: number for number, target in enumerate(group)}
    for target, path in group.items():
        parts = target.split(".")
        for length in range(1, len(parts)):
            parent = ".".join(parts[:length])
            if parent in group:
                later, first = (path, parent) if order[parent] < order[target] else (group[parent], target)
                line = place_of(root, group[first], of_key=True).line
                message = f"{shown(str(later[-1]))} conflicts with {shown(first)} in line {line}"
                yield Finding(
                    later, f"{message}: {shown(parent)} cannot have a value of its own and parts", of_key=True
                )


def _check_required_targets(root: Node) -> Iterator[Finding]:
    """What the API requires of every event (vendor's event reference): a time, and a user with at least one member."""
    targets = _targets(root)
    if not targets:
        return  # said already
    targets |= {name: (name,) for name in root.names() if "." in name}  # not under `fields`, which is said already
    if "context.event_timestamp" not in targets and "context" not in targets:
        near = nearest("context.event_timestamp", targets)
        hint = f"; is {shown(near)} meant to be it?" if near else ""
        message = "`context.event_timestamp` is missing: the API requires the time of every event"
        where = ("fields",) if near is None else targets[near]
        yield Finding(
            where, f"{message}; add `context.event_timestamp: ordered_at` with your column{hint}", of_key=True
        )
    if not any(target == "user" or target.startswith("user.") for target in targets):
        message = "no `user.` target: the API requires a user with at least one member"
        yield Finding(("fields",), f"{message}; add for example `user.id: customer_id` with your column", of_key=True)
