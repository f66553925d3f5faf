"""An engine in a container: the command that Docker or Podman is given, and containers that were left behind."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sluice.digest import digest, short
from sluice.errors import CannotJudge
from sluice.schema import Resources
from sluice.serving.deployment import Deployment, Weights
from sluice.serving.engines import CONFIG_DIRECTORY, PORT, Engine, directory, engine_of
from sluice.serving.start import Say, Start, is_held

Kind = Literal["docker", "podman"]
KINDS: tuple[Kind, ...] = ("docker", "podman")
PLACE = "sluice.dev/serve"
MODEL = "sluice.dev/model"
_STOP_SECONDS = 10
_ANSWER_SECONDS = 30
_MEMORY = re.compile(r"(\d+)([KMGT])i")
_GPUS = {"docker": ("--gpus", "{count}"), "podman": ("--device", "nvidia.com/gpu=all")}
_AMD = ("--device", "/dev/kfd", "--device", "/dev/dri", "--group-add", "video")


@dataclass(frozen=True, slots=True)
class Runtime:
    """A program that runs containers."""

    program: str
    kind: Kind


def find_runtime() -> Runtime:
    """Return the first runtime that answers; raise CannotJudge with what each one said."""
    said = []
    for kind in KINDS:
        program = shutil.which(kind)
        problem = _silent(program, kind) if program else "not installed"
        if program and problem is None:
            return Runtime(program, kind)
        said.append(f"{kind}: {problem}")
    raise CannotJudge(
        f"no container runtime answers here ({'; '.join(said)}): install and start Docker or Podman, "
        "or serve with --engine local"
    )


def installed_runtime() -> Runtime:
    """Return a runtime to show a command of, whether it answers or not."""
    found = next((kind for kind in KINDS if shutil.which(kind)), KINDS[0])
    return Runtime(found, found)


def _silent(program: str, kind: Kind) -> str | None:
    asked = "{{.Server.Version}}" if kind == "docker" else "{{.Client.Version}}"
    done = _ask(program, "version", "--format", asked)
    if done.returncode == 0:
        return None
    lines = (done.stderr or done.stdout).strip().splitlines()
    return lines[-1] if lines else f"it ended with status {done.returncode}"


def _ask(*words: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(words, capture_output=True, text=True, timeout=_ANSWER_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return subprocess.CompletedProcess(words, 1, "", str(error))


def place_of(state: Path) -> str:
    """Return what marks the containers of one state directory."""
    return short(digest(str(state.resolve())))


def container(runtime: Runtime, served: Deployment, weights: Weights, state: Path, port: int) -> Start:
    """Return the start of a container that is told exactly what a release's pod is told.

    The engine's configuration file, where it has one, is written below the state directory.
    """
    engine = engine_of(served.model, served)
    name = f"sluice-{place_of(state)}-{short(served.digest)}"
    words = (
        *(runtime.program, "run", "--rm", "--name", name),
        *("--label", f"{PLACE}={place_of(state)}", "--label", f"{MODEL}={served.model}"),
        *("--publish", f"127.0.0.1:{port}:{PORT}"),
        *_locked(runtime),
        *(word for path in engine.writes for word in ("--tmpfs", f"{path}:rw,exec,mode=1777")),
        *("--shm-size", "1g"),
        *_mounts(served, weights),
        *_told(engine, served, state / "serve" / name),
        *_resources(runtime, served.resources),
        *(("--entrypoint", engine.command[0]) if engine.command else ()),
        str(served.image),
        *engine.command[1:],
        *engine.arguments,
    )
    return Start(
        name,
        words,
        port,
        stopping=(runtime.program, "stop", "--time", str(_STOP_SECONDS), name),
        removing=(runtime.program, "rm", "--force", name),
    )


def _locked(runtime: Runtime) -> Iterator[str]:
    """As in a pod: not root, no capability, nothing to write to but what is named; weights belong to who serves."""
    yield from ("--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges")
    rootless = runtime.kind == "podman" and os.getuid() != 0
    yield from ("--userns", "keep-id") if rootless else ("--user", f"{os.getuid()}:{os.getgid()}")


def _mounts(served: Deployment, weights: Weights) -> Iterator[str]:
    yield from _mount(weights.directory, directory(served))
    if weights.blobs is not None:
        # A snapshot's files are links to ../../blobs, seen from the directory of one revision.
        yield from _mount(weights.blobs, "/blobs")


def _mount(source: Path, target: str) -> tuple[str, str]:
    if set(',"\n') & set(str(source)):
        raise CannotJudge(f"{source} cannot be mounted: a container runtime reads commas and quotes otherwise")
    return "--mount", f"type=bind,source={source},target={target},readonly"


def _told(engine: Engine, served: Deployment, place: Path) -> Iterator[str]:
    """Tell the engine what a pod's ConfigMap and variables tell it."""
    data = engine.data(served.model, served)
    variables = dict(engine.fixed)
    if engine.by_file:
        place.mkdir(parents=True, exist_ok=True)
        for name, text in data.items():
            (place / name).write_text(text, encoding="utf-8")
        yield from _mount(place.resolve(), CONFIG_DIRECTORY)
    else:
        variables |= data
    for name, value in variables.items():
        yield from ("--env", f"{name}={value}")


def _resources(runtime: Runtime, asked: Resources) -> Iterator[str]:
    if found := _MEMORY.fullmatch(asked.memory or ""):
        yield from ("--memory", f"{found[1]}{found[2].lower()}")
    if asked.gpus and (asked.gpu_class or "").startswith("amd.com"):
        yield from _AMD
    elif asked.gpus:
        yield from (word.format(count=asked.gpus) for word in _GPUS[runtime.kind])


def remove_left_behind(runtime: Runtime, state: Path, say: Say) -> None:
    """Remove containers of this state whose process was killed: nobody holds their names any more."""
    listed = _ask(
        runtime.program, "ps", "--all", "--filter", f"label={PLACE}={place_of(state)}", "--format", "{{.Names}}"
    )
    for name in listed.stdout.split():
        if not is_held(state / "serve", name):
            say(f"removing the container {name}, which a sluice that was killed left behind")
            _ask(runtime.program, "rm", "--force", name)
