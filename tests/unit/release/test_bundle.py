"""The bundle holds what a gateway needs, is the same everywhere, and fits ConfigMaps or says what to do."""

import json

import pytest
from unit.release.made import TEMPLATE, TOKENIZER, catalog, environment, floor

from sluice.digest import digest_bytes
from sluice.errors import CannotJudge
from sluice.release.bundle import MANIFEST, make_bundle, verify_bundle
from sluice.release.config_maps import MOST_BYTES, config_maps


def bundle_of(files=None):
    return make_bundle(catalog(files or floor()), "staging")


def test_it_holds_the_prompt_the_template_the_index_and_the_articles_that_are_searched():
    bundle = bundle_of()
    assert list(bundle.files) == [
        "chat-template-carried.jinja", "corpus-answer.jsonl", "index-answer.json", "prompt-answer.json", MANIFEST,
    ]  # fmt: skip
    assert bundle.files["chat-template-carried.jinja"].decode() == TEMPLATE
    assert [json.loads(line) for line in bundle.files["corpus-answer.jsonl"].splitlines()] == [
        {"id": "a", "text": "alpha"},
        {"id": "b", "text": "beta"},
    ]
    prompt = json.loads(bundle.files["prompt-answer.json"])
    assert prompt["messages"][0]["content"] == "{{ question }} {{ passages }}"
    assert prompt["model"] == "carried"
    assert not {"description", "owners"} & set(prompt)
    assert verify_bundle(bundle.files) == ()
    assert bundle.digest == digest_bytes(bundle.files[MANIFEST])


def test_the_order_of_files_and_keys_changes_no_byte():
    turned = {path: _turned(content) for path, content in reversed(floor().items())}
    assert bundle_of(turned).files == bundle_of().files


def _turned(content):
    return dict(reversed(content.items())) if isinstance(content, dict) else content


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        (lambda files: files.pop("prompt-answer.json"), "prompt-answer.json of the bundle is missing"),
        (lambda files: files.update(more=b""), "more is no part of the bundle"),
        (lambda files: files.update({"prompt-answer.json": b"{}"}), "prompt-answer.json is not what the manifest says"),
        (lambda files: files.pop(MANIFEST), "the bundle has no manifest.json that can be read"),
        (lambda files: files.update({MANIFEST: b"[]"}), "the bundle has no manifest.json that can be read"),
    ],
)
def test_what_is_missing_added_or_altered_is_told(edit, told):
    files = dict(bundle_of().files)
    edit(files)
    assert verify_bundle(files) == (told,)


def test_a_template_that_is_not_the_one_that_was_pinned_is_refused():
    files = floor()
    files["models/carried/tokenizer_config.json"] = TOKENIZER + b"\n"
    with pytest.raises(CannotJudge, match="is not the file that the model names by digest"):
        bundle_of(files)
    del files["models/carried/tokenizer_config.json"]
    with pytest.raises(CannotJudge, match="is missing"):
        bundle_of(files)


def big(size, prompts=1):
    """A floor whose corpora have `size` bytes each."""
    files = floor()
    files["datasets/docs.jsonl"] = [{"id": half, "text": "x" * (size // 2)} for half in "ab"]
    names = ["answer"]
    for number in range(1, prompts):
        names.append(f"answer-{number}")
        files[f"prompts/answer-{number}.yaml"] = files["prompts/answer.yaml"]
        files[f"evals/answer-{number}.yaml"] = {**files["evals/answer.yaml"], "prompt": names[-1]}
    files["infra/overlays/staging/environment.yaml"] = environment(prompts=names)
    return files


def test_what_fits_is_one_config_map():
    bundle = bundle_of(big(990_000))
    (part,) = config_maps(bundle.files)
    assert (part.name, part.files) == ("", bundle.files)


def test_what_does_not_fit_together_is_split_by_prompt():
    bundle = bundle_of(big(600_000, prompts=2))
    parts = config_maps(bundle.files)
    assert [part.name for part in parts] == ["answer", "answer-1", "shared"]
    assert {name: data for part in parts for name, data in part.files.items()} == dict(bundle.files)
    assert sorted(parts[-1].files) == ["chat-template-carried.jinja", MANIFEST]
    assert all(sum(map(len, part.files.values())) < MOST_BYTES for part in parts)


def test_what_fits_nowhere_is_refused_with_what_to_do():
    with pytest.raises(CannotJudge, match=r"part answer has 1,\d+,\d+ bytes, most of them in corpus-answer.*drop"):
        config_maps(bundle_of(big(1_000_001)).files)
