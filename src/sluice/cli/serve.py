"""A container is told exactly what a release's pod is told. The command is shown first; the log lies in .sluice/serve.

Engines `tgi` and `vllm` need Docker or Podman, and the weights in this repository or in the hub's cache; `--engine
local` needs neither: it starts `transformers serve` on the CPU. Ctrl-C ends the server; a container that a killed
sluice left behind is removed by the next one.
"""

from __future__ import annotations

import argparse

from sluice.cli.options import add_environment, add_root, repository, served_in
from sluice.cli.serving import add_serving_options, say, wish_of
from sluice.errors import CannotJudge, ExitCode
from sluice.providers.endpoint import ENDPOINT_VARIABLE, ENGINE_VARIABLE, variable_for

_PORTS = range(1, 65536)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's options."""
    parser.add_argument("model", help="the model's name")
    add_serving_options(parser, flag=False)
    parser.add_argument("--weights", metavar="DIR", help="where a hub's weights lie (default: in the hub's cache)")
    parser.add_argument("--port", type=_port, metavar="N", help="answer at this port (default: a free one)")
    parser.add_argument("--dry-run", action="store_true", help="print the command, start nothing")
    add_environment(parser)
    add_root(parser)


def run(arguments: argparse.Namespace) -> ExitCode:
    """Serve until interrupted; exit 4 where the server cannot be started or ends by itself."""
    from sluice.serving.servers import prepared, serving, shown

    repo, wish = repository(arguments), wish_of(arguments)
    catalog = served_in(repo.working(), arguments)
    start = prepared(catalog, arguments.model, repo.state, wish, say, dry=arguments.dry_run)
    print(shown(start), flush=True)
    if arguments.dry_run:
        return ExitCode.OK
    with serving(start, repo.state, say, wish) as running:
        try:
            print(f"export {variable_for(ENDPOINT_VARIABLE, arguments.model)}={running.url}")
            if arguments.engine:
                print(f"export {variable_for(ENGINE_VARIABLE, arguments.model)}={arguments.engine}")
            print(f"{arguments.model} is healthy; log: {running.log}; Ctrl-C ends it", flush=True)
            status = running.wait()
        except KeyboardInterrupt:
            say(f"{arguments.model} is stopped")
            return ExitCode.OK
    raise CannotJudge(f"{arguments.model} ended by itself with status {status}; its log is {running.log}")


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) not in _PORTS:
        raise argparse.ArgumentTypeError(f"{text!r} is no port")
    return int(text)
