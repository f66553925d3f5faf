"""Two lists of manifests become what differs between them, line by line and readable."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from sluice.report.rendered import RenderedObject, RenderedPart
from sluice.rollout.manifests import Manifest, write
from sluice.rollout.readable import readable
from sluice.rollout.rendering import RELEASE
from sluice.stored import OutputsRule

CONTEXT = 3
_HASHED = {
    "ConfigMap": re.compile(r"-[2456789bcdfghkmt]{10}\Z"),
    "Secret": re.compile(r"-[2456789bcdfghkmt]{10}\Z"),
    "Job": re.compile(r"-[0-9a-f]{12}\Z"),
}
"""Kind -> the digest of its content that may end a name: Kustomize's alphabet, and ours of Jobs."""
_DATA = {"ConfigMap": ("data", "binaryData"), "Secret": ("data", "stringData")}
"""What is told key by key; of a Secret it is not told at all."""

_BLANK = " (line ends or the order of keys alone)"

Pair = tuple[Manifest | None, Manifest | None]
Outputs = Callable[[Manifest, str], OutputsRule | None]
"""Where a key of a ConfigMap may be shown; None leaves it out."""


def stem(one: Manifest) -> str:
    """Return a name without the digest of the content."""
    pattern = _HASHED.get(one.kind)
    return pattern.sub("", one.name) if pattern else one.name


def pairs(before: Iterable[Manifest], after: Iterable[Manifest]) -> tuple[Pair, ...]:
    """Return the objects of both sides side by side, in the order of the second.

    Objects are the same by group, kind, namespace and name; what is left by the name without its digest.
    """
    old, new = {_identity(one): one for one in before}, {_identity(one): one for one in after}
    named = {key: old.pop(key) for key in new if key in old}
    stems: dict[tuple[str, ...], list[Manifest]] = {}
    for one in old.values():
        stems.setdefault(_stemmed(one), []).append(one)
    found: list[Pair] = []
    for key, one in new.items():
        earlier = named.get(key)
        if earlier is None and stems.get(_stemmed(one)):
            earlier = stems[_stemmed(one)].pop(0)
        found.append((earlier, one))
    return (*found, *((one, None) for several in stems.values() for one in several))


def _group(one: Manifest) -> str:
    return str(one.value.get("apiVersion", "")).rpartition("/")[0]


def _identity(one: Manifest) -> tuple[str, ...]:
    return _group(one), one.kind, one.namespace or "", one.name


def _stemmed(one: Manifest) -> tuple[str, ...]:
    return _group(one), one.kind, stem(one)


def changed_objects(found: Iterable[Pair], outputs: Outputs) -> Iterator[RenderedObject]:
    """Yield each object that differs, its texts line by line; a Secret without what it holds.

    The release's digest on an object says nothing by itself, nor does the digest that ends a name.
    """
    for old, new in found:
        one = new or old
        if one is None or (old and new and _essence(old) == _essence(new)):
            continue
        yield RenderedObject(
            change="changed" if old and new else "added" if new else "removed",
            kind=one.kind,
            name=one.name,
            before=old.name if old and new and old.name != new.name else None,
            parts=tuple(_parts(old, new, outputs)),
        )


def _parts(old: Manifest | None, new: Manifest | None, outputs: Outputs) -> Iterator[RenderedPart]:
    frame = difference(_frame(old), _frame(new))
    if frame:
        yield RenderedPart(lines=tuple(frame))
    before, after, one = _data(old), _data(new), new or old
    for key in sorted(before.keys() | after.keys()):
        rule = outputs(one, key) if one else None
        if rule is not None and before.get(key) != after.get(key):
            lines = tuple(difference(*readable(key, before.get(key), after.get(key)))) or (_BLANK,)
            shown = () if rule == "none" else lines
            yield RenderedPart(place=key, lines=shown, more=len(lines) - len(shown), outputs=rule)


def stamped(found: Iterable[Pair]) -> Iterator[str]:
    """Yield the objects of both sides on which the release's digest alone differs."""
    for old, new in found:
        if old and new and old.text != new.text and _essence(old) == _essence(new):
            yield f"{new.kind} {new.name}"


def _essence(one: Manifest) -> Mapping[str, Any]:
    """Return an object without the release's digest, and its name without that of its content."""
    about = {**one.value["metadata"], "name": stem(one)}
    noted = {key: value for key, value in about.pop("annotations", {}).items() if key != RELEASE}
    return {**one.value, "metadata": {**about, **({"annotations": noted} if noted else {})}}


def _frame(one: Manifest | None) -> str:
    """Return an object's YAML without what is told key by key, or not at all."""
    left_out = _DATA.get(one.kind, ()) if one else ()
    return write({key: value for key, value in _essence(one).items() if key not in left_out}) if one else ""


def _data(one: Manifest | None) -> Mapping[str, str]:
    if one is None or one.kind != "ConfigMap":
        return {}
    return {key: str(value) for part in _DATA[one.kind] for key, value in (one.value.get(part) or {}).items()}


def difference(before: str, after: str) -> list[str]:
    """Return the lines that differ with their neighbours; `@@` begins a place and names the keys above it."""
    old, new = before.splitlines(), after.splitlines()
    matcher = difflib.SequenceMatcher(None, old, new)
    lines: list[str] = []
    for group in matcher.get_grouped_opcodes(CONTEXT):
        if group[0][1] or group[0][3]:
            lines.append(f"@@ {_place(group, old, new) or '…'} @@")
        for tag, i, j, k, m in group:
            if tag == "equal":
                lines += [f" {line}" for line in old[i:j]]
                continue
            lines += [f"-{line}" for line in old[i:j]]
            lines += [f"+{line}" for line in new[k:m]]
    return lines


def _place(group: Iterable[tuple[str, int, int, int, int]], old: Sequence[str], new: Sequence[str]) -> str:
    """Return the keys above the first line that differs."""
    _, i, _, k, m = next(one for one in group if one[0] != "equal")
    return _above(new, k) if k < m else _above(old, i)


def _above(lines: Sequence[str], index: int) -> str:
    """Return the keys of YAML that hold a line, outermost first; empty where it stands at the top."""
    depth = _blanks(lines[index]) + _is_item(lines[index])
    keys: list[str] = []
    for line in reversed(lines[:index]):
        at = _blanks(line) + 2 * _is_item(line)
        if at < depth and line.strip() and line.rstrip().endswith((":", ": |", ": |-", ": |+")):
            keys.append(line.strip().removeprefix("- ").partition(":")[0])
            depth = at
    return ".".join(reversed(keys))


def _blanks(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _is_item(line: str) -> bool:
    return line.lstrip(" ").startswith("- ")


def restarts(found: Iterable[Pair]) -> Iterator[str]:
    """Yield the workloads whose pods are replaced, or start or end: what stands outside the template replaces none."""
    for old, new in found:
        before, after = _template(old), _template(new)
        if before != after:
            one = new or old
            assert one is not None
            yield f"{one.kind} {one.name}" if old and new else f"{one.kind} {one.name} ({'new' if new else 'gone'})"


def _template(one: Manifest | None) -> Any:
    workload = one is not None and one.kind in ("Deployment", "StatefulSet", "DaemonSet")
    return one.value.get("spec", {}).get("template") if workload and one is not None else None
