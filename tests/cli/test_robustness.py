"""What a user trips over: unusable state, no base, odd numbers and terminals. Never a traceback, always a way on."""

import sys

import pytest
from miniature import MODEL, edit_prompt, git, miniature

from sluice.catalog import GitTree, WorkingTree, load
from sluice.digest import digest_bytes


def test_a_repository_with_commits_but_no_main_asks_for_a_base(repository, server, sluice):
    git(repository, "checkout", "--quiet", "-b", "trunk")
    git(repository, "branch", "--quiet", "-D", "main")
    code, _, err = sluice("eval")
    assert code == 2
    assert "--base" in err
    assert sluice("eval", "--base", "HEAD")[0] == 0


@pytest.mark.fault("a directory that cannot be written", "stop with exit code 4")
@pytest.mark.parametrize("place", [".sluice", ".sluice/cache", ".sluice/runs"])
def test_state_that_cannot_be_written_is_said(repository, server, sluice, place):
    path = repository / place
    path.parent.mkdir(exist_ok=True)
    path.touch()
    edit_prompt(repository, "Answer never.")
    code, _, err = sluice("eval")
    assert code == 4
    assert "Traceback" not in err
    assert "writable" in err or "cannot write" in err


@pytest.mark.parametrize(
    "words", [["compare", "--limit", "-1"], ["report", "--cases", "0"], ["gate", "--self-test", "--draws", "-5"]]
)
def test_counts_are_whole_numbers_from_one(repository, sluice, words):
    assert sluice(*words)[0] == 2


def test_an_output_without_a_directory_is_refused_before_the_run(repository, server, sluice):
    edit_prompt(repository, "Answer never.")
    assert sluice("eval", "--output", "nowhere/report.json")[0] == 2
    assert server.generations == []


def test_an_output_that_is_a_directory_is_refused_before_the_run(repository, server, sluice):
    edit_prompt(repository, "Answer never.")
    code, _, err = sluice("eval", "--output", "prompts")
    assert code == 2 and "is a directory" in err
    assert server.generations == []


@pytest.mark.parametrize("verb", ["report", "gate"])
@pytest.mark.parametrize("text", ["description: a prompt\n", '{"format": 1}', "[" * 100_000, "[]", "1", "\x00"])
def test_a_file_that_is_no_judgement_is_named_as_none(repository, sluice, verb, text):
    (repository / "other.json").write_text(text)
    code, _, err = sluice(verb, "other.json")
    assert code == 4 and "stored judgement" in err and "again" not in err
    assert "other.json is no stored judgement" in err or text[0] in "{[1"


def test_a_damaged_judgement_says_what_to_do(repository, sluice):
    (repository / ".sluice").mkdir()
    (repository / ".sluice" / "last-judgement.json").write_bytes(b'{"format": 1,')
    code, _, err = sluice("report")
    assert code == 4
    assert "sluice eval" in err


def test_nothing_to_judge_is_no_pass(repository, server, sluice):
    for path in ("prompts", "evals", "datasets", "models"):
        git(repository, "rm", "--quiet", "-r", path)
    git(repository, "-c", "user.name=t", "-c", "user.email=t@example.test", "commit", "--quiet", "-m", "empty")
    code, _, err = sluice("eval", "--base", "HEAD")
    assert code == 4
    assert "no suite" in err


def test_a_plan_of_invalid_files_is_refused(repository, server, sluice):
    (repository / "evals" / "orphan.py").write_text("def f(output, row):\n    return True\n")
    assert sluice("plan")[0] == 3


def test_a_dataset_from_scratch_passes_where_a_model_is_trained_here(repository, sluice):
    card = (repository / "datasets" / "questions.yaml").read_text()
    (repository / "datasets" / "taught.yaml").write_text(card.replace("split: eval", "split: train"))
    (repository / "datasets" / "taught.jsonl").write_text(
        '{"expected":"x","id":"t-1","page":"p","question":"An utterly different line of text","topic":"odd"}\n'
    )
    assert sluice("new", "dataset", "fresh")[0] == 0
    assert "held_out_from: [taught]" in (repository / "datasets" / "fresh.yaml").read_text()


def test_a_stray_file_is_found_though_every_known_file_equals_the_base(repository, server, sluice):
    (repository / "prompts" / "notes.txt").write_text("stray")
    assert sluice("eval")[0] == 3


def test_other_weights_are_found_though_every_known_file_equals_the_base(repository, server, sluice):
    (repository / "models" / "served").mkdir()
    (repository / "models" / "served" / "weights.bin").write_bytes(b"1")
    assert load(WorkingTree(repository)).fingerprint != load(GitTree(repository, "HEAD")).fingerprint


def test_without_the_local_packages_an_eval_names_the_command_that_brings_them(tmp_path, monkeypatch, sluice):
    """As `scripts/setup core` leaves it: versions are asked for late, the tokenizer is imported first."""
    config = b'{"model_type": "llama"}'
    source = {"path": "models/served", "files": {"config.json": digest_bytes(config)}}
    (tmp_path / "models/served").mkdir(parents=True)
    (tmp_path / "models/served/config.json").write_bytes(config)
    miniature(tmp_path, model={**MODEL, "source": source, "serving": {"engine": "local"}})
    edit_prompt(tmp_path, "Answer never.")
    for package in ("torch", "transformers", "tokenizers"):
        monkeypatch.setitem(sys.modules, package, None)
    code, _, err = sluice("eval", "--root", str(tmp_path))
    assert code == 4, err
    assert "./scripts/setup" in err and "Traceback" not in err and "sluice[" not in err
