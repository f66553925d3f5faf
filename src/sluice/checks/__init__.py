"""Cross-file rules: everything that is wrong with a catalog beyond single files, each rule with a stable id."""

from __future__ import annotations

from sluice.catalog import READING_RULES, Catalog
from sluice.checks import (
    assertion_rules,
    calibration_rules,
    card_rules,
    environment_rules,
    gate_rules,
    judge_rules,
    leakage,
    licences,
    model_rules,
    private_text,
    prompt_rules,
    references,
    retrieval_rules,
    row_rules,
    schema_rules,
    weights,
)
from sluice.checks.rule import Context, Rule
from sluice.errors import Finding

_MODULES = (
    references, prompt_rules, retrieval_rules, schema_rules, card_rules, row_rules, assertion_rules, judge_rules,
    calibration_rules, gate_rules, model_rules, weights, licences, leakage, private_text, environment_rules,
)  # fmt: skip

RULES: dict[str, Rule] = {name: Rule(name, title) for name, title in READING_RULES.items()} | {
    rule.id: rule for module in _MODULES for rule in module.RULES
}
"""Rule id -> rule, in the order in which they are documented."""


def check(catalog: Catalog) -> list[Finding]:
    """Return every finding of a catalog, those met while reading included, sorted by place."""
    context = Context(catalog)
    findings = set(catalog.findings)
    for checker in dict.fromkeys(rule.check for rule in RULES.values() if rule.check):
        findings.update(checker(context))
    return sorted(findings)


__all__ = ["RULES", "Rule", "check"]
