"""What is served: a model as a release would deploy it, and where its weights lie on this machine."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sluice.catalog import Catalog
from sluice.digest import digest
from sluice.errors import CannotJudge, UsageError
from sluice.runner.closure import weights_digest
from sluice.runner.connect import weights_directory
from sluice.schema import HubSource, PathSource, Resources
from sluice.schema.model import Arguments, EngineName


@dataclass(frozen=True, slots=True)
class Deployment:
    """One model as it is served, in the words of a release's lock."""

    model: str
    engine: EngineName
    image: str | None
    arguments: Arguments
    weights: str
    resources: Resources
    context: int

    @property
    def digest(self) -> str:
        """SHA-256 of everything that makes it another server."""
        told = [self.engine, self.image, dict(self.arguments), self.weights, self.resources.model_dump(), self.context]
        return digest([self.model, told])


@dataclass(frozen=True, slots=True)
class Weights:
    """A directory with weights; files of a hub's cache are links to `blobs`, which lie beside it there."""

    directory: Path
    blobs: Path | None = None


def deployment(catalog: Catalog, name: str, engine: EngineName | None = None) -> Deployment:
    """Return a model as its file says it is served; image and arguments are of one engine, so another has none."""
    model = catalog.model(name).value
    serving = model.serving
    own = engine in (None, serving.engine)
    return Deployment(
        model=name,
        engine=engine or serving.engine,
        image=serving.image if own else None,
        arguments=serving.arguments if own else {},
        weights=weights_digest(model),
        resources=serving.resources,
        context=model.context,
    )


def locate_weights(
    catalog: Catalog,
    name: str,
    state: Path,
    given: Path | None = None,
    environment: Mapping[str, str] = os.environ,
    *,
    needed: bool = True,
) -> Weights:
    """Return where a model's weights lie: in the repository, in the hub's cache, or where a person says.

    Raises CannotJudge where they are `needed` and not there, with what fetches them.
    """
    source = catalog.model(name).value.source
    if isinstance(source, PathSource):
        if given is not None:
            raise UsageError(f"--weights: {name} has its weights in this repository, and each file's digest is checked")
        return Weights(weights_directory(catalog, source, state).resolve())
    if given is not None:
        if needed and not given.is_dir():
            raise UsageError(f"--weights {given} is not a directory")
        return Weights(given.resolve())
    return _cached(name, source, environment, needed=needed)


def _cached(name: str, source: HubSource, environment: Mapping[str, str], *, needed: bool) -> Weights:
    repository = hub_cache(environment) / f"models--{source.hub.replace('/', '--')}"
    snapshot = repository / "snapshots" / source.revision
    if needed and not snapshot.is_dir():
        raise CannotJudge(
            f"the weights of {name} are not in the hub's cache ({snapshot}): fetch them with "
            f"`hf download {source.hub} --revision {source.revision}`, or say --weights DIR"
        )
    return Weights(snapshot.resolve(), (repository / "blobs").resolve())


def hub_cache(environment: Mapping[str, str]) -> Path:
    """Return the hub's cache on this machine, by the variables that its client reads."""
    if cache := environment.get("HF_HUB_CACHE"):
        return Path(cache).expanduser()
    home = environment.get("HF_HOME") or "~/.cache/huggingface"
    return Path(home).expanduser() / "hub"
