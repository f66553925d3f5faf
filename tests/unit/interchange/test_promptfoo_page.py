"""The page about promptfoo names every assertion type exactly once, and says of each what happens to it."""

import re
from pathlib import Path

from sluice.assertions import REGISTRY
from sluice.interchange.promptfoo.vocabulary import ALL_TYPES, KEPT, REFUSED, SAME_AS

CONFIGS = Path(__file__).parents[2] / "promptfoo/configs"
PAGE = Path(__file__).parents[3] / "docs/promptfoo.md"


def rows():
    section = PAGE.read_text("utf-8").partition("### Assertion types")[2].partition("\n## ")[0]
    for line in section.splitlines():
        cells = line.strip("| ").split(" | ")
        if line.startswith("| `"):
            yield re.findall(r"`([^`]+)`", cells[0]), cells[1]


def test_every_type_stands_in_the_table_once():
    named = [name for names, _ in rows() for name in names]
    assert sorted(named) == sorted(ALL_TYPES)


def test_the_table_says_what_the_import_does():
    for names, told in rows():
        assert all((name in REFUSED) == told.startswith("refused") for name in names), names
        assert (
            all(name in KEPT for name in names) or told.startswith("refused") or names in (["assert-set"], ["python"])
        )


def test_every_kept_type_is_known_here():
    assert {SAME_AS.get(name, name) for name in KEPT} <= set(REGISTRY)


def test_every_kept_type_and_its_opposite_is_compared_with_the_real_one():
    texts = [path.read_text("utf-8") for path in CONFIGS.rglob("*.yaml")]
    used = {name for text in texts for name in re.findall(r"type: ([a-z0-9-]+)", text)}
    wanted = {f"{sign}{name}" for name in (*KEPT, "python") for sign in ("", "not-")} | {"assert-set"}
    assert wanted <= used, sorted(wanted - used)
