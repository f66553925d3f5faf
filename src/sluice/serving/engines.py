"""What an engine is told, and where it is said: TGI by variables, vLLM by a configuration file.

The one place that says it: a release is rendered from it, and `sluice serve` starts a container from it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import yaml

from sluice.errors import CannotJudge, nearest
from sluice.schema.model import Arguments, EngineName

CONTAINER = "server"
CONFIG = "engine"
"""Name of the ConfigMap that says what a release tells the engine."""

WEIGHTS = "/weights"
CONFIG_DIRECTORY = "/etc/engine"
"""Where an engine that is told by a file finds it."""
PORT = 8080
_FILE = "config.yaml"
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")


class Served(Protocol):
    """A model as it is served: what a release's lock says of it, or a model file."""

    @property
    def engine(self) -> EngineName:
        """The engine's name."""
        ...

    @property
    def image(self) -> str | None:
        """The server's image by digest."""
        ...

    @property
    def arguments(self) -> Arguments:
        """What the engine is told."""
        ...

    @property
    def weights(self) -> str:
        """The digest of the weights."""
        ...


@dataclass(frozen=True, slots=True)
class Engine:
    """One engine: its words in the container, what is fixed here, what may be set beside it without changing answers.

    `command` takes the place of the image's own, `arguments` follow it; `writes` are the directories it must write to.
    """

    command: tuple[str, ...]
    arguments: tuple[str, ...]
    fixed: Mapping[str, str]
    ours: tuple[str, ...]
    watching: frozenset[str]
    by_file: bool
    writes: tuple[str, ...]

    @property
    def words(self) -> tuple[str, ...]:
        """Command and arguments, in one."""
        return self.command + self.arguments

    def settings(self, model: str, lock: Served) -> dict[str, str]:
        """Return everything that a server of this lock is told, as `read` finds it in what was rendered."""
        return {**self.fixed, **{name: text(value) for name, value in self._said(model, lock).items()}}

    def data(self, model: str, lock: Served) -> dict[str, str]:
        """Return the ConfigMap that tells it. Raises CannotJudge for an argument that a release sets itself."""
        said = self._said(model, lock)
        if self.by_file:
            return {_FILE: yaml.safe_dump(said, sort_keys=True)}
        return {name: text(value) for name, value in said.items()}

    def read(self, container: Mapping[str, Any], maps: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
        """Return what a rendered container is told, without what only watches; a later source wins, as in a pod."""
        told = dict(self._sources(container, maps))
        for variable in container.get("env", ()):
            told[variable["name"]] = variable.get("value", "taken from elsewhere") or ""
        return {name: value for name, value in told.items() if name not in self.watching}

    def _said(self, model: str, lock: Served) -> dict[str, Any]:
        arguments = {self._written(name): value for name, value in lock.arguments.items()}
        if odd := sorted(name for name in arguments if not _NAME.fullmatch(name)):
            raise CannotJudge(
                f"{model}: {', '.join(map(repr, odd))} is no name of an argument; letters, digits, dashes"
            )
        if taken := sorted(set(self.ours) & set(arguments)):
            raise CannotJudge(f"{model}: a release sets {', '.join(taken)} itself; take it out of the arguments")
        if len(arguments) < len(lock.arguments):
            raise CannotJudge(f"{model}: an argument stands twice, in two spellings; keep one")
        return {**dict(zip(self.ours, (directory(lock), model, PORT), strict=False)), **arguments}

    def _written(self, name: str) -> str:
        plain = name.lstrip("-").replace("-", "_").lower()
        return plain.replace("_", "-") if self.by_file else plain.upper()

    def _sources(
        self, container: Mapping[str, Any], maps: Mapping[str, Mapping[str, str]]
    ) -> Iterator[tuple[str, str]]:
        for source in container.get("envFrom", ()):
            name = source.get("configMapRef", {}).get("name")
            prefix = source.get("prefix", "")
            held = maps.get(name, {}) if name else {"a Secret as a whole": "taken from elsewhere"}
            yield from ((prefix + key, value) for key, value in held.items())
        if self.by_file:
            files = [held[_FILE] for held in maps.values() if _FILE in held]
            for one in files:
                yield from ((key, text(value)) for key, value in yaml.safe_load(one).items())


ENGINES: Mapping[EngineName, Engine] = {
    "tgi": Engine(
        command=(),
        arguments=("--hostname", "0.0.0.0"),  # noqa: S104 - a pod has an address of its own, and policies guard it
        fixed={
            "PORT": str(PORT), "HF_HUB_OFFLINE": "1", "USAGE_STATS": "off", "GRACEFUL_TERMINATION_TIMEOUT": "90",
            "MAX_IMAGE_FETCH_SIZE": "1048576", "HOME": "/tmp",  # noqa: S108 - a volume of the pod's own
        },
        ours=("MODEL_ID",),
        watching=frozenset({"JSON_OUTPUT", "LOG_LEVEL", "OTLP_ENDPOINT", "OTLP_SERVICE_NAME"}),
        by_file=False,
        writes=("/tmp", "/usr/src/out", "/data"),  # noqa: S108
    ),
    "vllm": Engine(
        command=("vllm", "serve", "--config", f"{CONFIG_DIRECTORY}/{_FILE}"),
        arguments=(),
        fixed={"HF_HUB_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1", "HOME": "/tmp"},  # noqa: S108
        ours=("model", "served-model-name", "port"),
        watching=frozenset({"VLLM_LOGGING_LEVEL", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_SERVICE_NAME"}),
        by_file=True,
        writes=("/tmp",),  # noqa: S108
    ),
}  # fmt: skip


def engine_of(model: str, lock: Served) -> Engine:
    """Return the engine of a model. Raises CannotJudge for one without a container, and where no image is named."""
    if lock.engine not in ENGINES:
        raise CannotJudge(
            f"{model} is served by engine {lock.engine!r}, which runs in no cluster: name an engine and an image for "
            f"it in the environment file; {nearest(lock.engine, ENGINES)}"
        )
    if lock.image is None or "@sha256:" not in lock.image:
        raise CannotJudge(f"{model} has no image by digest; name one in the model file or the environment file")
    return ENGINES[lock.engine]


def directory(lock: Served) -> str:
    """Return where a pod finds the weights: the path names their digest, so that `/info` tells it."""
    return f"{WEIGHTS}/{lock.weights.removeprefix('sha256:')}"


def text(value: Any) -> str:
    """Return a value as an environment variable says it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def words(container: Mapping[str, Any]) -> tuple[str, ...]:
    """Return command and arguments of a container, in one."""
    said: Iterable[str] = [*container.get("command", ()), *container.get("args", ())]
    return tuple(said)
