"""The `when` language: which cases an assertion applies to.

    expression = term { "or" term }          term = factor { "and" factor }
    factor     = "not" factor | "(" expression ")" | field [ "=" literal ]
    literal    = bare word | "quoted text" | 'quoted text' | number | true | false

A field alone holds where its value is not false, null, zero or empty; a missing field counts as null.
`=` compares without conversion: 3 is not "3". Keywords are lower case.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn, TypeAlias

from sluice.assertions.model import AssertionConfigError

MAX_DEPTH = 32
_TOKEN = re.compile(
    r"""(?P<space>\s+)
      | (?P<punctuation>[()=])
      | (?P<quoted>"[^"]*"|'[^']*')
      | (?P<word>[^\s()="'!<>&|,]+)""",
    re.VERBOSE,
)
_FIELD = re.compile(r"[^\W\d][\w-]*")
_NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][-+]?\d+)?")
_KEYWORDS = ("not", "and", "or")

Predicate: TypeAlias = Callable[[Mapping[str, Any]], bool]


class WhenSyntaxError(AssertionConfigError):
    """A `when` that cannot be read; `column` counts from 1 within its text."""

    def __init__(self, message: str, column: int) -> None:
        self.column = column
        super().__init__(f"column {column} of when: {message}", "when")


@dataclass(frozen=True, slots=True)
class When:
    """A parsed condition: call it with a row; `fields` are the row fields that it reads."""

    text: str
    fields: frozenset[str]
    predicate: Predicate

    def __call__(self, row: Mapping[str, Any]) -> bool:
        """Return whether the condition holds for a row."""
        return self.predicate(row)


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    column: int


def parse_when(text: str) -> When:
    """Parse a condition; raise WhenSyntaxError naming the column."""
    parser = _Parser(_tokens(text))
    predicate = parser.expression(0)
    parser.expect_end()
    return When(text, frozenset(parser.fields), predicate)


def _tokens(text: str) -> list[_Token]:
    tokens, position = [], 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            _refuse_character(text, position)
        if match.lastgroup != "space":
            tokens.append(_Token(str(match.lastgroup), match[0], position + 1))
        position = match.end()
    return [*tokens, _Token("end", "", len(text) + 1)]


def _refuse_character(text: str, position: int) -> NoReturn:
    if text[position] in "\"'":
        raise WhenSyntaxError("this quotation mark is never closed", position + 1)
    known = "; write `not field = value`" if text.startswith("!=", position) else ""
    raise WhenSyntaxError(
        f"{text[position]!r} is not known here: only fields, not, and, or, `=` and parentheses are{known}",
        position + 1,
    )


class _Parser:
    """Recursive descent over tokens; each method returns a predicate."""

    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._index = 0
        self.fields: set[str] = set()

    @property
    def _next(self) -> _Token:
        return self._tokens[self._index]

    def _take(self, text: str) -> bool:
        token = self._next
        if token.kind in ("word", "punctuation") and token.text == text:
            self._index += 1
            return True
        return False

    def _fail(self, expected: str) -> NoReturn:
        found = f"`{self._next.text}`" if self._next.text else "the end"
        raise WhenSyntaxError(f"expected {expected}, found {found}", self._next.column)

    def expect_end(self) -> None:
        if self._next.kind != "end":
            self._fail("`and`, `or` or the end")

    def expression(self, depth: int) -> Predicate:
        terms = [self._term(depth)]
        while self._take("or"):
            terms.append(self._term(depth))
        return terms[0] if len(terms) == 1 else lambda row: any(term(row) for term in terms)

    def _term(self, depth: int) -> Predicate:
        factors = [self._factor(depth)]
        while self._take("and"):
            factors.append(self._factor(depth))
        return factors[0] if len(factors) == 1 else lambda row: all(factor(row) for factor in factors)

    def _factor(self, depth: int) -> Predicate:
        if depth > MAX_DEPTH:
            raise WhenSyntaxError(f"more than {MAX_DEPTH} levels of nesting", self._next.column)
        if self._take("not"):
            negated = self._factor(depth + 1)
            return lambda row: not negated(row)
        if self._take("("):
            inner = self.expression(depth + 1)
            if not self._take(")"):
                self._fail("`)`")
            return inner
        return self._comparison()

    def _comparison(self) -> Predicate:
        token = self._next
        if token.kind != "word" or token.text in _KEYWORDS or not _FIELD.fullmatch(token.text):
            self._fail("a field's name, `not` or `(`")
        self._index += 1
        name = token.text
        self.fields.add(name)
        if not self._take("="):
            return lambda row: bool(row.get(name))
        wanted = self._literal()
        kind = type(wanted)
        if kind is float:
            return lambda row: type(value := row.get(name)) in (int, float) and value == wanted
        return lambda row: type(value := row.get(name)) is kind and value == wanted

    def _literal(self) -> str | float | bool:
        token = self._next
        if token.kind not in ("word", "quoted"):
            hint = " (equality is a single `=`)" if token.text == "=" else ""
            self._fail(f"a value after `=`{hint}")
        self._index += 1
        if token.kind == "quoted":
            return token.text[1:-1]
        if token.text in _KEYWORDS:
            raise WhenSyntaxError(f"`{token.text}` is a keyword; quote it to mean the text", token.column)
        if token.text in ("true", "false"):
            return token.text == "true"
        return float(token.text) if _NUMBER.fullmatch(token.text) else token.text
