"""A miniature repository in the current directory, and a server that answers by the prompt's own words."""

import re
import sys

import pytest
from miniature import miniature
from servers.fixtures import tgi  # noqa: F401 - the fixture is used by name
from servers.tgi_contract import Generation, text_of

from sluice.cli import main


def obedient(generation: Generation) -> str:
    """Answer the question's last word, unless the system message says how not to."""
    system, question = text_of(generation.messages[0]), text_of(generation.messages[-1])
    number = int(re.search(r"number (\d+)", question)[1])
    if "never" in system or ("halves" in system and number % 2):
        return "no idea"
    if "swap" in system and number // 3 % 2 == ("first" in system):
        return "no idea"
    if "trade" in system and number % 7 == 0:
        return "no idea"
    return question.split()[-1]


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A committed miniature repository; the working directory is its root."""
    monkeypatch.chdir(miniature(tmp_path))
    monkeypatch.setenv("CI", "true")
    return tmp_path


@pytest.fixture
def server(tgi, monkeypatch):  # noqa: F811
    """A contract server that the environment names."""
    started = tgi(obedient)
    monkeypatch.setenv("SLUICE_ENDPOINT", started.url)
    return started


@pytest.fixture
def sluice(capsys):
    """Run a command; return its exit code, standard output and standard error."""

    def run(*words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main(words)
        sys.stdout.flush()
        return code, *capsys.readouterr()

    return run
