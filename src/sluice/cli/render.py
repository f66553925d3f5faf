"""The case is a dataset's row by its id, or JSON inputs given with --inputs."""

from __future__ import annotations

import argparse
import difflib
import json
from collections.abc import Mapping
from typing import Any

from sluice.catalog import Catalog
from sluice.cli.options import add_format, add_root, repository
from sluice.errors import ExitCode, UsageError
from sluice.runner.requests import render_messages
from sluice.template import TemplateProblem


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's options."""
    parser.add_argument("prompt", help="the prompt's name")
    parser.add_argument("case", nargs="?", help="a case id of a dataset that a suite pairs with this prompt")
    parser.add_argument("--inputs", metavar="JSON", help="the inputs, instead of a case")
    parser.add_argument("--revision", metavar="REV", help="render the prompt of a Git revision")
    add_root(parser)
    add_format(parser)


def run(arguments: argparse.Namespace) -> ExitCode:
    """Print the rendered messages."""
    repo = repository(arguments)
    catalog = repo.at(arguments.revision) if arguments.revision else repo.working()
    prompt = catalog.require_valid().prompt(arguments.prompt).value
    row = _inputs(arguments.inputs) if arguments.inputs else _row(catalog, arguments.prompt, arguments.case)
    try:
        messages = render_messages(prompt, row)
    except TemplateProblem as problem:
        raise UsageError(f"these inputs cannot be rendered: {problem}") from None
    if arguments.format == "json":
        print(
            json.dumps([{"role": one.role, "content": one.content} for one in messages], indent=2, ensure_ascii=False)
        )
    else:
        print("\n\n".join(f"[{message.role}]\n{message.content}" for message in messages))
    return ExitCode.OK


def _inputs(text: str) -> Mapping[str, Any]:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise UsageError(f"--inputs is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise UsageError("--inputs must be a JSON object of input name and value")
    return value


def _row(catalog: Catalog, prompt: str, case: str | None) -> Mapping[str, Any]:
    """Return the row of a case id, or the first row there is."""
    suites = [entry.value for entry in catalog.suites.values() if entry.value.prompt == prompt]
    datasets = [catalog.datasets[suite.dataset] for suite in suites if suite.dataset in catalog.datasets]
    rows = {dataset.case_id(row): row for dataset in datasets for row in dataset.rows}
    if not rows:
        raise UsageError(f"no suite gives {prompt!r} a dataset; pass --inputs")
    if case is None:
        return next(iter(rows.values()))
    if case not in rows:
        close = difflib.get_close_matches(case, list(rows), n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise UsageError(f"no case {case!r} in the datasets of {prompt!r}{hint}")
    return rows[case]
