"""comment.yml, played by act against a strict fake forge: one report, one check, whatever runs left behind."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from e2e.act.running import Finished
from e2e.act.workbench import APP_ID, APP_KEY, Pull, Workbench
from miniature import edit_prompt
from servers.github import failed
from servers.github_fixtures import archive
from servers.tgi import TgiServer

pytestmark = pytest.mark.slow
Bench = Callable[..., Workbench]

BETTER = "Answer with the last word, and nothing else."
WORSE = "Answer with the last word, never."


def report(work: Workbench, payload: dict[str, Any], **options: Any) -> Finished:
    """Play the event that follows when a run has ended."""
    return work.run("workflow_run", "comment.yml", payload, **options)


def edited(words: str) -> Callable[[Path], None]:
    return lambda tree: edit_prompt(tree, words)


def bodies(work: Workbench, pull: Pull) -> list[str]:
    return [comment["body"] for comment in work.forge.comments_on(pull.number)]


def checks(work: Workbench, commit: str) -> list[tuple[str, str]]:
    return [(run["name"], run["conclusion"]) for run in work.forge.checks if run["head_sha"] == commit]


def test_from_a_push_to_the_comment(bench: Bench, model: TgiServer) -> None:
    """Both stages, one after the other, as a contributor sees them."""
    work = bench()
    pull = work.pull(edited(WORSE))
    work.judge(pull, SLUICE_ENDPOINT=model.url)
    done = report(work, work.last_run(pull))
    assert done.results == {"report": "success"}
    [body] = bodies(work, pull)
    assert body.startswith("<!-- sluice:report -->")
    assert "fail" in body.splitlines()[1] + body.splitlines()[2] and pull.head[:7] in body
    assert "no idea" in body, "the card allows outputs"
    assert checks(work, pull.head) == [("sluice", "failure")]
    [check] = work.forge.checks
    assert [one["path"] for one in check["annotations"]] == ["prompts/answer.yaml"]


def test_three_runs_of_one_head_and_three_heads_leave_one_comment(bench: Bench, model: TgiServer) -> None:
    work = bench()
    pull = work.pull(edited(WORSE))
    data = work.by_hand(pull, model.url).read_bytes()
    for _ in range(3):
        assert report(work, work.ended(pull, data)).results == {"report": "success"}
    [body] = bodies(work, pull)
    assert pull.head[:7] in body
    heads = [pull.head]
    for words in ("Answer with the very last word, never.", BETTER):
        pull = work.pull(edited(words))
        heads.append(pull.head)
        report(work, work.ended(pull, work.by_hand(pull, model.url).read_bytes()))
    [body] = bodies(work, pull)
    first = "\n".join(body.splitlines()[:8])
    assert heads[2][:7] in first and "pass" in first
    assert all(head[:7] in body for head in heads), "earlier heads keep a line each"
    assert checks(work, heads[2]) == [("sluice", "success")]


def test_a_head_that_moved_is_called_stale(bench: Bench, model: TgiServer) -> None:
    work = bench()
    old = work.pull(edited(WORSE))
    payload = work.ended(old, work.by_hand(old, model.url).read_bytes())
    work.pull(edited(BETTER))
    assert report(work, payload).results == {"report": "success"}
    [body] = bodies(work, old)
    assert "Stale" in body
    assert checks(work, old.head) == [("sluice", "failure")]


def test_a_run_without_a_judgement_is_a_failed_check_and_no_comment(bench: Bench) -> None:
    work = bench()
    pull = work.pull(edited(WORSE))
    assert report(work, work.ended(pull, None, "failure")).results == {"report": "success"}
    assert bodies(work, pull) == []
    assert checks(work, pull.head) == [("sluice", "failure")]


def test_a_fork_is_reported_and_vouches_only_for_data(bench: Bench, model: TgiServer) -> None:
    work = bench()
    pull = work.pull(edited(BETTER), fork="stranger/answers", author="stranger")
    report(work, work.ended(pull, work.by_hand(pull, model.url).read_bytes()))
    assert checks(work, pull.head) == [("sluice", "success")]

    def own_rules(tree: Path) -> None:
        """Gates, assertions, the engine and the workflow, all at once, and a job called like the check."""
        edit_prompt(tree, WORSE)
        for path in ("src/sluice/gate/judge.py", ".github/workflows/pull-request.yml", "scripts/setup"):
            (tree / path).write_text((tree / path).read_text() + "\n# mine now\n")
        (tree / "evals/answer.py").write_text("def always(output, row):\n    return True\n")

    pull = work.pull(own_rules, fork="stranger/answers", author="stranger")
    forged = work.by_hand(pull, model.url).read_bytes().replace(b'"word":"fail"', b'"word":"pass"')
    report(work, work.ended(pull, forged))
    assert checks(work, pull.head) == [("sluice", "action_required")]
    [body] = bodies(work, pull)
    assert "Advice only, it needs a maintainer's run" in body


def test_an_entry_of_the_merge_queue_gets_its_check(bench: Bench, model: TgiServer) -> None:
    work = bench()
    pull = work.pull(edited(BETTER))
    payload = work.ended(pull, work.by_hand(pull, model.url).read_bytes(), event="merge_group")
    assert report(work, payload).results == {"report": "success"}
    assert bodies(work, pull) == []
    assert checks(work, pull.merge) == [("sluice", "success")]


def test_the_app_posts_the_check_where_there_is_one(bench: Bench, model: TgiServer) -> None:
    """So that a ruleset can name the source that it accepts."""
    work = bench()
    pull = work.pull(edited(BETTER))
    payload = work.ended(pull, work.by_hand(pull, model.url).read_bytes())
    app = {"variables": {"SLUICE_APP_ID": str(APP_ID)}, "secrets": {"SLUICE_APP_KEY": APP_KEY}}
    assert report(work, payload, **app).results == {"report": "success"}
    assert [run["app"]["id"] for run in work.forge.checks] == [APP_ID]
    [comment] = work.forge.comments_on(pull.number)
    assert comment["user"]["login"] == "github-actions[bot]"


def _symlink(tmp_path: Path) -> bytes:
    entry = zipfile.ZipInfo("judgement.json")
    entry.external_attr = 0o120777 << 16
    path = tmp_path / "poisoned.zip"
    with zipfile.ZipFile(path, "w") as target:
        target.writestr(entry, "/etc/passwd")
    return path.read_bytes()


def _elsewhere(judgement: bytes) -> bytes:
    """A judgement that names another commit than the one whose run it came from."""
    value = json.loads(judgement)
    return json.dumps({**value, "head_commit": "f" * 40}).encode()


@pytest.mark.parametrize("kind", ["symlink", "traversal", "schema", "commit", "workflow"])
def test_a_poisoned_run_says_nothing_anywhere(bench: Bench, model: TgiServer, tmp_path: Path, kind: str) -> None:
    work = bench()
    pull = work.pull(edited(BETTER))
    honest = work.by_hand(pull, model.url).read_bytes()
    payload = work.ended(pull, None)
    poisoned = {
        "symlink": lambda: _symlink(tmp_path),
        "traversal": lambda: archive({"judgement.json": honest, "../../obeyed": b"x"}),
        "schema": lambda: archive({"judgement.json": b'{"format": 1, "obeyed": "<script>"}'}),
        "commit": lambda: archive({"judgement.json": _elsewhere(honest)}),
        "workflow": lambda: archive({"judgement.json": honest}),
    }[kind]()
    work.forge.give(work.runs, poisoned, pull.head)
    if kind == "workflow":
        payload["workflow_run"]["path"] = payload["workflow"]["path"] = ".github/workflows/mine.yml"
    done = report(work, payload)
    assert done.results == {"report": "failure"}
    assert bodies(work, pull) == [] and checks(work, pull.head) == []
    assert not list(work.place.rglob("obeyed"))
    assert "Traceback" not in done.log


def test_a_forge_that_stumbles_still_gets_one_comment(bench: Bench, model: TgiServer) -> None:
    work = bench()
    pull = work.pull(edited(BETTER))
    work.server.fault("POST", "/issues/7/comments", failed(after=True))
    work.server.fault("GET", "/issues/7/comments", failed(503))
    done = report(work, work.ended(pull, work.by_hand(pull, model.url).read_bytes()))
    assert done.results == {"report": "success"}
    assert len(bodies(work, pull)) == 1
