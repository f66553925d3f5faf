"""The command line: parse, call one verb, render, exit. Verbs are imported when they are used."""

from __future__ import annotations

import argparse
import contextlib
import gc
import importlib
import io
import sys
from collections.abc import Sequence

from sluice import __version__
from sluice.cli import interrupts
from sluice.cli.delivery import delivering, speaking
from sluice.cli.guard import guarded
from sluice.cli.verbs import VERBS
from sluice.errors import CannotJudge, ExitCode, Finding, InvalidFiles, SluiceError, UsageError, nearest
from sluice.report.findings import finding_line, tally
from sluice.report.visible import one_line

DESCRIPTION = "Judge changes of prompts, datasets and models by paired evals."
EXIT_CODES = (
    "exit codes: 0 yes, 1 the gate says no, 2 usage, 3 the files are invalid, "
    "4 cannot judge (inconclusive, invalid, interrupted), 70 a bug in Sluice"
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    interrupts.take_over()
    # Nearly all that a command makes lives to its end: looking for garbage often finds none and costs a tenth of it.
    gc.set_threshold(100_000, 50, 50)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    with speaking():
        try:
            with delivering(), guarded():
                return _exit_code(words)
        except CannotJudge as error:  # what the verb printed last, or all of it, found no reader
            _complain(str(error))
            return int(error.exit_code)


def _exit_code(words: list[str]) -> int:
    """Run one command; the only place that turns errors into codes."""
    try:
        return int(_dispatch(words))
    except InvalidFiles as error:
        _print_findings(error.findings)
        return int(error.exit_code)
    except SluiceError as error:
        _complain(str(error))
        return int(error.exit_code)
    except KeyboardInterrupt:
        _complain(interrupts.MESSAGE)
        return int(ExitCode.CANNOT_JUDGE)
    except BrokenPipeError:
        # The reader of our output is gone (`| head`): not an error of ours, and not one to print about.
        return int(ExitCode.OK)
    except SystemExit as stop:
        return int(stop.code or 0)
    except Exception:
        import traceback

        traceback.print_exc()
        _complain("this is a bug in Sluice, not in your files: please report the lines above")
        return int(ExitCode.BUG)


def _dispatch(words: list[str]) -> int:
    if not words or words[0] in ("-h", "--help", "help"):
        print(usage(), end="")
        return ExitCode.OK if words else ExitCode.USAGE
    if words[0] in ("-V", "--version"):
        print(f"sluice {__version__}")
        return ExitCode.OK
    name = words[0]
    if name.startswith("-"):
        raise UsageError(f"no option {name} before the verb; options follow it: sluice VERB {name} (sluice --help)")
    if name not in VERBS:
        raise UsageError(f"no verb {name!r}; {nearest(name, VERBS)} (sluice --help)")
    module = importlib.import_module(f"sluice.cli.{VERBS[name].module}")
    arguments = parser(name).parse_args(words[1:])
    return int(module.run(arguments))


def parser(name: str) -> argparse.ArgumentParser:
    """Build the parser of one verb."""
    module = importlib.import_module(f"sluice.cli.{VERBS[name].module}")
    built = argparse.ArgumentParser(
        prog=f"sluice {name}",
        description=f"{VERBS[name].summary}\n\n{(module.__doc__ or '').strip()}",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    module.add_arguments(built)
    return built


def usage() -> str:
    """Return the text of `sluice --help`, made from the registry alone so that it starts fast."""
    width = max(map(len, VERBS)) + 2
    lines = [f"  {name.ljust(width)}{verb.summary}" for name, verb in VERBS.items()]
    return "\n".join(
        ["usage: sluice VERB [options]", "", DESCRIPTION, "", "verbs:", *lines, "",
         "sluice VERB --help tells more.", EXIT_CODES, ""]
    )  # fmt: skip


def _print_findings(findings: Sequence[Finding]) -> None:
    with contextlib.suppress(BrokenPipeError):
        for finding in findings:
            print(finding_line(finding))
    print(tally(findings), file=sys.stderr)


def _complain(message: str) -> None:
    print(f"sluice: {one_line(message)}", file=sys.stderr)
