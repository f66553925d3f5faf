"""Opens the provider of an engine; weights of another revision are laid out beside the working tree first."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from sluice.catalog import Catalog, WorkingTree
from sluice.digest import digest, digest_bytes, short
from sluice.errors import CannotJudge
from sluice.providers.base import Provider
from sluice.providers.endpoint import ENDPOINT_VARIABLE, Endpoint, variable_for
from sluice.runner.engine import Engine
from sluice.schema import Model, PathSource


def connect(catalog: Catalog, engine: Engine, state: Path) -> Provider:
    """Return a provider; raise CannotJudge where the server or the weights are not what the model file names."""
    model = catalog.model(engine.model).value
    if engine.endpoint:
        provider = _at_endpoint(model, engine, engine.endpoint)
        try:
            provider.identity()
        except BaseException:
            provider.close()
            raise
        return provider
    if engine.name != "local":
        raise CannotJudge(
            f"no server of {engine.model} was started: `sluice eval --serve` starts it, and an endpoint names another"
        )
    if model.serving.adapter is not None:
        raise CannotJudge(
            f"the local engine loads no adapters, and {engine.model} answers with {model.serving.adapter}; "
            f"set {variable_for(ENDPOINT_VARIABLE, engine.model)} to a server that does"
        )
    if not isinstance(model.source, PathSource):
        raise CannotJudge(f"{engine.model} has no weights in this repository")
    from sluice.providers.local import LocalProvider

    return LocalProvider(engine.model, weights_directory(catalog, model.source, state), model.context)


def _at_endpoint(model: Model, engine: Engine, endpoint: Endpoint) -> Provider:
    if engine.name == "local":
        from sluice.providers.transformers_serve import TransformersServe

        return TransformersServe(model, engine.model, endpoint.url)
    from sluice.providers.openai import OpenAIProvider

    return OpenAIProvider(model, engine.model, endpoint.url, endpoint.api_key, model.serving.concurrency)


def weights_directory(catalog: Catalog, source: PathSource, state: Path) -> Path:
    """Return a directory that holds exactly the files whose digests the model file names."""
    data = {name: _checked(catalog, source, name) for name in source.files}
    catalog.tree.close()
    if isinstance(catalog.tree, WorkingTree):
        return catalog.tree.root / source.path
    directory = state / "weights" / short(digest(dict(source.files)))
    for name, content in data.items():
        target = directory / PurePosixPath(name)
        if not target.exists() or digest_bytes(target.read_bytes()) != source.files[name]:
            target.parent.mkdir(parents=True, exist_ok=True)
            part = target.with_suffix(target.suffix + ".part")
            part.write_bytes(content)
            part.replace(target)
    return directory


def _checked(catalog: Catalog, source: PathSource, name: str) -> bytes:
    path = str(PurePosixPath(source.path) / name)
    try:
        content = catalog.tree.read(path)
    except FileNotFoundError:
        raise CannotJudge(f"{path} is missing in {catalog.label}; restore it, or train again (sluice train)") from None
    if digest_bytes(content) != source.files[name]:
        raise CannotJudge(f"{path} in {catalog.label} is not the file that the model names; run `sluice check`")
    return content
