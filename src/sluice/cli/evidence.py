"""Evidence lies on the branch `evidence`; reading and verifying needs no network. `sluice evidence ACTION --help`.

list                        every statement: what it is about, what it says, whether it verifies
show DIGEST                 one statement, by its digest or the first digits of it
verify --all | DIGEST ...   signatures, digests and every result, by the keys of main (--keys REV for another revision)
fetch                       bring the branch here from origin; where there is none yet, say so
record --push               sign and store the runs and verdicts of a judgement of commits on main
accept SUITE --push         sign and store that a person accepts --case ID, --metric NAME or --removal, with --reason
keygen DIR                  make a pair of keys, the secret one in DIR, the public one here; --name makes a second pair

`record` and `accept` sign with the key in SLUICE_EVIDENCE_KEY, and in a workflow only where that runs on main. What is
recorded is on main; what is accepted is a commit that changes something (--head REV), by somebody who did not write it.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from sluice.cli.options import add_environment, add_format, add_root, add_sides, count, repository
from sluice.errors import CannotJudge, ExitCode

if TYPE_CHECKING:
    from sluice.evidence.branch import Branch
    from sluice.evidence.keys import Keys

DAYS = 30


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the actions and their options."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    _reading(actions.add_parser("list"))
    shown, verified = _reading(actions.add_parser("show")), _reading(actions.add_parser("verify"))
    shown.add_argument("digest", metavar="DIGEST", help="the digest, or its first digits (at least 4)")
    verified.add_argument("digests", nargs="*", metavar="DIGEST", help="digests, or their first digits")
    verified.add_argument("--all", action="store_true", help="everything, and the history of the branch")
    add_root(actions.add_parser("fetch"))
    _recording(actions.add_parser("record"))
    _accepting(actions.add_parser("accept"))
    keys = actions.add_parser("keygen")
    keys.add_argument(
        "directory", metavar="DIR", help="where the secret key goes: a directory outside the repository; - prints it"
    )
    keys.add_argument("--name", default="evidence", help="the name of both files (default: evidence)")
    add_root(keys)


def _reading(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser.add_argument("--keys", metavar="REV", help="trust the public keys of this revision (default: of main)")
    add_root(parser)
    add_format(parser)
    return parser


def _recording(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--judgement", metavar="FILE", help="a stored judgement (default: the last one)")
    add_environment(parser)
    parser.add_argument("--heads", type=count, metavar="N", help="how many heads of this change were judged")
    parser.add_argument(
        "--renew", type=count, metavar="DAYS", help="record again what is known and older (default: known is known)"
    )
    parser.add_argument("--push", action="store_true", help="bring it to origin too; fetches and tries again")
    add_root(parser)


def _accepting(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("suite", help="the suite; with --removal the suite or prompt that is gone")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--case", action="append", default=[], dest="cases", metavar="ID", help="a case; repeatable")
    what.add_argument("--metric", metavar="NAME", help="a gated metric, failing, undecided or gone")
    what.add_argument("--removal", action="store_true", help="that a gated suite, or a prompt's last one, is gone")
    parser.add_argument("--reason", required=True, help="why, in a line; it stands in every release that carries it")
    parser.add_argument("--by", required=True, metavar="LOGIN", help="who accepts")
    parser.add_argument(
        "--author",
        metavar="LOGIN",
        help="who wrote the change, and may not accept it (the authors of its commits never may)",
    )
    parser.add_argument("--days", type=count, default=DAYS, metavar="N", help=f"how long it holds (default: {DAYS})")
    parser.add_argument("--command", metavar="URL", help="the comment that commanded it")
    parser.add_argument("--engine", metavar="NAME", help="the engine that answers for head (default: as eval chooses)")
    parser.add_argument("--push", action="store_true", help="bring it to origin too; fetches and tries again")
    add_sides(parser)
    add_root(parser)


def run(arguments: argparse.Namespace) -> ExitCode:
    """Carry out one action."""
    match arguments.action:
        case "list" | "show" | "verify":
            return _read(arguments)
        case "keygen":
            return _keygen(arguments)
        case "fetch":
            return _fetch(arguments)
        case _:
            from sluice.cli.evidence_writing import accept, record

            return record(arguments) if arguments.action == "record" else accept(arguments)


def _read(arguments: argparse.Namespace) -> ExitCode:
    from sluice.evidence.branch import Branch
    from sluice.evidence.keys import keys_of

    root = repository(arguments).root
    with Branch(root) as branch:
        if not branch.known:
            raise CannotJudge(branch.absence())
        keys = keys_of(root, arguments.keys)
        return _show(branch, keys, arguments) if arguments.action == "show" else _list(branch, keys, arguments)


def _show(branch: Branch, keys: Keys, arguments: argparse.Namespace) -> ExitCode:
    from sluice.cli import evidence_text
    from sluice.evidence.verifying import check_places

    (checked,) = check_places(branch, evidence_text.found(branch, arguments.digest), keys)
    print(evidence_text.statement(checked, arguments.format), end="")
    return ExitCode.OK if checked.evidence else ExitCode.GATE_NO


def _list(branch: Branch, keys: Keys, arguments: argparse.Namespace) -> ExitCode:
    """List everything, or verify what was asked for down to the last result; only `verify` says no."""
    from sluice.cli import evidence_text
    from sluice.evidence.verifying import check_places

    verifying = arguments.action == "verify"
    places = evidence_text.chosen(branch, arguments) if verifying else branch.places()
    checked = list(check_places(branch, places, keys, whole=verifying))
    print(evidence_text.table(checked, arguments.format), end="")
    words = branch.problems() if verifying and arguments.all else branch.rewritten()
    good = sum(one.evidence is not None for one in checked)
    _warn([*words, f"{good} of {len(places)} verify{' by ' if keys.known else ': '}{keys.place}"])
    return ExitCode.GATE_NO if verifying and (good < len(places) or words) else ExitCode.OK


def _warn(words: list[str] | tuple[str, ...]) -> None:
    for line in words:
        print(f"sluice: {line}", file=sys.stderr)


def _fetch(arguments: argparse.Namespace) -> ExitCode:
    from sluice.evidence.pushing import fetch_quietly

    print(fetch_quietly(repository(arguments).root))
    return ExitCode.OK


def _keygen(arguments: argparse.Namespace) -> ExitCode:
    from sluice.evidence.key_files import write_pair

    root = repository(arguments).root
    directory = None if arguments.directory == "-" else Path(arguments.directory)
    made = write_pair(root, directory, arguments.name)
    if made.secret is None:
        print(made.secret_text, end="")
    else:
        print(f"the secret key is in {made.secret}; only you can read it: keep it as the secret SLUICE_EVIDENCE_KEY")
    out = sys.stderr if made.secret is None else sys.stdout
    print(f"the public key is in {made.public}: commit it to main; its id is {made.keyid}", file=out)
    return ExitCode.OK
