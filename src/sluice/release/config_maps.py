"""A bundle as the data of ConfigMaps: one where it fits, else one for each prompt, else a refusal."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from sluice.errors import CannotJudge
from sluice.release.bundle import MANIFEST

MOST_BYTES = 1_000_000
"""What one object may hold: etcd takes 1.5 MiB with everything around it, the API server 1 MiB of data."""


@dataclass(frozen=True, slots=True)
class Part:
    """The data of one ConfigMap; `name` is empty where the whole bundle fits into one, else a prompt or `shared`."""

    name: str
    files: Mapping[str, bytes]


def config_maps(bundle: Mapping[str, bytes]) -> tuple[Part, ...]:
    """Return the ConfigMaps that hold a bundle together, mounted at one place; raise CannotJudge where none can."""
    if _size(bundle) <= MOST_BYTES:
        return (Part("", bundle),)
    parts = _by_prompt(bundle)
    for part in parts:
        if _size(part.files) > MOST_BYTES:
            raise CannotJudge(_refusal(part))
    return parts


def _by_prompt(bundle: Mapping[str, bytes]) -> tuple[Part, ...]:
    """What several prompts use, and the manifest, are in the part `shared`."""
    owners: dict[str, list[str]] = json.loads(bundle[MANIFEST])["prompts"]
    using = {file: [prompt for prompt, files in owners.items() if file in files] for file in bundle}
    groups: dict[str, dict[str, bytes]] = {}
    for file, data in bundle.items():
        name = using[file][0] if len(using[file]) == 1 else "shared"
        groups.setdefault(name, {})[file] = data
    return tuple(Part(name, groups[name]) for name in sorted(groups))


def _size(files: Mapping[str, bytes]) -> int:
    return sum(len(name.encode()) + len(data) for name, data in files.items())


def _refusal(part: Part) -> str:
    largest = max(part.files, key=lambda name: len(part.files[name]))
    return (
        f"the bundle does not fit into ConfigMaps: the part {part.name} has {_size(part.files):,} bytes, most of them "
        f"in {largest}, and one ConfigMap takes {MOST_BYTES:,}. Shorten it: drop fields that the retrieval does not "
        "use, split the corpus between prompts, or let the rows give the passages"
    )
