"""Writes the files and passages that are made from code, so that they cannot drift; `--check` only compares."""

from __future__ import annotations

import argparse
import ast
import contextlib
import io
import json
import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import yaml

from sluice.assertions import NEGATION, OWN_TYPES, REGISTRY
from sluice.catalog import DIRECTORIES
from sluice.checks import RULES
from sluice.cli import main, parser, usage
from sluice.cli.verbs import VERBS
from sluice.schema import KINDS

ROOT = Path(__file__).resolve().parent.parent
RED_JUDGEMENT = "tests/fixtures/demo/red.json"
WIDTH = 100
"""Columns of help texts and of the example in the README."""

TREE_COLUMN = 31
NOTICE = "<!-- Written by scripts/generate; edit the code that it is made from. -->\n"

PLACES = {
    "prompts": "what is sent to a model: messages, inputs, parameters, output contract",
    "datasets": "cases as JSON Lines, each file with a card beside it",
    "evals": "suites: prompt x dataset x assertions x gates",
    "models": "what is served, exactly and how; the embedded model's weights",
    "infra": "what runs in each environment, and public keys that evidence is verified with",
    "src": "the engine, one package: docs/house.md says which room may import which",
    "scripts": "one command per file, for people and for CI",
    "tests": "unit/ mirrors src, cli/ runs commands, repo/ holds this repository to its own rules",
    "docs": "guides, decisions, and pages made from code",
    ".ci": "what CI runs on a clean clone",
    ".github": "workflows, who owns which files, and the settings of the forge",
    ".vscode": "schemas for the YAML files while you type",
}
"""Directory -> what lies in it, where there is one; a test compares the keys with the disk."""


def generated() -> dict[str, str]:
    """Return path -> text of every file that is made from code."""
    return {
        **_schemas(),
        "docs/cli.md": _cli_page(),
        "docs/rules.md": _rules_page(),
        "docs/assertions.md": _assertions_page(),
        "docs/tree.md": _tree_page(),
        "README.md": _readme(),
    }


def _schemas() -> dict[str, str]:
    return {f"src/sluice/schemas/{kind}.json": _schema(kind) for kind in KINDS}


def _schema(kind: str) -> str:
    body = KINDS[kind].model_json_schema(by_alias=True)
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": f"Sluice: {kind}"}
    return json.dumps({**body, **head}, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _cli_page() -> str:
    """Return the help of `sluice` and of each verb, as a terminal of WIDTH columns shows it."""
    parts = ["# The command line\n", NOTICE, _fence(usage())]
    parts += [f"## sluice {name}\n\n{_fence(help_of(name))}" for name in VERBS]
    return "\n".join(parts)


def help_of(verb: str) -> str:
    """Return the help text of one verb."""
    os.environ.update(COLUMNS=str(WIDTH), NO_COLOR="1")
    return parser(verb).format_help()


def _fence(text: str) -> str:
    return f"```text\n{text.rstrip()}\n```\n"


def _rules_page() -> str:
    intro = (
        f"The {len(RULES)} rules of `sluice check`. A finding names its rule; `tests/fixtures/invalid/` has a small\n"
        "repository that breaks exactly that rule.\n"
    )
    return "\n".join(["# Rules\n", NOTICE, intro, _printed("check", "--rules", "--format", "markdown")])


def _assertions_page() -> str:
    """Return each type of assertion with its exact meaning; opposites are said once."""
    bases = {name: item for name, item in REGISTRY.items() if not name.startswith(NEGATION)}
    intro = (
        f"The {len(bases)} types of a suite's assertions. `{NEGATION}` in front of a type is its opposite: it passes\n"
        "where the type fails. A `binary` type says yes or no, a `continuous` one gives a value from 0 to 1, whose\n"
        "mean a gate compares. Types under the first heading mean what they mean in promptfoo.\n"
    )
    parts = ["# Assertion types\n", NOTICE, intro]
    for title, own in (("promptfoo's", False), ("Sluice's own", True)):
        parts.append(f"## {title}\n\n| type | kind | meaning |\n|---|---|---|")
        chosen = [item for name, item in sorted(bases.items()) if (name in OWN_TYPES) == own]
        cells = [item.title[0].upper() + item.title[1:].replace("|", "\\|") for item in chosen]
        parts.append(
            "\n".join(f"| `{one.name}` | {one.kind} | {cell}. |" for one, cell in zip(chosen, cells, strict=True))
        )
        parts.append("")
    return "\n".join(parts)


def _printed(*words: str) -> str:
    """Return what a command prints."""
    with contextlib.redirect_stdout(io.StringIO()) as out:
        code = main(words)
    if code not in (0, 1, 4):
        raise SystemExit(f"sluice {' '.join(words)} ended with {code}")
    return out.getvalue()


def _tree_page() -> str:
    """Return every module of the engine and every script with its own first sentence."""
    parts = ["# Every module and script\n", NOTICE, "## src/sluice\n"]
    parts += [_room(path) for path in sorted((ROOT / "src/sluice").iterdir()) if _is_room(path)]
    scripts = [path for path in sorted((ROOT / "scripts").iterdir()) if path.is_file()]
    return "\n".join([*parts, "\n## scripts\n", *(f"- `{path.name}`: {_first_words(path)}" for path in scripts), ""])


def _is_room(path: Path) -> bool:
    return path.suffix == ".py" or (path / "__init__.py").is_file()


def _room(path: Path) -> str:
    if path.is_file():
        return f"- `{path.stem}`: {_first_words(path)}"
    lines = [f"- `{path.name}/`: {_first_words(path / '__init__.py')}"]
    modules = [module for module in sorted(path.glob("*.py")) if module.stem not in ("__init__", "__main__")]
    return "\n".join([*lines, *(f"  - `{module.stem}`: {_first_words(module)}" for module in modules)])


def _first_words(path: Path) -> str:
    """Return the first sentence of a module's docstring, or of a script's opening comment."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py" or "python" in text.splitlines()[0]:
        text = ast.get_docstring(ast.parse(text)) or ""
    else:
        comments = [line for line in text.splitlines()[1:] if line.startswith("#")]
        text = " ".join(line.removeprefix("#").strip() for line in comments)
    return re.split(r"(?<=\.)\s", " ".join(text.split()))[0]


def _readme() -> str:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for name, make in {"tree": _readme_tree, "demo": _readme_demo}.items():
        text = _replaced(text, name, make)
    return text


def _replaced(text: str, name: str, make: Callable[[], str | None]) -> str:
    """Return the text with what stands between two markers made anew; left alone where there is nothing to make."""
    passage = make()
    pattern = re.compile(rf"(<!-- {name}:start -->\n).*?(<!-- {name}:end -->)", re.DOTALL)
    if passage is None:
        return text
    return pattern.sub(lambda found: found[1] + _fence(passage) + found[2], text)


def _readme_tree() -> str:
    return "\n".join(_tree_lines())


def _tree_lines() -> Iterator[str]:
    listed = {DIRECTORIES[kind] for kind in ("prompt", "suite")}
    present = {path.split("/")[0] for path in tracked() if "/" in path}
    for name, words in PLACES.items():
        if name not in present:
            continue
        yield f"{name + '/':<{TREE_COLUMN}}{words}"
        if name in listed:
            yield from map(_tree_file, sorted((ROOT / name).glob("*.yaml")))


def _tree_file(path: Path) -> str:
    """Return a file's line: its name, and the first clause of its own description."""
    description = str(yaml.safe_load(path.read_text(encoding="utf-8"))["description"])
    clause = re.split(r"[.,;:]\s", description.strip().rstrip("."))[0]
    return f"  {path.name:<{TREE_COLUMN - 3}} {textwrap.shorten(clause, WIDTH - TREE_COLUMN, placeholder=' ...')}"


def _readme_demo() -> str | None:
    """Return the report of a real red verdict that `scripts/demo --record` stored, as far as the worst case."""
    if not (ROOT / RED_JUDGEMENT).is_file():
        return None
    os.environ.update(COLUMNS=str(WIDTH), NO_COLOR="1")
    report = _printed("report", str(ROOT / RED_JUDGEMENT), "--cases", "1")
    lines = [line.rstrip() for line in report.splitlines()]
    shown = next((at for at, line in enumerate(lines) if re.match(r"\d+ repaired|No slice", line)), len(lines))
    return "\n".join([*lines[:shown], "… (repaired, slices, latency, cost, what was reused, and what to do next)"])


def tracked() -> list[str]:
    """Return the files that Git has or would add."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    return sorted(path for path in set(found) if (ROOT / path).is_file())


def run() -> int:
    """Write what differs, or only name it; return the exit code."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--check", action="store_true", help="write nothing; fail where a file differs")
    check = options.parse_args().check
    stale = {path: text for path, text in generated().items() if not _equals(ROOT / path, text)}
    for path, text in stale.items():
        print(f"{'differs' if check else 'written'}: {path}")
        if not check:
            (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
            (ROOT / path).write_text(text, encoding="utf-8")
    return 1 if check and stale else 0


def _equals(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == text


if __name__ == "__main__":
    sys.exit(run())
