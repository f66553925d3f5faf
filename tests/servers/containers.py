"""A container runtime for tests, strict about what it is sent: `python tests/servers/containers.py run …`.

The "container" is a contract server, told by the variables that it was given. What it was sent lies in the directory
that CONTAINERS names; `behaviour.json` there says how the next containers misbehave.
"""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import signal
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

if __package__ in {None, ""}:  # run as a script
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from servers.tgi_contract import Generation, Settings, text_of

if TYPE_CHECKING:
    from servers.tgi import TgiServer

ONCE = {
    "--name", "--publish", "--cap-drop", "--security-opt", "--user", "--userns", "--shm-size", "--memory", "--gpus",
    "--entrypoint",
}  # fmt: skip
MANY = {"--label", "--tmpfs", "--mount", "--env", "--device", "--group-add"}
FLAGS = {"--rm", "--read-only"}
REFUSED = 125


def install(directory: Path, kind: str) -> None:
    """Put this runtime into a directory of programs, by the name of one that people have."""
    directory.mkdir(exist_ok=True)
    program = directory / kind
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {shlex.quote(str(Path(__file__)))} "$@"\n')
    program.chmod(0o755)


def cached(cache: Path, hub: str, revision: str) -> Path:
    """Make an empty snapshot of a hub's repository in a cache; return it."""
    repository = cache / f"models--{hub.replace('/', '--')}"
    (repository / "blobs").mkdir(parents=True, exist_ok=True)
    snapshot = repository / "snapshots" / revision
    snapshot.mkdir(parents=True)
    return snapshot


def ran(state: Path) -> list[Asked]:
    """Return what each container was started with, in order."""
    path = state / "ran.jsonl"
    return [read_run(json.loads(line)) for line in path.read_text().splitlines()] if path.exists() else []


class WordsRefused(ValueError):
    """What was sent is not what a runtime takes, or not what Sluice promises."""


@dataclass
class Asked:
    """The words of `run`, read."""

    image: str
    words: list[str]
    flags: set[str] = field(default_factory=set)
    once: dict[str, str] = field(default_factory=dict)
    many: dict[str, list[str]] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        return dict(one.split("=", 1) for one in self.many.get("--env", []))

    @property
    def labels(self) -> dict[str, str]:
        return dict(one.split("=", 1) for one in self.many.get("--label", []))

    @property
    def mounts(self) -> dict[str, str]:
        """Place in the container -> place on the machine; only bind mounts that are read-only are taken."""
        found = {}
        for one in self.many.get("--mount", []):
            kind, source, target, readonly = one.split(",")
            if (kind, readonly) != ("type=bind", "readonly"):
                raise WordsRefused(f"mount {one!r}")
            found[target.removeprefix("target=")] = source.removeprefix("source=")
        return found

    @property
    def port(self) -> int:
        address, outside, inside = self.once["--publish"].split(":")
        if (address, inside) != ("127.0.0.1", "8080"):
            raise WordsRefused(f"publish {self.once['--publish']}")
        return int(outside)


def read_run(words: list[str]) -> Asked:
    """Read the words after `run`; raise WordsRefused for an option that nobody named, or one that stands twice."""
    asked, rest = Asked("", []), list(words)
    while rest and rest[0].startswith("-"):
        option = rest.pop(0)
        if option in FLAGS:
            asked.flags.add(option)
        elif option in MANY:
            asked.many.setdefault(option, []).append(rest.pop(0))
        elif option in ONCE and option not in asked.once:
            asked.once[option] = rest.pop(0)
        else:
            raise WordsRefused(f"option {option}")
    asked.image, asked.words = rest[0], rest[1:]
    require_promises(asked)
    return asked


def require_promises(asked: Asked) -> None:
    """Raise WordsRefused where a container would be less than what Sluice says of it."""
    promises = {
        "image by digest": "@sha256:" in asked.image,
        "removed when it ends": "--rm" in asked.flags,
        "read-only root": "--read-only" in asked.flags,
        "no capabilities": asked.once.get("--cap-drop") == "ALL",
        "no new privileges": asked.once.get("--security-opt") == "no-new-privileges",
        "its user": ("--user" in asked.once) != ("--userns" in asked.once),
        "every mounted place is there": all(Path(one).is_dir() for one in asked.mounts.values()),
        "a place to write": any(one.startswith("/tmp:") for one in asked.many.get("--tmpfs", [])),
    }
    if broken := [name for name, kept in promises.items() if not kept]:
        raise WordsRefused(f"broken: {', '.join(broken)}")


def last_word(generation: Generation) -> str:
    """Answer the question's last word, unless the system message says never to."""
    never = "never" in text_of(generation.messages[0])
    return "no idea" if never else text_of(generation.messages[-1]).split()[-1]


def settings_of(environment: dict[str, str]) -> Settings:
    """Return what TGI would say of itself under these variables; with a directory it knows no revision."""
    told = {name.lower(): int(value) for name, value in environment.items() if name in ("MAX_TOTAL_TOKENS",)}
    return Settings(model_id=environment.get("MODEL_ID", "/model"), model_sha=None, **told)


def say(stream: TextIO, line: str) -> None:
    stream.write(line + "\n")
    stream.flush()


def run(state: Path, words: list[str]) -> int:
    from servers.tgi import TgiServer  # it takes a second, which no other command needs

    asked = read_run(words)
    name, record = asked.once["--name"], state / f"{asked.once['--name']}.container"
    if record.exists():
        raise WordsRefused(f"Conflict. The container name {name} is already in use")
    (state / "ran.jsonl").open("a").write(json.dumps(words) + "\n")
    record.write_text(json.dumps({"pid": os.getpid(), "labels": asked.labels}))
    behaviour = json.loads((state / "behaviour.json").read_text()) if (state / "behaviour.json").exists() else {}
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    server: TgiServer | None = None
    try:
        say(sys.stdout, "the engine loads")
        time.sleep(behaviour.get("loads", 0))
        if "ends" in behaviour:
            say(sys.stdout, "out of memory: no GPU has room")
            return int(behaviour["ends"])
        server = TgiServer(last_word, settings_of(asked.environment), asked.port)
        server.settings.latency = behaviour.get("takes", 0.0)
        server.healthy = not behaviour.get("unhealthy", False)
        server.start()
        if "lives" in behaviour:
            time.sleep(behaviour["lives"])
            return 1
        while True:
            time.sleep(60)
    finally:
        record.unlink(missing_ok=True)
        if server is not None:
            (state / f"{name}.served").write_text(json.dumps([len(server.generations), server.violations]))
            server.stop()


def process_of(state: Path, name: str) -> int | None:
    record = state / f"{name}.container"
    return int(json.loads(record.read_text())["pid"]) if record.exists() else None


def end(state: Path, name: str, number: signal.Signals) -> int:
    pid = process_of(state, name)
    if pid is None:
        say(sys.stderr, f"Error response from daemon: No such container: {name}")
        return 1
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
        while number == signal.SIGTERM and process_of(state, name):
            time.sleep(0.02)
    if number == signal.SIGKILL:
        (state / f"{name}.container").unlink(missing_ok=True)
    return 0


def listed(state: Path, label: str) -> list[str]:
    key, _, value = label.removeprefix("label=").partition("=")
    found = {path.stem: json.loads(path.read_text())["labels"] for path in sorted(state.glob("*.container"))}
    return [name for name, labels in found.items() if labels.get(key) == value]


def main(words: list[str]) -> int:
    """Do what a runtime does with these words; what no runtime takes is recorded as a violation."""
    state = Path(os.environ["CONTAINERS"])
    try:
        match words:
            case ["version", "--format", _]:
                if (state / "down").exists():
                    say(sys.stderr, "Cannot connect to the daemon. Is it running?")
                    return 1
                say(sys.stdout, "28.2.2")
                return 0
            case ["run", *rest]:
                return run(state, rest)
            case ["stop", "--time", seconds, name] if seconds.isdigit():
                return end(state, name, signal.SIGTERM)
            case ["rm", "--force", name]:
                return end(state, name, signal.SIGKILL)
            case ["ps", "--all", "--filter", label, "--format", "{{.Names}}"]:
                say(sys.stdout, "\n".join(listed(state, label)))
                return 0
        raise WordsRefused(f"no such command: {' '.join(words)}")
    except (WordsRefused, ValueError, KeyError) as refused:
        (state / "violations").open("a").write(f"{refused}\n")
        say(sys.stderr, f"refused: {refused}")
        return REFUSED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
