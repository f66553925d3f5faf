"""Where a change is judged: both catalogs, the gates that hold, and the providers of models and judges."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from sluice.catalog import Catalog
from sluice.errors import CannotJudge
from sluice.providers.base import Provider
from sluice.results import Side
from sluice.runner.agreement import may_only_warn, warning_only
from sluice.runner.closure import Closure, judge_closure
from sluice.runner.connect import connect
from sluice.runner.engine import Engine, choose_engine
from sluice.runner.judging import Judge
from sluice.schema import Gate, Suite

Connect = Callable[[Catalog, Engine, Path], Provider]
"""Opens what answers for a model."""


@dataclass(frozen=True)
class Setting:
    """Where a change is judged: its two catalogs, the state directory, whether every case must be asked, or none."""

    base: Catalog | None
    head: Catalog
    state: Path
    complete: bool
    ask: bool = True
    retry_errors: bool = False
    connect: Connect = connect

    def catalog(self, side: Side) -> Catalog:
        """Return a side's catalog; without a base there is only head."""
        return self.base if side == "base" and self.base is not None else self.head

    @cached_property
    def uncalibrated(self) -> dict[str, dict[str, str]]:
        """Suite -> its blocking metrics that may only warn, as head's judges are not calibrated, with the reasons."""
        return {
            name: may_only_warn(self.head, entry.value, self._stated(name)) for name, entry in self.head.suites.items()
        }

    def _stated(self, name: str) -> Suite:
        known = self.base.suites if self.base is not None else {}
        return (known.get(name) or self.head.suites[name]).value

    def policy(self, name: str) -> Suite:
        """Return the suite file whose gates judge: the base's, where the suite existed there.

        What a judge gives may block only where its calibration says so.
        """
        return warning_only(self._stated(name), self.uncalibrated.get(name, {}))

    def blocking(self, suites: Sequence[str]) -> int:
        """Return how many metrics of these suites may block, by the base's gates; a suite that is new has none."""
        known = self.base.suites if self.base is not None else {}
        gates = (gate for name in suites if name in known for gate in self._gates(name).values())
        return sum(gate.tier == "block" and gate.max_drop is not None for gate in gates)

    def _gates(self, name: str) -> Mapping[str, Gate]:
        suite = self.policy(name) if name in self.head.suites else self.base and self.base.suites[name].value
        return suite.gates if suite else {}


class Engines:
    """Opens one provider for each model closure, and closes them all."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.open: dict[str, Provider] = {}

    def provider(self, side: Side, closure: Closure, engine: Engine) -> Provider:
        """Return the provider of a closure's model; equal models share one."""
        return self._opened(self.setting.catalog(side), closure.suite, closure.model, engine)

    def judges(self, catalog: Catalog, suite: str) -> dict[str, Judge]:
        """Return the judges of a suite as a catalog has them; their providers open when they are asked."""
        return {name: self._judge(catalog, suite, name) for name in catalog.suites[suite].value.judges}

    def _judge(self, catalog: Catalog, suite: str, name: str) -> Judge:
        prompt, judging = catalog.prompt(name).value, judge_closure(catalog, name)

        def opened() -> Provider:
            # Where nothing serves the model, this says how to get a server.
            return self._opened(catalog, suite, judging.model, choose_engine(catalog, prompt.model))

        return Judge(prompt, judging, catalog.model(judging.engine.model).value.price, opened)

    def _opened(self, catalog: Catalog, suite: str, model: str, engine: Engine) -> Provider:
        if not self.setting.ask:
            raise CannotJudge(
                f"{suite} has calls without a stored answer, and --stored makes none: let its run finish, and "
                "merge again with the endpoints and options that it ran with"
            )
        if model not in self.open:
            self.open[model] = self.setting.connect(catalog, engine, self.setting.state)
        return self.open[model]

    def close(self) -> None:
        """Close every provider."""
        for provider in self.open.values():
            provider.close()
