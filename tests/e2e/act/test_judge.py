"""judge.yml, played by act: what is merged is judged by main's own code, signed, and then never asked for again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from e2e.act.running import Finished
from e2e.act.workbench import Workbench, git, signing_floor, sluice
from miniature import edit_prompt, write
from servers.tgi import TgiServer

pytestmark = pytest.mark.slow
Bench = Callable[..., Workbench]

BETTER = "Answer with the last word, and nothing else."
WORSE = "Answer with the last word, never."
SIGNED = {"judge": "success", "record": "success"}


def pushed(work: Workbench, model: TgiServer, before: str, after: str, **more: Any) -> Finished:
    """Play a push to main."""
    payload = {
        "ref": "refs/heads/main",
        "before": before,
        "after": after,
        "created": False,
        "deleted": False,
        "forced": False,
        "repository": work.forge.repository(),
        **more,
    }
    return work.run("push", "judge.yml", payload, at=after, variables={"SLUICE_ENDPOINT": model.url})


def asked(model: TgiServer) -> int:
    return len([call for call in model.calls if "chat" in call.path])


def edited(words: str) -> Callable[[Path], None]:
    return lambda tree: edit_prompt(tree, words)


def reader(work: Workbench) -> Path:
    """A fresh clone, as somebody has who wants to see what was judged."""
    clone = work.place / f"reader-{work.runs}"
    git(work.place, "clone", "--quiet", str(work.git_directory), str(clone))
    return clone


def signing(bench: Bench) -> Workbench:
    work = bench(signing_floor)
    work.secrets["SLUICE_EVIDENCE_KEY"] = work.signing_key()
    return work


def test_what_is_merged_is_judged_signed_and_not_asked_for_again(bench: Bench, model: TgiServer) -> None:
    work = signing(bench)
    first = work.sha("main")
    done = pushed(work, model, "0" * 40, first, created=True)
    assert done.results == SIGNED
    assert asked(model) == 180, "the whole suite, once"
    verified = sluice(reader(work), "evidence", "verify", "--all")
    assert verified.returncode == 0, verified.stdout + verified.stderr

    second = work.on_main(lambda tree: write(tree, "docs/note.yaml", {"a": "note"}))
    assert pushed(work, model, first, second).results == SIGNED
    assert asked(model) == 180, "what has evidence is not judged again"

    pull = work.pull(edited(BETTER))
    assert work.judge(pull, SLUICE_ENDPOINT=model.url).results["result"] == "success"
    assert 180 < asked(model) <= 360, "the base side came from evidence"
    before = asked(model)
    third = work.merge(pull)
    assert pushed(work, model, second, third).results == SIGNED
    assert asked(model) - before == 180, "main asks for itself: a pull request's answers are no evidence"
    listed = sluice(reader(work), "evidence", "list")
    assert listed.returncode == 0 and listed.stdout.count("run") >= 2 and "verdict" in listed.stdout


def test_a_merged_loss_is_red_and_recorded(bench: Bench, model: TgiServer) -> None:
    work = signing(bench)
    first = work.sha("main")
    pushed(work, model, "0" * 40, first, created=True)
    second = work.on_main(edited(WORSE))
    done = pushed(work, model, first, second)
    assert done.results == {"judge": "failure", "record": "success"}
    assert " FAIL" in sluice(reader(work), "evidence", "list").stdout.upper()


def test_without_a_key_it_says_that_nothing_was_recorded(bench: Bench, model: TgiServer) -> None:
    work = bench()
    done = pushed(work, model, "0" * 40, work.sha("main"), created=True)
    assert done.results == SIGNED
    assert any("no signing key is set" in told for told in done.said("notice"))
    assert "evidence" not in git(work.git_directory, "for-each-ref", "--format=%(refname:short)")


def test_a_rewritten_history_is_said(bench: Bench, model: TgiServer) -> None:
    work = signing(bench)
    done = pushed(work, model, "d" * 40, work.sha("main"), forced=True)
    assert done.results == SIGNED
    assert any("the history was rewritten" in told for told in done.said("notice"))


def test_a_key_that_main_does_not_list_signs_nothing(bench: Bench, model: TgiServer) -> None:
    work = bench()
    other = work.place / "other"
    other.mkdir()
    (work.place / "elsewhere/evals").mkdir(parents=True)
    made = sluice(work.place, "evidence", "keygen", str(other), "--root", str(work.place / "elsewhere"))
    assert made.returncode == 0, made.stderr
    [secret] = other.iterdir()
    work.secrets["SLUICE_EVIDENCE_KEY"] = secret.read_text(encoding="utf-8")
    done = pushed(work, model, "0" * 40, work.sha("main"), created=True)
    assert done.results == {"judge": "success", "record": "failure"}
    assert "nobody could verify what it signs" in done.log
    assert "PRIVATE KEY" not in done.log
