"""What a rule is, and what every rule may look at."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import PurePosixPath
from typing import TypeAlias

from sluice.catalog import DIRECTORIES, Catalog
from sluice.checks.dataset_pass import DatasetFacts, read_datasets
from sluice.checks.suite_plan import SuitePlan, compile_suites
from sluice.errors import Finding


@dataclass(frozen=True)
class Context:
    """One catalog with what was learnt from a single pass over each dataset; computed when first asked for."""

    catalog: Catalog

    @cached_property
    def plans(self) -> dict[str, SuitePlan]:
        """Suite name -> its compiled assertions, where prompt and dataset exist or not."""
        return compile_suites(self.catalog)

    @cached_property
    def facts(self) -> dict[str, DatasetFacts]:
        """Dataset name -> what its rows say."""
        return read_datasets(self.catalog, self.plans)

    @cached_property
    def declared(self) -> dict[str, set[str]]:
        """File kind -> names that have a file, readable or not, so that one bad file is reported once."""
        return {
            kind: {PurePosixPath(path).stem for path in self.catalog.tree.paths(directory) if path.endswith(".yaml")}
            for kind, directory in DIRECTORIES.items()
        }


Checker: TypeAlias = Callable[[Context], Iterable[Finding]]


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule by its stable id. `check` is None where the rule holds while files are read."""

    id: str
    title: str
    check: Checker | None = None


def rules(check: Checker, titles: Mapping[str, str]) -> tuple[Rule, ...]:
    """Return the rules that one checker reports, from id -> title."""
    return tuple(Rule(name, title, check) for name, title in titles.items())


def warning(finding: Finding) -> Finding:
    """Return the same finding as advice that does not make the files invalid."""
    return replace(finding, severity="warning")
