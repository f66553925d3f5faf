"""The case is a dataset's row by its id, or JSON inputs given with --inputs.

With --environment ENV (or `all`) it shows manifests instead: those that would be released, or with --base what differs
between base and head, with what the lock says in words, GPUs, and what a release would be refused for besides evidence.
Nothing is released, and no evidence is asked. Exit 1 where something would be refused, 4 where nothing can be rendered.

Where the prompt declares retrieval, a case gets its passages as its suite does (a suite that retrieves comes first),
and JSON inputs that give none get them retrieved; text and Markdown list them with their scores (BM25).
"""

from __future__ import annotations

import argparse
import difflib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from sluice.catalog import Catalog
from sluice.checks import RULES
from sluice.checks.json_schemas import CompiledSchema, compile_schema
from sluice.checks.rule import Context
from sluice.cli.options import Repository, add_format, add_root, repository
from sluice.errors import ExitCode, InvalidFiles, UsageError, nearest
from sluice.report.visible import visible
from sluice.retrieval import Hit, RetrievalProblem, Retriever, retriever_for
from sluice.runner.requests import render_messages
from sluice.schema import Prompt
from sluice.template import TemplateProblem

_WIDTH = 120


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's options."""
    parser.add_argument("prompt", nargs="?", help="the prompt's name")
    parser.add_argument("case", nargs="?", help="a case id of a dataset that a suite pairs with this prompt")
    parser.add_argument("--inputs", metavar="JSON", help="the inputs, instead of a case")
    parser.add_argument("--revision", metavar="REV", help="render the prompt of a Git revision")
    manifests = parser.add_argument_group("manifests")
    manifests.add_argument("--environment", metavar="ENV", help="render this environment's manifests, or `all`")
    manifests.add_argument("--base", metavar="REV", help="show what differs from this revision")
    manifests.add_argument("--head", metavar="REV", help="render this revision (default: the working tree)")
    manifests.add_argument("--output", metavar="FILE", help="write the difference as JSON to FILE too")
    add_root(parser)
    add_format(parser)


def run(arguments: argparse.Namespace) -> ExitCode:
    """Print the rendered messages, or manifests."""
    if arguments.environment is not None:
        from sluice.cli.rendering import render_environments

        return render_environments(repository(arguments), arguments)
    if arguments.prompt is None or arguments.base or arguments.head or arguments.output:
        raise UsageError("name a prompt, or an environment: --base, --head and --output are for --environment ENV")
    return _render_prompt(repository(arguments), arguments)


def _render_prompt(repo: Repository, arguments: argparse.Namespace) -> ExitCode:
    catalog = repo.at(arguments.revision) if arguments.revision else repo.working()
    if arguments.case is not None and arguments.inputs is not None:
        raise UsageError("a case has its own inputs; give a case or --inputs, not both")
    prompt = _usable(catalog.require_valid(), arguments.prompt)
    if arguments.inputs is None:
        row = _row(catalog, arguments.prompt, arguments.case)
    else:
        row = _fitting(_inputs(arguments.inputs), prompt)
    given = prompt.retrieval is None or prompt.retrieval.into in row
    retriever = None if given else retriever_for(catalog, prompt)
    try:
        hits = retriever.hits(row) if retriever else []
        messages = render_messages(prompt, retriever.filled(row) if retriever else row)
    except (TemplateProblem, RetrievalProblem) as problem:
        raise UsageError(f"these inputs cannot be rendered: {problem}") from None
    if arguments.format == "json":
        print(_json([{"role": one.role, "content": one.content} for one in messages]))
    else:
        blocks = [_retrieved(retriever, hits)] if retriever else []
        print("\n\n".join([*blocks, *(f"[{message.role}]\n{visible(message.content)}" for message in messages)]))
    return ExitCode.OK


def _json(value: Any) -> str:
    """Return JSON of the same value in which no character steers a terminal."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    return "".join(one if visible(one) == one else json.dumps(one)[1:-1] for one in text)


def _retrieved(retriever: Retriever, hits: Sequence[Hit]) -> str:
    """Return one line for each passage: its score, then its fields, cut to the width of a screen."""
    lines = (f"{hit.score:8.3f}  {visible(json.dumps(hit.passage, ensure_ascii=False))}" for hit in hits)
    heading = f"[{retriever.retrieval.into}, retrieved from {retriever.retrieval.corpus}]"
    return "\n".join([heading, *(line if len(line) <= _WIDTH else line[: _WIDTH - 1] + "…" for line in lines)])


def _inputs(text: str) -> Mapping[str, Any]:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise UsageError(f"--inputs is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise UsageError("--inputs must be a JSON object of input name and value")
    return value


def _usable(catalog: Catalog, name: str) -> Prompt:
    """Return a prompt; raise InvalidFiles where a rule about its templates, inputs or schemas finds an error."""
    entry, context = catalog.prompt(name), Context(catalog)
    checkers = dict.fromkeys(RULES[rule].check for rule in ("template-invalid", "schema-invalid"))
    found = {one for checker in checkers if checker for one in checker(context) if one.path == entry.path}
    errors = sorted(one for one in found if one.severity == "error")
    if errors:
        raise InvalidFiles(errors)
    return entry.value


def _fitting(given: Mapping[str, Any], prompt: Prompt) -> Mapping[str, Any]:
    """Return the inputs where they are what the prompt declares; what is retrieved may be left out."""
    retrieved = prompt.retrieval.into if prompt.retrieval else None
    problems = [
        f"no input {name!r} is declared; {nearest(name, prompt.inputs)}" for name in given.keys() - prompt.inputs
    ]
    for name, schema in prompt.inputs.items():
        if name not in given:
            problems += [] if name == retrieved else [f"no value for {name!r}"]
        elif isinstance(compiled := compile_schema(schema), CompiledSchema):
            problems += [f"{name}: found {one.found}, expected {one.expected}" for one in compiled.misfits(given[name])]
    if problems:
        raise UsageError(f"these inputs do not fit the prompt: {'; '.join(sorted(problems))}")
    return given


def _row(catalog: Catalog, prompt: str, case: str | None) -> Mapping[str, Any]:
    """Return the row of a case id, or the first row there is; without what its suite retrieves."""
    suites = [entry.value for entry in catalog.suites.values() if entry.value.prompt == prompt]
    suites = sorted((suite for suite in suites if suite.dataset in catalog.datasets), key=lambda one: one.retrieves)
    retrieval = catalog.prompts[prompt].value.retrieval
    rows: dict[str, Mapping[str, Any]] = {}
    for suite in suites:
        dataset, taken = catalog.datasets[suite.dataset], retrieval.into if retrieval and suite.retrieves else None
        rows |= {dataset.case_id(row): {key: row[key] for key in row if key != taken} for row in dataset.rows}
    if not rows:
        raise UsageError(f"no suite gives {prompt!r} a dataset; pass --inputs")
    if case is None:
        return next(iter(rows.values()))
    if case not in rows:
        close = difflib.get_close_matches(case, list(rows), n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise UsageError(f"no case {case!r} in the datasets of {prompt!r}{hint}")
    return rows[case]
