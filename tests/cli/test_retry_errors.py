"""`sluice eval --retry-errors`: the errors of the stored run are asked again, counted and shown; nothing else is."""

import re

import pytest
from miniature import edit_prompt
from servers.tgi_contract import text_of

from sluice.cli import main
from sluice.providers.base import Completion, Failure
from sluice.runner import execute

HEAD = "Answer with the last word.\nBe very brief."


@pytest.fixture
def moody(tgi, monkeypatch):
    """A server whose answers to two questions of head are lost on the way, as long as it is in that mood."""
    started = tgi(lambda generation: text_of(generation.messages[-1]).split()[-1])
    monkeypatch.setenv("SLUICE_ENDPOINT", started.url)
    mood = {"loses": True}
    original = execute.Execution._store

    def lossy(self, answered, seconds):
        def lost(key):
            text = " ".join(message.content for message in self.calls.requests[key].messages)
            return mood["loses"] and "very" in text and re.search(r"number (7|8) ", text) is not None

        def kept(batch, outcomes):
            pairs = zip(batch.calls, outcomes, strict=True)
            return [Failure("data", "lost on the way") if lost(key) else outcome for key, outcome in pairs]

        assert all(isinstance(one, Completion | Failure) for _, _, outcomes in answered for one in outcomes)
        original(self, [(index, batch, kept(batch, outcomes)) for index, batch, outcomes in answered], seconds)

    monkeypatch.setattr(execute.Execution, "_store", lossy)
    started.mood = mood
    return started


def test_errors_that_stay_are_asked_again_only_when_told(repository, moody, sluice):
    edit_prompt(repository, HEAD)
    code, out, _ = sluice("eval", "--complete")
    assert code == 0
    assert "2 errors" in out
    moody.calls.clear()
    moody.mood["loses"] = False
    assert "2 errors" in sluice("eval", "--complete")[1]
    assert moody.generations == [], "a rerun keeps errors that are about the data"

    code, out, _ = sluice("eval", "--complete", "--retry-errors")
    assert code == 0
    assert len(moody.generations) == 2
    assert "2 errors of the stored run asked again: 2 answered now" in " ".join(out.split())
    assert "0 errors" in out
    assert "0 errors" in sluice("eval", "--complete")[1], "what was answered is kept"


def test_errors_that_stay_errors_are_counted(repository, moody, sluice):
    edit_prompt(repository, HEAD)
    sluice("eval", "--complete")
    _, out, _ = sluice("eval", "--complete", "--retry-errors")
    assert "2 errors of the stored run asked again: 0 answered now" in " ".join(out.split())


def test_nothing_to_ask_again_is_said(repository, moody, sluice):
    moody.mood["loses"] = False
    edit_prompt(repository, HEAD)
    sluice("eval", "--complete")
    moody.calls.clear()
    code, out, _ = sluice("eval", "--complete", "--retry-errors")
    assert code == 0
    assert "the stored run holds no error to ask again" in " ".join(out.split())
    assert moody.generations == []


@pytest.mark.parametrize("before", [[], ["eval"]])
def test_without_a_stored_run_of_the_same_options_it_refuses(repository, moody, sluice, before):
    edit_prompt(repository, HEAD)
    if before:
        assert main(before) == 0
    moody.calls.clear()
    code, _, err = sluice("eval", "--complete", "--retry-errors")
    assert code == 4
    assert "no stored run of answer" in err
    assert "without --retry-errors" in err
    assert moody.generations == []


def test_it_cannot_be_combined_with_stored(repository, sluice):
    code, _, err = sluice("eval", "--stored", "--retry-errors")
    assert code == 2
    assert "choose" in err
