"""Rules about licences: known identifiers, and advice where commercial use or changes are not allowed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from sluice.catalog import Entry
from sluice.checks.rule import Context, rules, warning
from sluice.errors import Finding, nearest

SPDX = frozenset(
    """0BSD AFL-3.0 AGPL-3.0-only AGPL-3.0-or-later Apache-2.0 Artistic-2.0 BSD-2-Clause BSD-3-Clause BSL-1.0 CC0-1.0
    CC-BY-2.0 CC-BY-2.5 CC-BY-3.0 CC-BY-4.0 CC-BY-SA-3.0 CC-BY-SA-4.0 CC-BY-NC-3.0 CC-BY-NC-4.0 CC-BY-NC-SA-3.0
    CC-BY-NC-SA-4.0 CC-BY-ND-4.0 CC-BY-NC-ND-4.0 CDLA-Permissive-1.0 CDLA-Permissive-2.0 CDLA-Sharing-1.0 C-UDA-1.0
    EPL-2.0 EUPL-1.2 GFDL-1.3-or-later GPL-2.0-only GPL-2.0-or-later GPL-3.0-only GPL-3.0-or-later ISC
    LGPL-2.1-or-later LGPL-3.0-only LGPL-3.0-or-later MIT MIT-0 MPL-2.0 MS-PL OGL-UK-3.0 ODbL-1.0 ODC-By-1.0
    OFL-1.1 PDDL-1.0 Python-2.0 Unicode-3.0 Unlicense UPL-1.0 WTFPL Zlib""".split()  # noqa: SIM905
)
"""SPDX identifiers that data sets and models really use; others are written as LicenseRef-…"""

MODEL_LICENCES = frozenset(
    """bigcode-openrail-m bigscience-bloom-rail-1.0 bigscience-openrail-m creativeml-openrail-m deepseek gemma llama2
    llama3 llama3.1 llama3.2 llama3.3 llama4 openrail openrail++""".split()  # noqa: SIM905
)
"""Licences of open weights that SPDX does not list, by the names that model hubs give them."""

_OWN = re.compile(r"LicenseRef-[A-Za-z0-9.-]+\Z")
_OPERATORS = re.compile(r"\s+(?:AND|OR|WITH)\s+|[()\s]+")


def _licences(context: Context) -> Iterator[Finding]:
    catalog = context.catalog
    for dataset in catalog.datasets.values():
        yield from _check(dataset, SPDX)
    for model in catalog.models.values():
        yield from _check(model, SPDX | MODEL_LICENCES)


def _check(entry: Entry[Any], known: frozenset[str]) -> Iterator[Finding]:
    for name in filter(None, _OPERATORS.split(entry.value.license)):
        if name not in known and not _OWN.match(name):
            folded = {one.lower(): one for one in known}.get(name.lower())
            expected = f"a known licence; did you mean {folded!r}?" if folded else _nearest(name, known)
            fix = "use the SPDX identifier, or LicenseRef-<name> for terms of your own"
            yield entry.finding(("license",), "license-unknown", f"licence {name!r}", expected, fix)
        limits = [
            limit for part, limit in (("NC", "commercial use"), ("ND", "changed copies")) if part in name.split("-")
        ]
        if limits:
            found, expected = (
                f"{name}, which forbids {' and '.join(limits)}",
                "a licence that allows what you do with it",
            )
            fix = "ask whoever decides about licences, or take other data"
            yield warning(entry.finding(("license",), "license-restricted", found, expected, fix))


def _nearest(name: str, known: frozenset[str]) -> str:
    hint = nearest(name, known)
    return (
        f"a known licence; {hint}"
        if hint.startswith("did you mean")
        else "an SPDX identifier such as CC-BY-4.0 or Apache-2.0"
    )


RULES = rules(
    _licences,
    {
        "license-unknown": "Licences are SPDX identifiers, known model licences or LicenseRef-….",
        "license-restricted": "Licences allow commercial use and changes.",
    },
)
