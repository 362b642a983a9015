"""What Polars complains about in the SQL of a mapping, in plain words."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING

from importer.mapping.cells import type_name
from importer.mapping.nearest import printable, shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import polars as pl

AGGREGATES = ("SUM", "COUNT", "MIN", "MAX", "AVG", "MEDIAN", "FIRST", "LAST", "STRING_AGG", "ARRAY_AGG")
FUNCTIONS = (
    "ABS", "CEIL", "FLOOR", "ROUND", "SIGN", "SQRT", "POW", "MOD", "DIV", "LOWER", "UPPER", "LENGTH",
    "CHAR_LENGTH", "OCTET_LENGTH", "TRIM", "LTRIM", "RTRIM", "LEFT", "RIGHT", "SUBSTR", "REPLACE", "CONCAT",
    "CONCAT_WS", "REVERSE", "STARTS_WITH", "ENDS_WITH", "STRPOS", "REGEXP_LIKE", "REGEXP_REPLACE", "LPAD", "RPAD",
    "SPLIT_PART", "STRING_TO_ARRAY", "COALESCE", "NULLIF", "IFNULL", "GREATEST", "LEAST", "IF", "EXTRACT", "DATE_PART",
    "STRFTIME", "CAST", "TRY_CAST", *AGGREGATES,
)  # fmt: skip
"""What a mapping may call."""
_ELSEWHERE = {
    "ISNULL": "COALESCE", "LEN": "LENGTH", "MEAN": "AVG", "NVL": "COALESCE", "TO_CHAR": "STRFTIME", "TO_DATE": "CAST",
    "TO_NUMBER": "CAST", "TO_TIMESTAMP": "CAST", "UCASE": "UPPER", "LCASE": "LOWER", "SUBSTRING_INDEX": "SPLIT_PART",
    "GROUP_CONCAT": "STRING_AGG", "IIF": "IF", "CHARINDEX": "STRPOS", "INSTR": "STRPOS", "FORMAT": "STRFTIME",
}  # fmt: skip
_LITERALS = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|--[^\n]*")
_HANGING = re.compile(r"(\|\||<>|[<>!]=|[-+*/%=<>,]|\b(?:AND|OR|NOT|LIKE|IN|BETWEEN|IS))\s*$", re.IGNORECASE)
_CALL = re.compile(r"\b([A-Za-z_]\w*)\s*\(")
_CALLABLE = frozenset({*FUNCTIONS, "AND", "OR", "NOT", "IN", "CASE", "WHEN", "THEN", "ELSE", "LIKE", "BETWEEN"})
_NO_ARGUMENTS = re.compile(r"\b(COALESCE|GREATEST|LEAST|CONCAT|CONCAT_WS)\s*\(\s*\)", re.IGNORECASE)
_LIKENESS = 0.7  # names of functions are short: RANDOM is not meant to be RPAD
_TYPES = "VARCHAR, BIGINT, DOUBLE, BOOLEAN, DATE or TIMESTAMP"

_COMPLAINTS = (
    (r"Unterminated string", "a text that opens with `'` is never closed"),
    (r"Expected close delimiter", 'a name that opens with `"` is never closed'),
    (r"datatype \"?(?P<name>.+?)\"? is not", f"there is no type {{name}}: write {_TYPES}"),
    (r"no function matches.*?`(?P<name>[^`]*)`", "{name} has too few or too many values in its brackets"),
    (r"unexpected token '(?P<name>[^']*)'", "{name} is not expected where it stands"),
    (r"invalid (?:DATE|TIME)\w* literal '(?P<name>[^']*)'", "{name} is no date: write DATE 'YYYY-MM-DD'"),
    (r"LIKE/ILIKE pattern", "the pattern behind LIKE must be a text in single quotes"),
    (r"(?P<name>\w+) cannot determine the type", "{name} is not allowed in a mapping"),
)
_MISFITS = (
    (r"cannot compare string with numeric", "a text cannot be compared with a number"),
    (r"cannot compare", "values of different types cannot be compared"),
    (r"arithmetic|[-+*/%] (?:on|not allowed)", "these types cannot be computed with"),
    (r"^[&|^]| [&|] on ", "AND, OR and NOT need conditions, which are true or false"),
    (r"expected `Boolean`|to Boolean not supported", "a condition must be true or false"),
    (r"expected `String`", "a function of texts got something else"),
    (
        r"`(?:year|month|day|hour|minute|second|weekday|to_string|strftime)\w*` operation",
        "a function of dates or times got something else",
    ),
    (r"operation not supported", "a function got a value of a type that it does not take"),
    (r"casting from|cast", "a CAST between these types is not possible"),
    (r"regex", "the pattern is no regular expression (regex)"),
)


def syntax_problem(text: str, complaint: str) -> str:
    """Why ``text`` cannot be read, from what Polars said about it."""
    if call := re.search(r"unsupported function '(?P<name>[^']*)'", complaint):
        return unknown_function(call["name"].upper())
    if bare := _unbalanced(text):
        return f"cannot be read as SQL: {bare}"
    if re.search(r"\bSELECT\b", _LITERALS.sub("''", text), re.IGNORECASE):
        return "cannot be read as SQL: write the expression alone, without SELECT"
    for pattern, words in _COMPLAINTS:
        if found := re.search(pattern, complaint):
            name = found.groupdict().get("name")
            return f"cannot be read as SQL: {words.format(name=name and shown(name))}"
    return "cannot be read as SQL: something is missing in it, or does not belong there"


def unknown_function(name: str) -> str:
    """What is said about a function that nobody knows."""
    near = _ELSEWHERE.get(name) or next(iter(get_close_matches(name, FUNCTIONS, 1, _LIKENESS)), None)
    hint = f"; did you mean {shown(near)}?" if near else ""
    return f"there is no function {shown(name)} in a mapping{hint}"


def call_without_arguments(text: str) -> str | None:
    """The function in ``text`` that is called with nothing at all where Polars would panic."""
    found = _NO_ARGUMENTS.search(_LITERALS.sub("''", text))
    return found[1].upper() if found else None


def unlisted_calls(text: str) -> list[str]:
    """The functions that ``text`` calls and a mapping may not, in the order in which they stand there."""
    called = _CALL.findall(_LITERALS.sub("''", text))
    return [name for name in called if name.upper() not in _CALLABLE]


def types_problem(complaint: str, columns: Iterable[str], schema: Mapping[str, pl.DataType]) -> str:
    """Why SQL over ``columns`` cannot be computed, from what Polars said about it."""
    reason = next((f": {words}" for pattern, words in _MISFITS if re.search(pattern, complaint)), "")
    known = [f"{printable(name)} is {type_name(schema[name])}" for name in dict.fromkeys(columns) if name in schema]
    types = f" ({', '.join(known)})" if known else ""
    return f"does not fit the types of its columns{reason}{types}"


def _unbalanced(text: str) -> str:
    """What opens and does not close, or the other way round; or an operator with nothing behind it."""
    code = _LITERALS.sub("''", text)
    if not code.strip():
        return "there is nothing in it"
    if "'" in code.replace("''", "") or '"' in code:
        return ""  # the quote comes first
    opened, closed = code.count("("), code.count(")")
    if opened != closed:
        return "a `)` is missing" if opened > closed else "there is a `)` too much"
    cases = len(re.findall(r"\bCASE\b", code, re.IGNORECASE)) - len(re.findall(r"\bEND\b", code, re.IGNORECASE))
    if cases > 0:
        return "a CASE is not closed by END"
    if hanging := _HANGING.search(code):
        return f"a value is missing behind {shown(hanging[1])}"
    return ""
