"""Two lists of manifests: objects are paired across the digests in their names, and only what differs is told."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.rollout.comparing import changed_objects, difference, pairs, restarts, stamped, stem
from sluice.rollout.manifests import Manifest, manifest
from sluice.rollout.readable import readable
from sluice.stored import OutputsRule


def made(kind: str, name: str, annotations: dict[str, str] | None = None, **content: Any) -> Manifest:
    about = {"name": name, "namespace": "n", **({"annotations": annotations} if annotations else {})}
    return manifest({"apiVersion": "v1", "kind": kind, "metadata": about, **content})


def deployment(image: str, release: str = "1", **spec: Any) -> Manifest:
    template = {"spec": {"containers": [{"name": "engine", "image": image}]}}
    return made("Deployment", "model", {"sluice.dev/release": release}, spec={"template": template, **spec})


def shown(_one: Manifest, _key: str) -> OutputsRule | None:
    return "public"


def told(before: list[Manifest], after: list[Manifest], outputs: Any = shown) -> list[Any]:
    return list(changed_objects(pairs(before, after), outputs))


OLD, NEW = "bundle-h2b8h6t6hg", "bundle-h5gh5f8bt9"


@pytest.mark.parametrize(
    ("kind", "name", "wanted"),
    [
        ("ConfigMap", OLD, "bundle"),
        ("ConfigMap", "bundle-h2b8h6t6h1", "bundle-h2b8h6t6h1"),  # 1 is not in Kustomize's alphabet
        ("Job", "weights-0123456789ab", "weights"),
        ("Deployment", "model-0123456789ab", "model-0123456789ab"),
    ],
)
def test_only_the_digest_of_the_content_is_taken_off_a_name(kind: str, name: str, wanted: str) -> None:
    assert stem(made(kind, name)) == wanted


def test_added_removed_and_changed() -> None:
    before = [made("Service", "a", spec={"port": 1}), made("Service", "b"), made("Service", "same")]
    after = [made("Service", "a", spec={"port": 2}), made("Service", "c"), made("Service", "same")]
    found = told(before, after)
    assert [(one.change, one.name) for one in found] == [("changed", "a"), ("added", "c"), ("removed", "b")]
    assert [line for line in found[0].parts[0].lines if line[0] in "-+"] == ["-  port: 1", "+  port: 2"]
    assert all(line[0] == "+" for line in found[1].parts[0].lines)
    assert all(line[0] == "-" for line in found[2].parts[0].lines)


def test_a_map_named_by_its_content_is_one_object_and_its_keys_are_told_apart() -> None:
    prompt = json.dumps({"messages": [{"content": "Be brief.\nBe kind.\n"}]})
    other = prompt.replace("kind", "blunt")
    before = made("ConfigMap", OLD, data={"prompt.json": prompt, "other.txt": "as it was"})
    after = made("ConfigMap", NEW, data={"prompt.json": other, "other.txt": "as it was"})
    (one,) = told([before], [after])
    assert (one.change, one.before, one.name) == ("changed", OLD, NEW)
    (part,) = one.parts
    assert part.place == "prompt.json"
    assert [line.strip("-+ ") for line in part.lines if line[0] in "-+"] == ["Be kind.", "Be blunt."]


def test_several_of_one_stem_are_paired_and_the_rest_is_added() -> None:
    before = [made("ConfigMap", OLD, data={"a": "1"})]
    after = [made("ConfigMap", NEW, data={"a": "2"}), made("ConfigMap", "bundle-kkkkkkkkkk", data={"a": "3"})]
    assert [one.change for one in told(before, after)] == ["changed", "added"]


def test_objects_of_other_kinds_groups_and_namespaces_are_others() -> None:
    old = [made("Service", "a"), made("ConfigMap", "a", data={"x": "1"})]
    assert [one.change for one in told(old, [made("ConfigMap", "a", data={"x": "1"})])] == ["removed"]


def test_the_releases_digest_alone_is_no_difference_but_is_said() -> None:
    both = pairs([deployment("a", "1")], [deployment("a", "2")])
    assert list(changed_objects(both, shown)) == []
    assert list(stamped(both)) == ["Deployment model"]


def test_pods_restart_where_their_template_differs() -> None:
    assert list(restarts(pairs([deployment("a")], [deployment("b")]))) == ["Deployment model"]
    assert list(restarts(pairs([deployment("a", replicas=1)], [deployment("a", "2", replicas=2)]))) == []
    assert list(restarts(pairs([], [deployment("b")]))) == ["Deployment model (new)"]
    assert list(restarts(pairs([deployment("b")], []))) == ["Deployment model (gone)"]


def test_what_a_card_withholds_is_counted_and_a_secret_is_not_told() -> None:
    before, after = (made("ConfigMap", "m", data={"rows.jsonl": text}) for text in ('{"q":1}\n', '{"q":2}\n'))
    (one,) = told([before], [after], lambda _one, _key: "none")
    assert one.parts[0].lines == () and one.parts[0].more == 2
    (kept,) = told([before], [after], lambda _one, _key: "artifact")
    assert kept.parts[0].lines and kept.parts[0].outputs == "artifact"
    assert told([before], [after], lambda _one, _key: None)[0].parts == ()
    secrets = [made("Secret", "s", data={"token": text}, stringData={"x": text}) for text in ("aaa", "bbb")]
    (secret,) = told(secrets[:1], secrets[1:])
    assert secret.parts == () and "bbb" not in secret.model_dump_json()


def test_a_place_names_the_keys_above_the_first_line_that_differs() -> None:
    before, after = (deployment(image, extra=list(range(9))) for image in "ab")
    (one,) = told([before], [after])
    assert one.parts[0].lines[0] == "@@ spec.template.spec.containers @@"
    text = "a:\n  b:\n  - c: 1\n    d:\n      e: 2\n" + "x: 1\n" * 9
    assert difference("x: 0\n" * 9 + text, "x: 0\n" * 9 + text.replace("e: 2", "e: 3"))[0] == "@@ a.b.d @@"
    assert difference("x: 0\n" * 9 + text, "x: 0\n" * 9 + text.replace("      e: 2\n", ""))[0] == "@@ a.b.d @@"


def test_rows_that_both_sides_have_are_not_told() -> None:
    rows = [json.dumps({"id": number, "text": f"row {number}"}) for number in range(50)]
    before, after = readable("corpus.jsonl", "\n".join(rows), "\n".join([*rows[1:], '{"id": 50}']))
    assert (before, after) == ("- id: 0\n  text: row 0\n", "- id: 50\n")
    assert readable("corpus.jsonl", "\n".join(rows), "\n".join(rows[::-1]))[1] == "(the same rows in another order)"


@given(st.text(max_size=60), st.text(max_size=60))
def test_the_difference_has_both_texts(before: str, after: str) -> None:
    lines = difference(before, after)
    assert all(line[0] in " -+@" for line in lines)
    gone, came = ([line[1:] for line in lines if line[0] == mark] for mark in "-+")
    assert bool(lines) == (before.splitlines() != after.splitlines())
    assert set(gone) <= set(before.splitlines()) and set(came) <= set(after.splitlines())


@given(st.text(max_size=60), st.none() | st.text(max_size=60))
def test_any_value_of_a_map_can_be_read(before: str, after: str | None) -> None:
    for key in ("a.json", "a.jsonl", "a.jinja"):
        assert all(isinstance(text, str) for text in readable(key, before, after))
