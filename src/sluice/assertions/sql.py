"""SQL in an output: is-sql (the whole of it) and contains-sql (a fenced block, or the whole), by sqlglot's parser.

promptfoo uses another parser. What both read is the same for the statements that people write; where sqlglot is more
lenient than the database, this asks for more. The corpus of the tests says where the two still differ.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sluice.assertions.model import AssertionConfigError, AssertionType, Check, Compile, Score, Subject, verdict
from sluice.assertions.options import no_threshold
from sluice.errors import nearest
from sluice.schema import Assertion

MAX_CHARACTERS = 100_000
DATABASES = {
    "Athena": "athena", "BigQuery": "bigquery", "Hive": "hive", "MariaDB": "mysql", "MySQL": "mysql",
    "Postgresql": "postgres", "Redshift": "redshift", "Snowflake": "snowflake", "Sqlite": "sqlite",
    "TransactSQL": "tsql", "Trino": "trino",
}  # fmt: skip
"""The names of databases in suites -> sqlglot's."""

_KEYS = ("databaseType", "allowedTables", "allowedColumns")
_MYSQL = ("MySQL", "MariaDB")
_IGNORED = re.compile(
    r"""'(?:[^'\\]|\\.|'')*(?:'|\Z)|"(?:[^"\\]|\\.|"")*(?:"|\Z)|`(?:[^`\\]|\\.|``)*(?:`|\Z)
    |(?P<comment>--[^\r\n]*|\#[^\r\n]*|/\*.*?(?:\*/|\Z))""",
    re.VERBOSE | re.DOTALL,
)
_NAME = "[A-Za-z_][A-Za-z0-9_]*"
_MODIFIER = r"(?:all|distinct)"
_MYSQL_MODIFIER = (
    r"(?:all|distinct(?:row)?|high_priority|straight_join"
    r"|sql_(?:big_result|buffer_result|cache|calc_found_rows|no_cache|small_result))"
)


def _two_names(modifier: str) -> re.Pattern[str]:
    text = rf"\bselect\s+(?:{modifier}\s+)*(?!{modifier}\b){_NAME}\s+{_NAME}\s+from\b"
    return re.compile(text, re.IGNORECASE | re.ASCII)


_TWO_NAMES, _TWO_NAMES_MYSQL = _two_names(_MODIFIER), _two_names(_MYSQL_MODIFIER)
_TRAILING_COMMA = re.compile(r",\s*(?:from|where|group|order|having|limit)\b|,\s*\Z", re.IGNORECASE)
_NO_STATEMENT = re.compile(r"\s*(?:from\b|use\s+\S+\s+\S)", re.IGNORECASE)
_RESERVED = (
    "add|alter|and|as|asc|between|by|case|create|delete|desc|distinct|drop|else|exists|from|group|having|in|insert"
    "|into|is|join|like|limit|not|null|on|or|order|select|set|table|then|to|union|update|using|values|when|where|with"
)
_RESERVED_NAME = re.compile(
    rf"\bselect\s+(?:order|group|table|where)\s+(?:,|from\b)|\b(?:from|join|into|update)\s+(?:{_RESERVED})\s*(?:;|,|\Z)",
    re.IGNORECASE,
)
_NOT_IN: dict[str, tuple[str, ...]] = {
    "MySQL": (
        r"\bilike\b", r"\bnulls\s+(?:first|last)\b", r"\bon\s+conflict\b", r"\bexcept\s*\(", r"==",
        r"\binterval\s+\?(?!\s*[a-z])", r"\bnatural\s+join\b", r"\bgenerate_series\s*\(",
    ),
    "Postgresql": (r"\bon\s+duplicate\s+key\b", r"\bexcept\s*\(", r"==", r"\blimit\s+\d+\s*,", r"^\s*describe\b"),
    "Sqlite": (
        r"\bilike\b", r"\bnulls\s+(?:first|last)\b", r"\bexcept\s*\(", r"\bfor\s+update\b", r"\binterval\s+\?",
        r"^\s*(?:begin|commit|grant)\b", r"\bextract\s*\(", r"\bon\s+conflict\b",
    ),
}  # fmt: skip
"""What sqlglot reads in every dialect, and the database (as promptfoo's parser knows it) does not."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What a statement must be written for, and the tables and columns that it may touch (patterns)."""

    database: str = "MySQL"
    tables: tuple[str, ...] | None = None
    columns: tuple[str, ...] | None = None


def sql_problem(text: str, rules: Rules) -> str | None:
    """Return why a text is not SQL under the rules, or None where it is."""
    trimmed = text.strip()
    not_sql = f"the output is not SQL of {rules.database}"
    if not trimmed or len(trimmed) > MAX_CHARACTERS or trimmed.count("`") % 2:
        return not_sql
    bare = _IGNORED.sub(lambda match: " " if match["comment"] else " ? ", trimmed)
    if (_TWO_NAMES_MYSQL if rules.database in _MYSQL else _TWO_NAMES).search(bare):
        return f"{not_sql}: two names after `select` without a comma between"
    if _TRAILING_COMMA.search(bare) or _NO_STATEMENT.match(bare) or _RESERVED_NAME.search(bare):
        return not_sql
    family = "MySQL" if rules.database in _MYSQL else rules.database
    if any(re.search(pattern, bare, re.IGNORECASE) for pattern in _NOT_IN.get(family, ())):
        return not_sql
    statements = _statements(trimmed, DATABASES[rules.database])
    if statements is None:
        return not_sql
    return _unlisted(_tables(statements), rules.tables, "table") or _unlisted(
        _columns(statements), rules.columns, "column"
    )


def _statements(text: str, dialect: str) -> list[Any] | None:
    """Parse; None where it is no SQL statement. sqlglot reads bare words as expressions, which are no statements."""
    import sqlglot
    from sqlglot import exp

    # It warns on standard error about what it keeps unparsed.
    logging.getLogger("sqlglot").setLevel(logging.CRITICAL)
    text = re.sub(r"^\s*replace\s+into\b", "INSERT INTO", text, flags=re.IGNORECASE)
    kinds = (
        exp.Query, exp.DML, exp.Create, exp.Drop, exp.Alter, exp.TruncateTable, exp.Describe, exp.Show,
        exp.Transaction, exp.Commit, exp.Rollback, exp.Set, exp.Use, exp.Grant,
    )  # fmt: skip
    try:
        parsed = [one for one in sqlglot.parse(text, read=dialect) if one is not None]
    except (sqlglot.errors.SqlglotError, RecursionError, ValueError):
        return None
    if not parsed or not all(isinstance(one, kinds) for one in parsed):
        return None
    whole = all(select.expressions for one in parsed for select in one.find_all(exp.Select))
    whole = whole and not any(one.args.get("tables") for one in parsed if isinstance(one, exp.Delete))
    return parsed if whole else None


def _tables(statements: Sequence[Any]) -> Iterator[str]:
    """Yield `action::database::table` for every table that is touched."""
    from sqlglot import exp

    for statement in statements:
        named = {one.alias_or_name for one in statement.find_all(exp.CTE)}
        target = statement.this.find(exp.Table) if isinstance(statement.this, exp.Expression) else None
        for table in statement.find_all(exp.Table):
            if table.name and table.name not in named:
                action = statement.key if table is target and statement.key != "select" else "select"
                yield f"{action}::{table.db or 'null'}::{table.name}"


def _columns(statements: Sequence[Any]) -> Iterator[str]:
    """Yield `action::table::column`; an alias of a table becomes its name, and `*` is `(.*)`."""
    from sqlglot import exp

    for statement in statements:
        aliases = {one.alias: one.name for one in statement.find_all(exp.Table) if one.alias}
        for column in statement.find_all(exp.Column):
            table = aliases.get(column.table, column.table) or "null"
            yield f"select::{table}::{'(.*)' if isinstance(column.this, exp.Star) else column.name}"
        for select in statement.find_all(exp.Select):
            if any(isinstance(one, exp.Star) for one in select.expressions):
                yield "select::null::(.*)"


def _unlisted(found: Iterator[str], allowed: tuple[str, ...] | None, kind: str) -> str | None:
    if allowed is None:
        return None
    patterns = [re.compile(f"^{item}$", re.IGNORECASE) for item in allowed]
    outside = sorted({one for one in found if not any(pattern.search(one) for pattern in patterns)})
    return f"the SQL touches a {kind} that is not allowed: {outside[0]}" if outside else None


# Fenced blocks

_FENCE = re.compile(r"[ \t]{0,3}(`{3,}|~{3,})[ \t]*([^\r\n]*)")


def sql_blocks(text: str) -> list[str]:
    """Return the contents of fenced blocks that are marked `sql`, or not marked at all."""
    blocks: list[str] = []
    fence, body, wanted = "", [""], False
    for line in re.split(r"\r\n?|\n", text):
        match = _FENCE.fullmatch(line)
        if not fence:
            if match:
                fence, body, wanted = match[1], [], match[2].strip().lower() in ("", "sql")
        elif match and match[1][0] == fence[0] and len(match[1]) >= len(fence) and not match[2].strip():
            if wanted:
                blocks.append("\n".join(body).strip())
            fence = ""
        else:
            body.append(line)
    return blocks


def contained_sql_problem(text: str, rules: Rules) -> str | None:
    """Return why a text holds no SQL: its fenced blocks are tried, or the whole where it has none."""
    problem: str | None = "the output holds no SQL"
    for candidate in sql_blocks(text) or [text]:
        if candidate.strip():
            problem = sql_problem(candidate, rules)
            if problem is None:
                return None
    return problem


def _rules(value: Any) -> Rules:
    if value is None:
        return Rules()
    if not isinstance(value, dict) or not set(value) <= set(_KEYS):
        raise AssertionConfigError(f"the value is a mapping of {', '.join(_KEYS)}", "value")
    database = value.get("databaseType", "MySQL")
    known = next((name for name in DATABASES if name.lower() == str(database).lower()), None)
    if known is None:
        raise AssertionConfigError(f"no database {database!r}; {nearest(str(database), DATABASES)}", "value")
    return Rules(known, *(_patterns(value.get(key), key) for key in _KEYS[1:]))


def _patterns(items: Any, key: str) -> tuple[str, ...] | None:
    if items is None:
        return None
    if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
        raise AssertionConfigError(f"{key} is a list of patterns such as select::null::users", "value")
    for item in items:
        try:
            re.compile(item)
        except re.error as error:
            raise AssertionConfigError(f"the pattern {item!r} of {key} is not valid: {error}", "value") from None
    # A column that is written without its table may stand for one of an allowed table.
    bare = [re.sub(r"^([^:]+)::[^:]+::", r"\1::null::", item) for item in items] if key == "allowedColumns" else []
    return (*items, *bare)


def _compile(problem: Callable[[str, Rules], str | None], good: str) -> Compile:
    def compile_sql(assertion: Assertion, functions: Mapping[str, Any]) -> Check:
        no_threshold(assertion)
        rules = _rules(assertion.value)

        def judge(subject: Subject) -> Score:
            found = problem(subject.output, rules)
            return verdict(found is None, found or good)

        return Check(judge)

    return compile_sql


TYPES = (
    AssertionType(
        "is-sql",
        "the whole output is SQL; the value may name databaseType (default MySQL), allowedTables "
        "(action::database::table) and allowedColumns (action::table::column) as patterns; read by sqlglot",
        "binary",
        1,
        _compile(sql_problem, "SQL"),
    ),
    AssertionType(
        "contains-sql",
        "a fenced block of the output (marked sql, or not marked) is SQL, or the whole output where it has no such "
        "block; value as for is-sql",
        "binary",
        1,
        _compile(contained_sql_problem, "the output holds SQL"),
    ),
)
