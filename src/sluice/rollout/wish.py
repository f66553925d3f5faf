"""What a deploy branch wishes for a cluster: a committed release becomes the objects that are applied, in its order."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import yaml

from sluice.adoption import placeholders
from sluice.errors import CannotJudge, Finding, InvalidFiles
from sluice.rollout.branch import MANIFESTS, Deployed
from sluice.rollout.manifests import documents
from sluice.rollout.release import Release, release

_CONFIG_MAP = re.compile(r"^kind: ConfigMap$", re.MULTILINE)


def wished(deployed: Deployed) -> Release:
    """Return a committed release as what is rolled out; raise CannotJudge where it is not of one namespace.

    Raises InvalidFiles for manifests in which an example of the template still stands.
    """
    unfilled = list(_unfilled(deployed))
    if unfilled:
        raise InvalidFiles(unfilled)
    objects = tuple(_objects(deployed))
    namespaces = {one["metadata"]["namespace"] for one in objects if one.get("metadata", {}).get("namespace")}
    if len(namespaces) != 1:
        told = ", ".join(sorted(namespaces)) or "none"
        raise CannotJudge(f"the manifests of {_name(deployed)} belong to one namespace, and name {told}")
    return release(
        deployed.environment,
        namespaces.pop(),
        deployed.number,
        deployed.release,
        deployed.record.source_commit,
        objects,
    )


def _unfilled(deployed: Deployed) -> Iterator[Finding]:
    """Yield the template's examples in manifests; ConfigMaps hold prompts, whose words are nobody's business here."""
    for name, data in deployed.manifests.items():
        text = data.decode("utf-8", "replace")
        if not _CONFIG_MAP.search(text):
            for one in placeholders.left(f"deploy/{deployed.environment}:{MANIFESTS}/{name}", text):
                yield replace(one, fix=f"{one.fix}; merge that, and release {deployed.environment} anew")


def evidence_of(deployed: Deployed) -> tuple[str, ...]:
    """Return what allowed a release, a line for each suite, and what persons accepted."""
    lines = [
        f"{suite}: {one.current.word} ({one.current.how}) on {one.engine}, {one.evaluated_at[:10]}"
        for suite, one in sorted(deployed.record.evidence.items())
    ]
    return (*lines, *(f"accepted: {words}" for words in deployed.record.accepted))


def _objects(deployed: Deployed) -> Iterator[Mapping[str, Any]]:
    for name, data in deployed.manifests.items():
        try:
            found = documents(data.decode())
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            problem = " ".join(str(error).split())[:200]
            raise CannotJudge(f"manifest {name} of {_name(deployed)} cannot be read: {problem}") from None
        yield from found


def _name(deployed: Deployed) -> str:
    return f"release {deployed.number} of {deployed.environment}"
