"""Strict schemas of Kubernetes objects: built-in kinds from kubernetes-validate, others from their controllers."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import jsonschema
import kubernetes_validate
import yaml
from outside_tools import ROOT, missing

CRDS = ROOT / ".cache/tools/crds"
NEWEST = ("1.35", "1.36", "1.37")
"""The three newest minors that kubernetes-validate knows; a test says when there is a newer one."""

Schema = dict[str, Any]


def problems(value: Mapping[str, Any], version: str) -> list[str]:
    """Return what is wrong with an object, by the strict schema of its kind; unknown fields are wrong."""
    try:
        kubernetes_validate.validate(dict(value), version, strict=True)
    except kubernetes_validate.ValidationError as error:
        return [f"{'.'.join(map(str, error.path))}: {error.message}"]
    except kubernetes_validate.SchemaNotFoundError:
        found = jsonschema.Draft202012Validator(_custom(value["apiVersion"], value["kind"])).iter_errors(value)
        return [f"{'.'.join(map(str, one.path))}: {one.message}" for one in found]
    return []


def _custom(api: str, kind: str) -> Schema:
    found = _customs().get((api, kind))
    if found is None:
        missing(f"no schema of {kind} ({api}) is here; scripts/tools (with Go) brings those that infra/ uses")
    return found


@functools.cache
def _customs() -> dict[tuple[str, str], Schema]:
    held = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted(CRDS.glob("*.yaml"))]
    return {
        (f"{one['spec']['group']}/{version['name']}", one["spec"]["names"]["kind"]): _top(version)
        for one in held
        for version in one["spec"]["versions"]
    }


def _top(version: Schema) -> Schema:
    schema = _strict(version["schema"]["openAPIV3Schema"])
    schema["properties"]["metadata"] = {"type": "object"}
    return schema


def _strict(schema: Any) -> Any:
    """Return an OpenAPI schema as JSON Schema that refuses unknown fields, where the server would drop them."""
    if not isinstance(schema, dict):
        return schema
    kept = {key: value for key, value in schema.items() if key not in ("format", "nullable", "default", "description")}
    for key in ("items", "additionalProperties", "not"):
        if key in kept:
            kept[key] = _strict(kept[key])
    for key in ("anyOf", "allOf", "oneOf"):
        if key in kept:
            kept[key] = [dict(one) for one in kept[key]]
    if "properties" in kept:
        kept["properties"] = {name: _strict(one) for name, one in kept["properties"].items()}
        if not kept.get("x-kubernetes-preserve-unknown-fields"):
            kept.setdefault("additionalProperties", False)
    return {"anyOf": [kept, {"type": "null"}]} if schema.get("nullable") else kept
