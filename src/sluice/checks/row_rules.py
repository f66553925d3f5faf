"""Rules about single rows: everything that the one pass over each dataset noted."""

from __future__ import annotations

from collections.abc import Iterator

from sluice.checks.rule import Context, rules
from sluice.errors import Finding


def _rows(context: Context) -> Iterator[Finding]:
    for facts in context.facts.values():
        yield from facts.findings


RULES = rules(
    _rows,
    {
        "row-schema": "A row follows the schema of its card.",
        "row-prompt-input": "A row holds what the prompt that is judged on it takes.",
        "row-field-missing": "A row has the fields that the assertions which apply to it read.",
        "row-id-missing": "Every row has an id.",
        "row-id-type": "Ids are text.",
        "row-id-duplicate": "Ids are unique within a dataset.",
        "row-id-confusable": "No two ids look the same to a person.",
    },
)
