"""Imports of other harnesses' runs: what they stored becomes a stored judgement that is shown and never evidence."""

from __future__ import annotations

import argparse
import importlib
import os
from dataclasses import asdict
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from sluice.cli.options import add_format, add_root, count, repository
from sluice.cli.writing import refuse_unwritable, write_whole
from sluice.errors import CannotJudge, ExitCode, UsageError
from sluice.interchange.foreign import judgement_of
from sluice.report.json import to_json

if TYPE_CHECKING:
    from sluice.cli.options import Repository
    from sluice.providers.base import Identity
    from sluice.providers.endpoint import Endpoint
    from sluice.schema import Model

READERS = {"lm-eval": "lm_eval", "inspect": "inspect_log"}
"""Harness -> the module of `interchange` whose `read_runs` reads what it stores."""
MARGIN = 0.05


def add_arguments(parser: argparse.ArgumentParser, kind: str) -> None:
    """Add the options of an import of runs."""
    what = "results_*.json or the directory around it" if kind == "lm-eval" else "a log, .eval or .json"
    parser.add_argument("results", metavar="RESULTS", help=what)
    parser.add_argument("--base", metavar="RESULTS", help="the same of another model, to compare with")
    parser.add_argument("--output", metavar="FILE", required=True, help="where the stored judgement goes")
    parser.add_argument(
        "--outputs", choices=("public", "artifact", "none"), default="artifact",
        help="where questions and answers may be shown, as on a dataset's card (default: artifact)",
    )  # fmt: skip
    parser.add_argument(
        "--margin",
        type=_share,
        default=MARGIN,
        metavar="DROP",
        help=f"the drop that is asked about (default: {MARGIN})",
    )
    if kind == "lm-eval":
        _add_running(parser)
    add_root(parser)
    add_format(parser)


def _add_running(parser: argparse.ArgumentParser) -> None:
    running = parser.add_argument_group("running it first", "the model is served where SLUICE_ENDPOINT says")
    running.add_argument("--run", metavar="TASK", help="run this task; its results go to RESULTS, a directory")
    running.add_argument("--model", metavar="NAME", help="the model of this repository that answers")
    running.add_argument("--include", metavar="DIR", help="where files of own tasks lie")
    running.add_argument("--limit", type=count, metavar="N", help="only the first N documents")
    running.add_argument("--program", default="lm_eval", metavar="FILE", help="the harness (default: lm_eval on PATH)")
    running.add_argument("--online", action="store_true", help="let it fetch datasets (default: offline)")


def _share(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no share between 0 and 1")
    return value


def run(arguments: argparse.Namespace) -> ExitCode:
    """Read both sides, store the comparison and show it; exit 0, for no verdict is taken from it."""
    from sluice.cli.judging import rendered

    output = Path(arguments.output)
    refuse_unwritable(output)
    if getattr(arguments, "run", None):
        _run(repository(arguments), arguments)
    reader = importlib.import_module(f"sluice.interchange.{READERS[arguments.kind]}")
    heads = reader.read_runs(Path(arguments.results))
    bases = reader.read_runs(Path(arguments.base)) if arguments.base else []
    judgement = judgement_of(heads, bases, arguments.outputs, arguments.margin)
    write_whole(output, chain(to_json(judgement), [b"\n"]))
    print(rendered(judgement, arguments.format, 3), end="")
    return ExitCode.OK


def _run(repo: Repository, arguments: argparse.Namespace) -> None:
    """Run a task on a server that is what the model file names, and note beside its results who answered."""
    from sluice.interchange.lm_eval import ANSWERED, Answered
    from sluice.interchange.lm_eval_running import Task, run_task
    from sluice.providers.endpoint import ENDPOINT_VARIABLE, endpoint_for

    if not arguments.model:
        raise UsageError("--run needs --model NAME, a model of this repository")
    model = repo.working().model(arguments.model).value
    endpoint = endpoint_for(arguments.model, os.environ)
    if endpoint is None:
        raise CannotJudge(f"{ENDPOINT_VARIABLE} names no server that serves {arguments.model}")
    identity = _identity(arguments.model, model, endpoint)
    # TGI takes any other value of `model` for the id of a LoRA adapter.
    served_as = "tgi" if identity.engine == "tgi" else identity.model
    include = Path(arguments.include) if arguments.include else None
    task = Task(arguments.run, include, model.serving.concurrency, arguments.limit, arguments.online)
    output = Path(arguments.results)
    run_task(arguments.program, task, served_as, endpoint, output, os.environ)
    answered = Answered(model=arguments.model, server=asdict(identity))
    write_whole(output / ANSWERED, [answered.model_dump_json(indent=2).encode(), b"\n"])


def _identity(name: str, model: Model, endpoint: Endpoint) -> Identity:
    from sluice.providers.openai import OpenAIProvider

    provider = OpenAIProvider(model, name, endpoint.url, endpoint.api_key)
    try:
        return provider.identity()
    finally:
        provider.close()
