"""A lock's digest changes exactly when something that runs does, and what changed is told in words."""

import json

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from unit.release.made import IMAGE, catalog, environment, floor

from sluice.release.bundle import make_bundle
from sluice.release.differences import differences
from sluice.release.lock import Lock, make_lock
from sluice.runner.closure import closure, weights_digest
from sluice.runner.engine import Engine

STAGING = "infra/overlays/staging/environment.yaml"


def lock_of(files, name="staging"):
    found = catalog(files)
    return make_lock(found, name, make_bundle(found, name))


def put(path, *keys):
    """Return an edit that sets a key of a YAML file."""

    def edit(files, value):
        place = files[path]
        for key in keys[:-1]:
            place = place.setdefault(key, {})
        place[keys[-1]] = value

    return edit


def article(files, text):
    files["datasets/docs.jsonl"][0]["text"] = text


RUNNING = {
    "messages": (put("prompts/answer.yaml", "messages"), [{"role": "user", "content": "Say {{ question }}."}]),
    "sampling": (put("prompts/answer.yaml", "parameters", "max_tokens"), 17),
    "top": (put("prompts/answer.yaml", "retrieval", "top"), 3),
    "article": (article, "gamma"),
    "argument": (put("models/carried.yaml", "serving", "arguments", "max_total_tokens"), 256),
    "flag": (put("models/carried.yaml", "serving", "arguments", "trust"), True),
    "image": (put("models/carried.yaml", "serving", "image"), IMAGE.replace("a", "b")),
    "context": (put("models/carried.yaml", "context"), 1024),
    "resources": (put("models/carried.yaml", "serving", "resources"), {"gpus": 1}),
    "here": (put(STAGING, "serving", "carried", "arguments"), {"dtype": "float16"}),
    "replicas": (put(STAGING, "serving", "carried", "replicas"), 2),
    "strategy": (put(STAGING, "serving", "carried", "strategy"), "surge"),
    "gate": (put("evals/answer.yaml", "gates", "correct", "max_drop"), 0.1),
    "accept": (put(STAGING, "accept", "evidence_days"), 7),
}
COSMETIC = {
    "description": (put("prompts/answer.yaml", "description"), "Other words."),
    "owners": (put("prompts/answer.yaml", "owners"), ["others"]),
    "price": (put("models/carried.yaml", "price"), {"gpu_hour": 2.0}),
    "concurrency": (put("models/carried.yaml", "serving", "concurrency"), 4),
    "cases": (lambda files, word: files["datasets/cases.jsonl"][0].update(expected=word), "beta"),
    "unused": (lambda files, note: files["datasets/docs.jsonl"][0].update(note=note), "still not used"),
    "capacity": (put(STAGING, "capacity"), {"nvidia.com/gpu": 9}),
    "approvers": (put(STAGING, "approvers"), ["@example/others"]),
    "cluster": (put(STAGING, "cluster"), "another"),
    "other": (put(STAGING.replace("staging", "production"), "namespace"), "another"),
}  # fmt: skip


def edited(*names):
    files = floor()
    for name in names:
        edit, value = {**RUNNING, **COSMETIC}[name]
        edit(files, value)
    return files


@settings(max_examples=40, deadline=None)
@given(st.sets(st.sampled_from(sorted(RUNNING))), st.sets(st.sampled_from(sorted(COSMETIC))))
def test_the_digest_changes_exactly_when_something_that_runs_changes(running, cosmetic):
    plain, full = lock_of(edited(*running)), lock_of(edited(*running, *cosmetic))
    assert plain.digest == full.digest
    assert plain.write() == full.write()
    assert (plain.digest == lock_of(floor()).digest) == (not running)


@pytest.mark.parametrize("one", RUNNING)
def test_every_edit_that_counts_gives_a_digest_of_its_own_and_words(one):
    others = {lock_of(edited(name)).digest for name in RUNNING if name != one}
    after = lock_of(edited(one))
    assert after.digest not in others
    assert len(differences(lock_of(floor()), after)) == 1


def test_words():
    after = lock_of(edited("messages", "sampling", "argument", "flag", "replicas", "gate"))
    assert differences(lock_of(floor()), after) == (
        "answer: its messages, inputs or output and its sampling changed",
        "carried: replicas from 1 to 2; max_total_tokens from 512 to 256; trust from unset to True",
        "the policy: gates, must-pass lists or what this environment accepts",
    )
    assert differences(None, after) == ("first release: the prompts answer on carried",)
    assert differences(after, after) == ()


def test_true_and_one_are_not_the_same_argument():
    one, true = floor(), floor()
    for files, value in ((one, 1), (true, True)):
        put("models/carried.yaml", "serving", "arguments", "trust")(files, value)
    before, after = lock_of(one), lock_of(true)
    assert before.digest != after.digest
    assert differences(before, after) == ("carried: trust from 1 to True",)


def test_formatting_and_comments_do_not_count():
    files = floor()
    files["prompts/answer.yaml"] = "# A comment.\n" + yaml.safe_dump(files["prompts/answer.yaml"], indent=6, width=40)
    assert lock_of(files).digest == lock_of(floor()).digest


def test_environments_that_run_the_same_have_different_releases():
    assert lock_of(floor(), "staging").digest != lock_of(floor(), "production").digest


def test_another_engine_takes_over_nothing_of_the_first_ones_arguments():
    files = floor()
    files[STAGING] = environment(
        serving={"carried": {"engine": "vllm", "image": IMAGE, "arguments": {"max_model_len": 512}}},
        accept={"engines": ["vllm"]},
    )
    model = lock_of(files).models["carried"]
    assert (model.engine, model.arguments) == ("vllm", {"max_model_len": 512})


def test_weights_have_the_digest_that_closures_have():
    found = catalog()
    parts = closure(found, "answer", Engine("tgi", "carried")).parts
    assert parts["weights"] == weights_digest(found.model("carried").value)


def test_a_lock_reads_back_equal_and_what_is_no_lock_is_refused():
    lock = lock_of(floor())
    again = Lock.model_validate_json(lock.write())
    assert again == lock
    assert again.digest == lock.digest
    content = json.loads(lock.write())
    for data in ({}, {**content, "format": 2}, {**content, "more": 1}):
        with pytest.raises(ValidationError):
            Lock.model_validate_json(json.dumps(data))
