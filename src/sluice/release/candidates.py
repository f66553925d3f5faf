"""Which closures of a suite may speak for it in an environment: what is served there first, then what it accepts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from sluice.catalog import Catalog
from sluice.gate.changes import model_of
from sluice.runner.closure import Closure, closure
from sluice.runner.engine import Engine
from sluice.schema import Model


@dataclass(frozen=True, slots=True)
class Wanted:
    """A closure that would do, by which engine and model it was answered, and that model as it is served then."""

    closure: Closure
    engine: str
    model: str
    served: Model
    stands_in_for: str | None = None

    @property
    def title(self) -> str:
        """Name it for people."""
        standing_in = f", standing in for {self.stands_in_for}" if self.stands_in_for else ""
        return f"{self.model} on {self.engine}{standing_in}"


def wanted(catalog: Catalog, environment: str, suite: str) -> tuple[Wanted, ...]:
    """Return what would do, best first; the first one is exactly what will be served."""
    here = catalog.environment(environment).value
    own = model_of(catalog, suite)
    found: dict[str, Wanted] = {}
    served = as_served(catalog, environment)
    for model in _chain(catalog, own, stand_ins=here.accept.stand_ins):
        first = served.model(model).value.serving.engine
        for engine in dict.fromkeys((first, *here.accept.engines)):
            # An engine that is not the one served there runs with the model file's own arguments.
            files = served if engine == first else catalog
            one = closure(files, suite, Engine(engine, model))
            stands_in_for = own if model != own else None
            found.setdefault(one.digest, Wanted(one, engine, model, files.model(model).value, stands_in_for))
    return tuple(found.values())


def _chain(catalog: Catalog, model: str, *, stand_ins: bool) -> Iterator[str]:
    seen: list[str] = []
    name: str | None = model
    while name is not None and name not in seen:
        yield name
        seen.append(name)
        name = catalog.model(name).value.stand_in if stand_ins else None


def as_served(catalog: Catalog, environment: str) -> Catalog:
    """Return the catalog with every model as an environment serves it; unchanged where there is no such one yet."""
    if environment not in catalog.environments:
        return catalog
    here = catalog.environments[environment].value
    models = {
        name: replace(entry, value=entry.value.model_copy(update={"serving": here.serves(name, entry.value)}))
        for name, entry in catalog.models.items()
    }
    return replace(catalog, models=models)
