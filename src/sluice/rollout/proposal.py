"""What a change would do to each environment: locks in words, GPUs, refusals, and rendered base against head."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from sluice.catalog import ENVIRONMENTS_DIRECTORY, Catalog
from sluice.catalog.tree import hashes
from sluice.digest import short
from sluice.errors import CannotJudge, InvalidFiles
from sluice.release.bundle import MANIFEST, Bundle, make_bundle
from sluice.release.differences import differences
from sluice.release.lock import Lock, make_lock
from sluice.report.rendered import RenderedEnvironment
from sluice.rollout.capacity import demands, needs, shortages
from sluice.rollout.comparing import changed_objects, pairs, restarts, stamped
from sluice.rollout.manifests import Manifest
from sluice.rollout.parity import differences as disagreements
from sluice.rollout.rendering import BUNDLE
from sluice.schema import Environment
from sluice.stored import OutputsRule

_STRICTEST: tuple[OutputsRule, ...] = ("none", "artifact", "public")


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a change in one environment: what it would release."""

    catalog: Catalog
    lock: Lock
    bundle: Bundle


Render = Callable[[Side], tuple[Manifest, ...]]
"""Renders one side with its own `infra/`."""


def side(catalog: Catalog, environment: str) -> Side:
    """Return what an environment would release; raise InvalidFiles or CannotJudge where nothing can be."""
    bundle = make_bundle(catalog.require_valid(), environment)
    return Side(catalog, make_lock(catalog, environment, bundle), bundle)


def environments(base: Catalog, head: Catalog) -> tuple[str, ...]:
    """Return the environments of both sides, sorted."""
    return tuple(sorted(base.environments.keys() | head.environments.keys()))


def touched(base: Catalog, head: Catalog, environment: str) -> bool:
    """Tell whether lock or `infra/` differ: nothing else reaches the manifests. Renders nothing."""
    if _infra(base, environment) != _infra(head, environment):
        return True
    try:
        return side(base, environment).lock != side(head, environment).lock
    except (InvalidFiles, CannotJudge):
        return True


def _infra(catalog: Catalog, environment: str) -> Mapping[str, str]:
    """Return the files that may reach an environment; those of the other environments do not."""
    found = _hashes(catalog)
    other = tuple(f"{ENVIRONMENTS_DIRECTORY}/{name}/" for name in catalog.environments if name != environment)
    return {path: value for path, value in found.items() if not path.startswith(other)}


def _hashes(catalog: Catalog) -> Mapping[str, str]:
    """Return path -> digest; a link has none and counts as another one on each side."""
    try:
        paths = catalog.tree.paths(ENVIRONMENTS_DIRECTORY.partition("/")[0])
        return {**dict.fromkeys(paths, f"link at {catalog.commit}"), **hashes(catalog.tree, paths)}
    finally:
        catalog.tree.close()


def unchanged(head: Catalog, name: str) -> RenderedEnvironment:
    """Return what is said of an environment that a change does not touch."""
    release = side(head, name).lock.digest
    return RenderedEnvironment(name=name, base=release, head=release)


def proposed(base: Catalog, head: Catalog, name: str, render: Render) -> RenderedEnvironment:
    """Return what a change does to one environment; that the head cannot be rendered is a refusal."""
    before, old, problem = _attempted(base, name, render)
    after, new, refusal = _attempted(head, name, render)
    both = () if problem or refusal else pairs(old, new)
    return RenderedEnvironment(
        name=name,
        base=before.lock.digest if before else None,
        head=after.lock.digest if after else None,
        changes=(*_in_words(before, after), *(f"{one}: the release's digest alone" for one in stamped(both))),
        gpus=tuple(_gpus(before, after)),
        restarts=tuple(restarts(both)),
        refusals=tuple(_refusals(before, after, new, refusal)),
        notes=tuple(_notes(head, name, problem)),
        objects=tuple(changed_objects(both, functools.partial(_outputs, before, after))),
        unrendered=bool(problem or refusal),
    )


def _notes(head: Catalog, name: str, problem: str | None) -> Iterator[str]:
    if problem:
        yield f"the base cannot be rendered, so manifests are not compared: {problem}"
    if name not in head.environments:
        yield "this environment is removed; what runs there stays until somebody removes it"


def _attempted(catalog: Catalog, name: str, render: Render) -> tuple[Side | None, tuple[Manifest, ...], str | None]:
    """Return a side, its manifests, and why there are none; a side without the environment has no reason."""
    if name not in catalog.environments:
        return None, (), None
    found: Side | None = None
    try:
        found = side(catalog, name)
        return found, render(found), None
    except CannotJudge as problem:
        return found, (), str(problem)
    except InvalidFiles as problem:
        return found, (), "; ".join(map(str, problem.findings[:3]))


def _in_words(before: Side | None, after: Side | None) -> Iterator[str]:
    if after is not None:
        yield from differences(before.lock if before else None, after.lock)
    if before is not None and after is not None and before.bundle.digest != after.bundle.digest:
        yield f"the prompt bundle from {short(before.bundle.digest)} to {short(after.bundle.digest)}"


def _here(one: Side) -> Environment:
    return one.catalog.environment(one.lock.environment).value


def _gpus(before: Side | None, after: Side | None) -> Iterator[str]:
    """Say what the update takes, where anything of a model's server differs."""
    if after is None or (before is not None and before.lock.models == after.lock.models):
        return
    old, new = demands(before.lock) if before else (), demands(after.lock)
    steady = {one.resource: one.steady for one in needs(old, old)}
    for need in needs(old, new):
        had, has = steady.get(need.resource, 0), _here(after).capacity.get(need.resource, 0)
        yield f"{need.resource}: {had} before, {need.update} during the update, {need.steady} after; {has} declared"


def _refusals(
    before: Side | None, after: Side | None, manifests: tuple[Manifest, ...], problem: str | None
) -> Iterator[str]:
    """Yield what a release of the head would meet, besides evidence."""
    if problem:
        yield f"it cannot be rendered: {problem}"
    if after is None:
        return
    if manifests:
        yield from map(str, disagreements(after.lock, manifests))
    old = demands(before.lock) if before else ()
    yield from map(str, shortages(old, demands(after.lock), _here(after).capacity))


def _outputs(before: Side | None, after: Side | None, one: Manifest, key: str) -> OutputsRule | None:
    """Return where a file of the bundle may be shown, by the stricter card of both sides; None: others say the same."""
    if one.value["metadata"].get("labels", {}).get("sluice.dev/part") != BUNDLE:
        return "public"
    rules = [_card(one, key) for one in (before, after) if one is not None]
    return None if key == MANIFEST else min(rules, key=_STRICTEST.index, default="public")


def _card(one: Side, file: str) -> OutputsRule:
    prompt = file.removeprefix("corpus-").removesuffix(".jsonl")
    if file == prompt or prompt not in one.lock.prompts:
        return "public"
    retrieval = one.catalog.prompt(prompt).value.retrieval
    return one.catalog.datasets[retrieval.corpus].value.shown_outputs if retrieval is not None else "public"
