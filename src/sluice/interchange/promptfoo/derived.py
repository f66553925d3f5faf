"""Derived metrics of a promptfoo configuration: formulas are kept, functions are refused."""

from __future__ import annotations

import re
from collections.abc import Mapping, Set

from sluice.interchange.promptfoo.spots import Spot
from sluice.interchange.promptfoo.templates import slug
from sluice.runner.derived import COUNT, formula_name
from sluice.stats.formula import Formula, FormulaError

_WORD = re.compile(r"[A-Za-z_]\w*\b(?!\s*\()", re.ASCII)


def read_derived(spot: Spot | None, metrics: Mapping[str, str], given: Set[str]) -> dict[str, str]:
    """Return name -> formula with our names of metrics; what cannot be kept becomes a finding.

    `given` are the names of metrics that the configuration has, those of refused assertions too.
    """
    found: dict[str, str] = {}
    refused = set(given)
    names = {given: formula_name(name) for given, name in metrics.items()}
    for entry in () if spot is None or not isinstance(spot.value, list) else spot.items():
        if not isinstance(entry.value, dict) or not isinstance(entry.value.get("value"), str):
            entry.refuse("a derived metric that is no formula", "write a formula over metrics")
            continue
        entry.check_keys(("name", "value"), ("description",))
        name = slug(str(entry.value.get("name")))
        formula = _formula(entry.child("value"), names, refused)
        if formula is None:
            refused.add(str(entry.value.get("name")))
        else:
            found[name] = formula
            names[str(entry.value.get("name"))] = formula_name(name)
    return found


def _formula(spot: Spot, names: Mapping[str, str], refused: Set[str]) -> str | None:
    """Return a formula with our names. promptfoo leaves a figure at 0 where a name is not known; that is refused."""
    try:
        wanted = Formula(spot.value).names - {COUNT}
    except FormulaError as error:
        spot.refuse(f"a derived metric that is no plain formula: {error}", "write arithmetic over metrics")
        return None
    unknown = sorted(wanted - set(names))
    if unknown and unknown[0] in refused:
        spot.refuse(f"a formula over {unknown[0]!r}, which is not imported (see its own finding)", "mend that first")
        return None
    if unknown:
        spot.refuse(f"a formula over {unknown[0]!r}, which no assertion has as its metric", "name a metric")
        return None
    return _WORD.sub(lambda match: names.get(match[0], match[0]), str(spot.value))
