"""kubectl as this room uses it: JSON in and out, a time limit for each call, patience while the API server is away."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sluice.errors import CannotJudge, UsageError
from sluice.rollout.objects import Ref, Value

CONFIG_MISSING = "name one with --kubeconfig FILE and --context NAME, or set KUBECONFIG"

_AWAY = re.compile(
    r"connection refused|was refused|unable to connect to the server|connection reset|unexpected eof|: eof\b"
    r"|i/o timeout|tls handshake timeout|no route to host|client connection lost|http2: |context deadline exceeded"
    r"|service ?unavailable|currently unable to handle|etcdserver: |too many requests|timed out|server is shutting down"
    r"|apiserver not ready|\((?:server)?timeout\)|request canceled"
    r"|has prevented the request from succeeding|\(internalerror\)",
    re.IGNORECASE,
)
_NO_CONFIG = re.compile(
    r"no configuration has been provided|context .* does not exist|no context exists|context was not found"
    r"|stat .*: no such file or directory",
    re.IGNORECASE,
)
_LOGIN = re.compile(r"must be logged in|\(Unauthorized\)|getting credentials|provide credentials", re.IGNORECASE)
_REASON = re.compile(r"\((NotFound|AlreadyExists|Conflict|Forbidden|Invalid|BadRequest)\)")
_UNKNOWN_KIND = re.compile(r'no matches for kind "([^"]+)" in version "([^"]+)"')
_SHORTEST_WAIT = 0.5
_LONGEST_WAIT = 5.0


class Refused(CannotJudge):
    """The API server answered, and the answer is no; `reason` is Kubernetes' own word for it."""

    def __init__(self, message: str, reason: str) -> None:
        self.reason = reason
        super().__init__(message)


class Away(CannotJudge):
    """The API server did not answer for longer than anyone was willing to wait."""


def _silent(_words: str) -> None:
    return None


@dataclass(frozen=True, slots=True)
class Cluster:
    """One cluster, reached by kubectl. `patience` is how many seconds an absent API server is waited for."""

    kubectl: str = "kubectl"
    kubeconfig: str | None = None
    context: str | None = None
    limit: float = 30.0
    patience: float = 120.0
    tell: Callable[[str], None] = _silent

    def get(self, ref: Ref) -> Value | None:
        """Return one object, or None where there is none (or nothing knows its kind)."""
        try:
            return self._json("get", ref.resource, ref.name, *_in(ref.namespace))
        except Refused as refusal:
            if refusal.reason in ("NotFound", "UnknownKind"):
                return None
            raise

    def present(self, values: Sequence[Value]) -> Mapping[Ref, Value]:
        """Return those of some objects that exist, with who wrote each field; one request where all kinds are known."""
        words = ("get", "-f", "-", "--ignore-not-found", "--show-managed-fields")
        try:
            found = self._json(*words, data=_list(values), nothing={"items": []}) if values else {"items": []}
        except Refused:
            if len(values) == 1:
                return {}
            return {ref: live for value in values for ref, live in self.present([value]).items()}
        return by_ref(found.get("items", [found]))

    def require_kinds(self, values: Sequence[Value]) -> None:
        """Raise Refused("UnknownKind") where the cluster knows a kind neither by itself nor by these objects."""
        if any(value["kind"] == "CustomResourceDefinition" for value in values) or not values:
            return
        try:
            self._said("get", "-f", "-", "--ignore-not-found", "--output=name", data=_list(values))
        except Refused as refusal:
            if refusal.reason == "UnknownKind":
                raise

    def listed(self, resources: Sequence[str], namespace: str) -> tuple[Value, ...]:
        """Return all objects of some kinds in a namespace."""
        found = self._json("get", ",".join(resources), *_in(namespace))
        return tuple(found["items"])

    def everywhere(self, resource: str, label: str) -> tuple[Value, ...]:
        """Return the objects of a kind that belong to no namespace and have a label."""
        return tuple(self._json("get", resource, f"--selector={label}")["items"])

    def context_name(self) -> str:
        """Return the name of the context that is used; empty where the settings have none."""
        if self.context is not None:
            return self.context
        try:
            return self._said("config", "current-context").strip()
        except CannotJudge:
            return ""

    def create(self, value: Value) -> Value:
        """Create one object; Refused("AlreadyExists") where another was faster."""
        return self._json("create", "-f", "-", data=value)

    def replace(self, value: Value) -> Value:
        """Replace one object at the resourceVersion that it carries; Refused("Conflict") where another was faster."""
        return self._json("replace", "-f", "-", data=value)

    def apply(self, values: Sequence[Value], *, force: bool = False, dry_run: bool = False) -> tuple[Value, ...]:
        """Apply objects on the server's side, in order, as field manager `sluice`; return what they become."""
        words = ["apply", "--server-side", "--field-manager=sluice", "-f", "-"]
        words += ["--force-conflicts"] if force else []
        words += ["--dry-run=server"] if dry_run else []
        found = self._json(*words, data=_list(values))
        return tuple(found["items"]) if found.get("kind") == "List" else (found,)

    def patch(self, ref: Ref, operations: Sequence[Mapping[str, Any]]) -> None:
        """Change one object by a JSON patch; Refused("Conflict") where it names an older resourceVersion."""
        how = ("--type=json", f"--patch={json.dumps(operations)}")
        self._said("patch", ref.resource, ref.name, *_in(ref.namespace), *how)

    def delete(self, ref: Ref) -> None:
        """Delete one object without waiting for what depends on it; an absent one is no error."""
        self._said("delete", ref.resource, ref.name, *_in(ref.namespace), "--ignore-not-found", "--wait=false")

    def address(self) -> str:
        """Return the address of the API server that the settings lead to."""
        words = ("config", "view", "--minify", "--output=jsonpath={.clusters[0].cluster.server}")
        return self._said(*words) or "an unknown address"

    def _json(self, *words: str, data: Value | None = None, nothing: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the object that kubectl prints, or `nothing` where it prints nothing."""
        said = self._said(*words, "--output=json", data=data)
        if nothing is not None and not said.strip():
            return nothing
        try:
            found = json.loads(said)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise CannotJudge(f"kubectl {words[0]} answered with something other than an object: {said[:200]!r}")
        return found

    def _said(self, *words: str, data: Value | None = None) -> str:
        """Run kubectl until it was answered; an absent API server is asked again until patience ends."""
        deadline, wait, told = time.monotonic() + self.patience, _SHORTEST_WAIT, False
        while True:
            done = self._run(words, data)
            if done.returncode == 0:
                return done.stdout
            complaint = _complaint(done.stderr)
            error = _refusal(words, complaint)
            if not isinstance(error, Away) or time.monotonic() + wait > deadline:
                raise error
            if not told:
                self.tell(f"the API server does not answer; asking again for {self.patience:.0f} s ({complaint[:160]})")
                told = True
            time.sleep(wait)
            wait = min(_LONGEST_WAIT, wait * 1.5)

    def _run(self, words: Sequence[str], data: Value | None) -> subprocess.CompletedProcess[str]:
        command = [self.kubectl, f"--request-timeout={self.limit:.0f}s", *self._where(), *words]
        given = None if data is None else json.dumps(data)
        try:
            return subprocess.run(
                command, input=given, capture_output=True, text=True, check=False, timeout=self.limit * 2,
                env={**os.environ, "LC_ALL": "C", "KUBECTL_KUBERC": "false"},
            )  # fmt: skip
        except FileNotFoundError:
            raise UsageError(f"{self.kubectl} is not installed; install kubectl, or name it with --kubectl") from None
        except subprocess.TimeoutExpired:
            return subprocess.CompletedProcess(command, 1, "", f"timed out after {self.limit * 2:.0f} s")

    def _where(self) -> list[str]:
        config = [f"--kubeconfig={self.kubeconfig}"] if self.kubeconfig else []
        return [*config, *([f"--context={self.context}"] if self.context else [])]


def _list(values: Sequence[Value]) -> Value:
    return {"apiVersion": "v1", "kind": "List", "items": list(values)}


def _in(namespace: str | None) -> tuple[str, ...]:
    return (f"--namespace={namespace}",) if namespace else ()


def _complaint(text: str) -> str:
    """Return what kubectl complained of in one line, warnings and client-go's own log lines left out."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    lines = [line for line in lines if not re.match(r"Warning:|[EWI]\d{4} ", line)] or lines
    return " ".join(lines)[:1500]


def _refusal(words: Sequence[str], complaint: str) -> CannotJudge | UsageError:
    """Turn a complaint into the error that says what to do."""
    unknown = _UNKNOWN_KIND.search(complaint)
    if unknown or "the server doesn't have a resource type" in complaint:
        kind = f"{unknown[1]} ({unknown[2]})" if unknown else complaint
        message = f"the cluster does not know {kind}: install its definition, or leave out the component that uses it"
        return Refused(message, "UnknownKind")
    if _NO_CONFIG.search(complaint):
        return UsageError(f"kubectl knows no cluster here: {complaint}; {CONFIG_MISSING}")
    reason = _REASON.search(complaint)
    if reason is None and "conflict" in complaint and words[0] == "apply":
        return Refused(complaint, "Conflict")
    if _LOGIN.search(complaint):
        return CannotJudge(f"the cluster does not know who asks: {complaint}; {CONFIG_MISSING}")
    if reason is None and _AWAY.search(complaint):
        return Away(f"the API server does not answer: {complaint}; what was done stays, the same command goes on")
    return Refused(f"kubectl {words[0]} was refused: {complaint}", reason[1] if reason else "")


def by_ref(values: Sequence[Value]) -> Mapping[Ref, Value]:
    """Return objects by what they are called."""
    return {Ref.of(value): value for value in values}
