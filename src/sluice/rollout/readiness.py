"""What a machine and a clone have for releases and roll-outs: programs, room for each environment, deploy branches."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from sluice.adoption.diagnosis import Diagnosis
from sluice.catalog import Catalog
from sluice.errors import CannotJudge
from sluice.rollout import branch as deploy
from sluice.rollout.capacity import Demand, gpu_resource, needs, shortages
from sluice.rollout.kustomize import find
from sluice.schema import Environment

OLDEST_KUBECTL = (1, 26)
"""The oldest that Kubernetes' own policy lets talk to a cluster that is still supported somewhere."""

_SECONDS = 10


def inspect(root: Path, catalog: Catalog) -> Iterator[Diagnosis]:
    """Yield one diagnosis for each thing; all are notes, for evals need none of it. Without environments nothing."""
    if not catalog.environments:
        return
    yield _kustomize(root)
    yield _kubectl()
    for name, entry in sorted(catalog.environments.items()):
        yield _room(name, entry.value, catalog)
        yield _branch(root, name)


def _kustomize(root: Path) -> Diagnosis:
    try:
        found = find(root)
    except CannotJudge as error:
        told, _, repair = str(error).partition(". ")
        return Diagnosis("kustomize", "note", told, f"{repair}; sluice release renders with it")
    return Diagnosis("kustomize", "ok", f"{found.version}, {' '.join(found.words)}")


def _kubectl() -> Diagnosis:
    repair = f"install kubectl {'.'.join(map(str, OLDEST_KUBECTL))} or newer; sluice rollout and status need it"
    program = shutil.which("kubectl")
    if program is None:
        return Diagnosis("kubectl", "note", "no kubectl command", repair)
    version = _version(program)
    numbers = re.match(r"v?(\d+)\.(\d+)", version)
    if numbers is None or (int(numbers[1]), int(numbers[2])) < OLDEST_KUBECTL:
        return Diagnosis("kubectl", "note", f"{program} is {version or 'of no version that it tells'}", repair)
    return Diagnosis("kubectl", "ok", f"{version}, {program}")


def _version(program: str) -> str:
    try:
        words = (program, "version", "--client", "--output=json")
        done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=_SECONDS)
        return str(json.loads(done.stdout)["clientVersion"]["gitVersion"])
    except (OSError, ValueError, KeyError, TypeError, subprocess.TimeoutExpired):
        return ""


def _room(name: str, here: Environment, catalog: Catalog) -> Diagnosis:
    """Compare the GPUs that its servers take, now and while one is replaced, with those that it declares."""
    title = f"{name}, GPUs"
    asked = tuple(_demands(here, catalog))
    short = shortages((), asked, here.capacity)
    if short:
        return Diagnosis(title, "note", "; ".join(map(str, short)), "mend environment.yaml: no release fits as it is")
    told = ", ".join(
        f"{one.steady} of {here.capacity.get(one.resource, 0)} {one.resource}, {one.update} during an update"
        for one in needs(asked, asked)
    )
    return Diagnosis(title, "ok", told or "none is needed")


def _demands(here: Environment, catalog: Catalog) -> Iterator[Demand]:
    prompts = (catalog.prompts[one].value for one in here.prompts if one in catalog.prompts)
    for model in sorted({one.model for one in prompts} & set(catalog.models)):
        resources, own = here.serves(model, catalog.models[model].value).resources, here.here(model)
        yield Demand(model, gpu_resource(resources), resources.gpus, own.replicas, own.strategy)


def _branch(root: Path, name: str) -> Diagnosis:
    title, place = f"{name}, releases", f"deploy/{name}"
    try:
        found = deploy.read(root, name)
    except CannotJudge as error:
        return Diagnosis(title, "note", str(error), f"sluice verify --environment {name} tells more")
    if found is None:
        repair = f"git fetch origin {place} where there is one; else sluice release {name} --first-by LOGIN"
        return Diagnosis(title, "note", f"this clone has no branch {place}", repair)
    return Diagnosis(title, "ok", f"release {found.number} is the newest that this clone knows")
