"""A manifest: one Kubernetes object as data and as text, and the order in which objects are applied."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

ORDER = (
    "Namespace", "PriorityClass", "ServiceAccount", "NetworkPolicy", "ConfigMap", "PersistentVolumeClaim", "Service",
    "PodDisruptionBudget", "Job", "Deployment", "StatefulSet",
)  # fmt: skip
"""Kinds in the order in which they are applied; others come last, by name."""

_NUMBERLIKE = re.compile(r"[-+]?[.\d][\d_.:]*([eE][-+]?\d+)?|0[xob][0-9a-fA-F_]+|[yYnN]")

_ODD = re.compile("[^\t\n\x20-\x7e\xa0-\u2027\u202a-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
"""What YAML takes for the end of a line, and what does not print."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """One object: what it is called, its canonical YAML, and its content."""

    kind: str
    name: str
    namespace: str | None
    text: str
    value: Mapping[str, Any]


def manifest(value: Mapping[str, Any]) -> Manifest:
    """Return an object as a manifest."""
    about = value["metadata"]
    return Manifest(value["kind"], about["name"], about.get("namespace"), write(value), value)


def in_order(manifests: Iterable[Manifest]) -> tuple[Manifest, ...]:
    """Return manifests in the order in which they are applied, the same for the same objects."""
    ranks = {kind: rank for rank, kind in enumerate(ORDER)}
    return tuple(sorted(manifests, key=lambda one: (ranks.get(one.kind, len(ORDER)), one.kind, one.name)))


def documents(text: str) -> tuple[Mapping[str, Any], ...]:
    """Return the objects of a stream of YAML documents."""
    return tuple(one for one in yaml.load_all(text, Loader=_Loader) if one)


def write(value: Mapping[str, Any] | Sequence[Any]) -> str:
    """Return an object as YAML with sorted keys; texts of several lines stay readable."""
    return yaml.dump(value, Dumper=_Dumper, sort_keys=True, allow_unicode=True, width=1 << 20, default_flow_style=False)


class _Loader(yaml.SafeLoader):
    """YAML as Kustomize writes it: a plain scalar is no text only where it is one of these."""


_Loader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("null", r"null|", ["n", ""]),
    ("bool", r"true|false", ["t", "f"]),
    ("int", r"-?\d{1,19}", list("-0123456789")),
    ("float", r"-?\d{1,19}(\.\d+)?([eE][-+]?\d{1,3})?", list("-0123456789")),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"(?:{_pattern})\\Z"), _first)


class _Dumper(yaml.SafeDumper):
    """YAML that other readers take for the same: what one of them might take for a number is quoted."""

    def ignore_aliases(self, _data: Any) -> bool:
        return True


def _text(dumper: _Dumper, value: str) -> yaml.Node:
    quoted = _ODD.search(value) or _NUMBERLIKE.fullmatch(value)
    style = '"' if quoted else "|" if "\n" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)
