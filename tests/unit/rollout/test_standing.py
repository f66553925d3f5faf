"""Where an environment stands, in one word and on one screen."""

import json

import pytest
from unit.rollout.memory import Heard, MemoryCluster, Server, become_ready, config, deployment, made

from sluice.cli.rollout_text import screen
from sluice.rollout.apply import Settings, rollout
from sluice.rollout.drift import Difference
from sluice.rollout.health import Health
from sluice.rollout.ledger import Step
from sluice.rollout.objects import Change, Ref
from sluice.rollout.release import Release
from sluice.rollout.standing import Standing, standing

FAST = Settings(timeout=0.2, poll=0.01, lease=1)
TGI = Ref("apps", "Deployment", "portal", "tgi")


def step(number, **more):
    return Step(release=f"sha256:{number:064x}", number=number, commit="c" * 40, at="2026-11-22T12:00:00Z", **more)


@pytest.fixture
def server():
    return Server(react=become_ready)


def roll(server, release):
    return rollout(MemoryCluster(server=server), release, Heard(), FAST)


def state(server, release):
    return standing(MemoryCluster(server=server), release).state


def test_each_state_in_one_word(server):
    one, two = made(1, deployment("tgi")), made(2, deployment("tgi", "two"))
    assert state(server, one) == "empty"
    roll(server, one)
    assert state(server, one) == "as wished"
    assert state(server, two) == "behind"
    server.objects[TGI]["spec"]["replicas"] = 3
    assert state(server, one) == "drifted"
    roll(server, one)
    server.objects[TGI]["status"]["availableReplicas"] = 0
    assert state(server, one) == "unhealthy"
    server.react = lambda value: None if "two" in str(value.get("spec")) else become_ready(value)
    roll(server, two)
    assert state(server, two) == "failed"


def test_a_rollout_that_was_killed_is_under_way(server):
    one = made(1, deployment("tgi"))
    found = Standing(one, step(1), step(2), (), ())
    assert found.state == "under way"
    assert state(server, one) == "empty"


def crowded(number: int) -> Standing:
    wish: Release = made(7, config("bundle"))
    reason = "pod tgi-0 cannot be scheduled: 0/3 nodes are available: 3 Insufficient nvidia.com/gpu. " * 3
    changed = tuple(Change(f"spec.field{index}", "x" * 100, None) for index in range(number))
    return Standing(
        wish, step(6), step(7, failure=reason), (Health(TGI, "waiting", reason),),
        (Difference(TGI, "changed", changed, ("kubectl-edit",)),),
    )  # fmt: skip


def test_a_crowded_screen_stays_in_80_columns_and_says_that_there_is_more():
    text = screen(crowded(30), "https://" + "cluster." * 12 + "test", ("answer: pass (verdict) on tgi",), "text")
    lines = text.splitlines()
    assert max(map(len, lines)) <= 110, "only an address that cannot be broken may be longer"
    assert sum(len(line) > 80 for line in lines) <= 1
    assert lines[0] == "staging: failed"
    assert any("more lines; --format json has all" in line for line in lines)
    assert len(lines) <= 50


def test_json_has_everything_and_markdown_is_fenced():
    told = json.loads(screen(crowded(30), "https://x", (), "json"))
    assert told["format"] == 1 and len(told["differences"][0]["changes"]) == 30
    assert told["cluster"]["attempt"]["number"] == 7 and told["differences"][0]["by"] == ["kubectl-edit"]
    assert screen(crowded(1), "https://x", (), "markdown").startswith("~~~~text\n")


def test_what_a_pod_says_commands_no_terminal():
    wish = made(7, config("bundle"))
    told = "boom \x1b[2J gone\n::error::obeyed ~~~~"
    found = Standing(wish, step(7), None, (Health(TGI, "waiting", told),), ())
    for style in ("text", "markdown"):
        text = screen(found, "https://x", (), style)
        assert "\x1b" not in text and "\n::error" not in text
    assert text.count("~~~~") == 2
