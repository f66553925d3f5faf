"""What is rolled out: one release of one environment with its objects in the order in which they are applied."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from sluice.errors import UsageError
from sluice.rollout.objects import Ref, Value


@dataclass(frozen=True, slots=True)
class Release:
    """A release as the deploy branch holds it. `number` only ever goes up, for a rollback too."""

    environment: str
    namespace: str
    number: int
    digest: str
    commit: str
    objects: tuple[Value, ...]


def release(
    environment: str, namespace: str, number: int, digest: str, commit: str, objects: Sequence[Value]
) -> Release:
    """Make a release of well-formed objects; raise UsageError for ones that could never be applied as one release."""
    wrong = [str(index) for index, value in enumerate(objects) if not _is_object(value)]
    if wrong:
        raise UsageError(
            f"release {number} of {environment}: its manifests {', '.join(wrong)} are no Kubernetes objects"
        )
    twice = [str(ref) for ref, times in Counter(map(Ref.of, objects)).items() if times > 1]
    if twice:
        raise UsageError(f"release {number} of {environment} holds {', '.join(twice)} twice")
    elsewhere = [str(Ref.of(value)) for value in objects if Ref.of(value).namespace not in (None, namespace)]
    if elsewhere:
        raise UsageError(
            f"release {number} of {environment} belongs to namespace {namespace}, but {elsewhere[0]} does not"
        )
    return Release(environment, namespace, number, digest, commit, tuple(objects))


def _is_object(value: Value) -> bool:
    about = value.get("metadata")
    named = isinstance(about, dict) and isinstance(about.get("name"), str)
    return named and isinstance(value.get("apiVersion"), str) and isinstance(value.get("kind"), str)
