"""What a YAML parser complains about, in plain words and with the place where a person would look."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from importer.errors import Problem
from importer.mapping.nearest import shown

if TYPE_CHECKING:
    import yaml

MAX_DEPTH = 40
TOO_DEEP = f"nested more than {MAX_DEPTH} levels deep"

# What YAML 1.1 lets stand in a text (its production c-printable).
_FORBIDDEN = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]|\ufeff")
_LINE_BREAK = re.compile("\r\n|[\r\n\x85\u2028\u2029]")

_QUOTE_IT = "a text that contains `: ` needs quotes, and nested names must be indented below their parent"

_IN_BRACKETS = "a text with a `,` or a bracket in it needs quotes there"

# The C and the Python parser word the same complaint differently: what both have in common decides. First match wins.
_PLAIN_WORDS = (
    ("nesting depth", TOO_DEEP),  # newer versions of libyaml have a limit of their own
    ("document start>|incompatible|directive", "only one document without directives (`---`, `...`, `%`) belongs here"),
    ("mapping values are not allowed", f"a `:` is not expected here: {_QUOTE_IT}"),
    ("sequence entries are not allowed", "a list that uses `-` must begin on its own line, or write `[a, b]`"),
    ("unexpected end of stream", "the quote that opens here is never closed"),
    ("unexpected document", "the quoted text is not closed before the `---` or `...` that ends the document"),
    ("find expected ':'", "a `:` is missing after this name (with a space behind it)"),
    ("unknown escape", "unknown escape in double quotes: write `\\\\` for a backslash, or use single quotes"),
    ("escape code|hexadecimal", "this escape in double quotes is no character"),
    (r"',' or '\]'", "the list that opens with `[` is not continued by `,` or closed by `]`"),
    (r"',' or '}'", f"the mapping that opens with `{{` is not continued by `,` or closed by `}}`; {_IN_BRACKETS}"),
    ("node content", "a value or a closing bracket is missing here, or a text that begins like this needs quotes"),
    ("alphabetic or numeric", "a text that begins with `*` or `&` needs quotes"),
    ("tag|expected uri", "tags are not supported: a text that begins with `!` needs quotes"),
    (
        "comment or .*line break|indentation indicator",
        "after `|` or `>` the text begins on the next line (or quote it)",
    ),
)
_BEFORE_CONTENT = "the indentation does not fit the lines above"
_AFTER_CONTENT = "this follows a value that is complete already: put the whole text in one pair of quotes"
_TAB = "a tab where YAML takes only spaces: indent with spaces"


def forbidden_character(text: str) -> Problem | None:
    """The first control character or lone surrogate in ``text``, which no YAML document may contain."""
    match = _FORBIDDEN.search(text)
    if match is None:
        return None
    lines = _LINE_BREAK.split(text[: match.start()])
    message = f"the character U+{ord(match.group()):04X} may not stand in a YAML file: remove it"
    return Problem(len(lines), len(lines[-1]) + 1, "", message)


def syntax_problem(error: yaml.YAMLError, text: str) -> Problem:
    """The one syntax error of ``text`` at which the parser gave up."""
    mark = getattr(error, "problem_mark", None)
    if mark is None:
        return Problem(1, 1, "", f"this is no YAML that can be read ({type(error).__name__})")
    complaint = str(getattr(error, "problem", "") or "").lower()
    lines = _LINE_BREAK.split(text)
    start = getattr(error, "context_mark", None)
    is_later = start and "',' or " in complaint and mark.line > start.line  # of a bracket that opens there
    if start and (is_later or _at_end(mark, lines) or "find expected ':'" in complaint):
        mark = start  # where the quote, list or name began says more than where patience ended
    line, column = min((mark.line, mark.column), (len(lines) - 1, len(lines[-1])))  # parsers go past the end
    return Problem(line + 1, column + 1, "", _plain_words(complaint, lines[line], column))


def _at_end(mark: yaml.Mark, lines: list[str]) -> bool:
    here = "".join(lines[mark.line : mark.line + 1])[mark.column :]
    return not here.strip() and not any(map(str.strip, lines[mark.line + 1 :]))


def _plain_words(complaint: str, line: str, column: int) -> str:
    before, here = line[:column], line[column : column + 1]
    if "tab character" in complaint or here == "\t" or "\t" in line[: len(line) - len(line.lstrip())]:
        return _TAB
    if "cannot start any token" in complaint:
        return f"a text that begins with {shown(here)} needs quotes"
    for pattern, words in _PLAIN_WORDS:
        if re.search(pattern, complaint):
            return words
    return _AFTER_CONTENT if before.strip() else _BEFORE_CONTENT
