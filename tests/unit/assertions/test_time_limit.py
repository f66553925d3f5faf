"""The limit on a suite's own code: it ends loops and waits, restores what it found, and never passes a late answer."""

import re
import signal
import threading
import time
from types import ModuleType

import pytest

from sluice.assertions import AssertionProblem, Subject, compile_assertion, suite_code
from sluice.assertions.time_limit import TimeLimitReached, limited
from sluice.schema import Assertion


def forever():
    while True:
        pass


def stubborn():
    try:
        time.sleep(60)
    except BaseException:
        return "an answer after all"


def hard_regex():
    return re.match(r"(a+)+$", "a" * 40 + "b")


@pytest.mark.parametrize("call", [forever, stubborn, hard_regex, lambda: time.sleep(60)])
def test_what_takes_longer_is_ended(call):
    began = time.monotonic()
    with pytest.raises(TimeLimitReached):
        limited(call, 0.1)
    assert time.monotonic() - began < 20


def test_what_is_in_time_is_returned_or_raised():
    assert limited(lambda: 3, 5) == 3
    with pytest.raises(ZeroDivisionError):
        limited(lambda: 1 / 0, 5)


def test_an_alarm_of_others_is_kept():
    heard = []
    before = signal.signal(signal.SIGALRM, lambda *_: heard.append(True))
    old = signal.setitimer(signal.ITIMER_REAL, 0.3)
    try:
        assert limited(lambda: 3, 5) == 3
        left, _ = signal.getitimer(signal.ITIMER_REAL)
        assert 0 < left <= 0.3
        deadline = time.monotonic() + 20
        while not heard and time.monotonic() < deadline:
            time.sleep(0.05)
    finally:
        signal.setitimer(signal.ITIMER_REAL, *old)
        signal.signal(signal.SIGALRM, before)
    assert heard == [True]


def test_another_thread_leaves_the_call_behind():
    found = []

    def ask():
        for call in (lambda: 3, lambda: time.sleep(2), lambda: 1 / 0):
            try:
                found.append(limited(call, 0.2))
            except BaseException as error:
                found.append(type(error))

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join(20)
    assert found == [3, TimeLimitReached, ZeroDivisionError]


def test_a_late_function_is_a_problem_and_is_given_up(monkeypatch):
    monkeypatch.setattr(suite_code, "SECONDS", 0.05)
    module = ModuleType("suite")
    exec("calls = []\ndef slow(output, row) -> bool:\n calls.append(1)\n while True: pass\n", module.__dict__)
    compiled = compile_assertion(Assertion(metric="m", type="python", value="slow"), suite_code=module)
    for _ in range(8):
        with pytest.raises(AssertionProblem, match=r"slow took longer than 0\.05 s"):
            compiled.score(Subject("x", {}))
    assert len(module.calls) == 5
