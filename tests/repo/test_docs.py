"""The documents say what is so: generated pages, the README's commands, links, trees; and nothing about one machine."""

import argparse
import re
import shlex
import sys
from pathlib import Path

import pytest
import yaml

from sluice.assertions import OWN_TYPES, REGISTRY, compile_assertion, judged
from sluice.cli import main, parser
from sluice.cli.verbs import VERBS
from sluice.schema import Assertion

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

import generate  # noqa: E402

README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")])
OTHER_COMMANDS = {"git", "cd", "gh", "ssh-keygen", "kubectl", "helm"}
RUN_HERE = [["check"], ["--help"], ["check", "--rules"]]
"""Commands of the documents that are cheap and change nothing."""

PLACES_OF_ONE_MACHINE = [r"/work/", r"/home/\w", r"/root/", r"/Users/\w", r"(?<![\w.])/tmp/"]
PACKAGE_INDEXES = [r"pypi\.org", r"pythonhosted\.org", r"index-url", r"find-links", r"registry\.npmjs"]


@pytest.fixture(scope="module")
def fresh() -> dict[str, str]:
    return generate.generated()


def test_generated_files_are_up_to_date(fresh: dict[str, str]) -> None:
    stale = [path for path, text in fresh.items() if (ROOT / path).read_text(encoding="utf-8") != text]
    assert not stale, "run scripts/generate"


def test_the_help_in_the_docs_is_the_help_that_is_printed(capsys: pytest.CaptureFixture, monkeypatch) -> None:
    page = (ROOT / "docs/cli.md").read_text(encoding="utf-8")
    monkeypatch.setenv("COLUMNS", str(generate.WIDTH))
    monkeypatch.setenv("NO_COLOR", "1")
    for words in [["--help"], *([verb, "--help"] for verb in VERBS)]:
        assert main(words) == 0
        assert capsys.readouterr().out.rstrip() in page, words


def test_the_assertions_that_the_guide_shows_are_valid() -> None:
    blocks = re.findall(r"```yaml\n(assertions:.*?)```", (ROOT / "docs/metrics.md").read_text("utf-8"), re.DOTALL)
    shown = [Assertion(**one) for block in blocks for one in yaml.safe_load(block)["assertions"]]
    assert len(shown) >= 8
    for one in shown:
        compile_assertion(one)


def test_the_guide_names_every_type_of_its_own_and_no_other() -> None:
    named = re.findall(r"`([a-z-]+)`", (ROOT / "docs/metrics.md").read_text("utf-8").partition("## ")[0])
    types = {name.removeprefix("not-") for name in named}
    asking = {one.name for one in judged.TYPES}
    measures = {name for name in OWN_TYPES - asking if name != "python" and ":" not in name}
    assert types <= set(REGISTRY) and measures <= types | {"rouge-1", "rouge-2", "rouge-lsum"}


def test_the_readme_is_short() -> None:
    assert len(README.splitlines()) < 150


def test_the_tree_names_what_is_on_disk() -> None:
    present = {path.split("/")[0] for path in generate.tracked() if "/" in path}
    assert present <= set(generate.PLACES)
    assert set(re.findall(r"^([\w.]+)/ ", README, re.MULTILINE)) == present


def test_the_readme_has_the_exit_codes_that_the_code_has() -> None:
    from sluice.errors import ExitCode

    assert re.findall(r"^\| (\d+) \|", README, re.MULTILINE) == [str(int(code)) for code in ExitCode]


def commands() -> list[str]:
    """Return the commands in the documents: lines of sh blocks, and inline code that starts as a command."""
    found = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for block in re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
            found += [part.strip() for line in block.splitlines() for part in line.split("&&")]
        found += re.findall(r"`((?:\./scripts/|\.venv/bin/sluice |sluice )[^`]+)`", text)
    return sorted(set(found))


def helped(verb: str, words: list[str]) -> str:
    """Return the help of a verb, and of the action of it that the words name."""
    made = parser(verb)
    groups = [one.choices for one in made._actions if isinstance(one, argparse._SubParsersAction)]
    choices = {name: one for group in groups for name, one in group.items()}
    return "".join(one.format_help() + " " for one in (made, *(choices[word] for word in words[:1] if word in choices)))


@pytest.mark.parametrize("command", commands())
def test_documented_commands_exist_with_their_options(command: str) -> None:
    words = [word for word in shlex.split(command, comments=True) if "=" not in word.split("/")[0]]
    if words[0].startswith("./scripts/"):
        assert (ROOT / words[0]).stat().st_mode & 0o111, words[0]
    elif words[0].removeprefix(".venv/bin/") == "sluice":
        assert words[1] in VERBS or words[1].startswith("-")
        options = [word for word in words[2:] if word.startswith("--")]
        assert not [option for option in options if f"{option} " not in helped(words[1], words[2:])]
    else:
        assert words[0] in OTHER_COMMANDS, command


def test_there_are_commands_to_look_at() -> None:
    assert len(commands()) >= 8


@pytest.mark.parametrize("words", RUN_HERE, ids=" ".join)
def test_cheap_commands_run(words: list[str], capsys: pytest.CaptureFixture) -> None:
    code = main([*words, "--root", str(ROOT)] if words[0] in VERBS else words)
    printed = capsys.readouterr()
    assert code == 0, printed.out + printed.err


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8"))
    broken = [target for target in targets if "://" not in target and not (page.parent / target).exists()]
    assert not broken


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_named_files_exist(page: Path) -> None:
    """Inline code that is a path of this repository, without placeholders, names something that is there."""
    roots = "|".join(re.escape(place) for place in generate.PLACES)
    named = re.findall(rf"`((?:{roots})/[\w./-]+)`", page.read_text(encoding="utf-8"))
    assert not [path for path in named if not (ROOT / path).exists()]


def test_every_page_is_in_the_index() -> None:
    pages = {path.name for path in (ROOT / "docs").glob("*.md")} - {"README.md"}
    index = (ROOT / "docs/README.md").read_text(encoding="utf-8")
    assert pages == set(re.findall(r"\((\w[\w-]*\.md)\)", index))


def test_every_decision_is_in_the_index() -> None:
    notes = {path.name for path in (ROOT / "docs/decisions").glob("*.md")} - {"README.md"}
    index = (ROOT / "docs/decisions/README.md").read_text(encoding="utf-8")
    assert notes == set(re.findall(r"\(([\w-]+\.md)\)", index))


def test_no_tracked_file_names_one_machine_or_a_package_index() -> None:
    pattern = re.compile("|".join([*PLACES_OF_ONE_MACHINE, *PACKAGE_INDEXES]))
    here = Path(__file__).relative_to(ROOT).as_posix()
    found = [
        f"{path}:{number}: {line.strip()[:120]}"
        for path in generate.tracked()
        if path != here
        for number, line in enumerate(_text(path).splitlines(), 1)
        if pattern.search(line) and "--no-emit-" not in line
    ]
    assert not found, "\n".join(found)


def _text(path: str) -> str:
    data = (ROOT / path).read_bytes()
    return "" if b"\0" in data[:8000] else data.decode("utf-8", "replace")
