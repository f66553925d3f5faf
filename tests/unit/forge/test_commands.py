"""The grammar of commands: what is one, and everything that only looks like one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.forge.commands import Command, parse
from sluice.forge.failures import Refusal

REASON = "the old answer was wrong, see the ticket"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("/eval", Command("eval")),
        ("/eval  ", Command("eval")),
        ("/eval support-answer", Command("eval", suite="support-answer")),
        ("/eval --full", Command("eval", full=True)),
        ("/eval support-answer --full", Command("eval", suite="support-answer", full=True)),
        ("/eval\t--full support-answer", Command("eval", suite="support-answer", full=True)),
        ("Please:\n\n/eval\n\nThank you", Command("eval")),
        ("/eval\r\nthanks", Command("eval")),
        ("> /eval\n/help", Command("help")),
        ("/retry-errors", Command("retry-errors")),
        ("/help", Command("help")),
        (f"/accept q-1 because {REASON}", Command("accept", cases=("q-1",), reason=REASON)),
        (f'/accept q-1 q-2 "{REASON}"', Command("accept", cases=("q-1", "q-2"), reason=REASON)),
        (f"/accept q-1 \u201c{REASON}\u201d", Command("accept", cases=("q-1",), reason=REASON)),
        ("/accept a because it is because of b", Command("accept", cases=("a",), reason="it is because of b")),
        (f"/accept metric:correct because {REASON}", Command("accept", cases=("metric:correct",), reason=REASON)),
    ],
)
def test_commands(body, expected):
    assert parse(body) == expected


@pytest.mark.parametrize(
    "body",
    [
        "", "hello", "/", "/deploy", "/evaluate", "/eval-all", "/Eval", "/EVAL", " /eval", "\t/eval", "\u00a0/eval",
        "please /eval", "> /eval", ">/eval", "`/eval`", "    /eval", "- /eval", "//eval", "/ eval", "\u200b/eval",
        "\u2028/eval", "```\n/eval\n```", "~~~sh\n/eval\n~~~", "```\n/eval", "````\n```\n/eval\n````", "<!-- /eval -->",
        "<!--\n/eval\n-->", "<!--\n/eval", "text <!-- hidden\n/eval\n--> more", "\u202e/eval", "/eval\u202e",
        "/\u0435val",
        "\u2215eval",
        "/help\v", "x\x0b/eval", "x\x0c/eval", "x\x85/eval", "x\r/eval",
    ],
)  # fmt: skip
def test_what_only_looks_like_a_command_is_none(body):
    assert parse(body) is None


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("/eval one two", "/eval"),
        ("/eval --full --full", "/eval"),
        ("/eval --everything", "/eval"),
        ("/eval Support", "/eval"),
        ("/eval ../../etc", "/eval"),
        ("/eval $(id)", "/eval"),
        ("/eval a;b", "/eval"),
        ("/eval -x", "/eval"),
        ("/help me", "takes nothing after it"),
        ("/retry-errors now", "takes nothing after it"),
        ("/eval\n/eval", "one command; this one has 2"),
        ("/accept", "a reason is needed"),
        ("/accept q-1", "a reason is needed"),
        ("/accept q-1 q-2 without a word", "a reason is needed"),
        (f"/accept because {REASON}", "from one to 50 case ids"),
        (f'/accept "{REASON}"', "from one to 50 case ids"),
        (f"/accept q-1 q-1 because {REASON}", "named twice"),
        ("/accept q-1 because no", "10 to 500"),
        (f"/accept q-1 because {'x' * 501}", "10 to 500"),
        ("/accept q-1 because \u202ethis is reversed", "printable"),
        ("/accept q-1 because \x1b[31mthis is red", "printable"),
        (f"/accept {' '.join(f'q-{n}' for n in range(51))} because {REASON}", "from one to 50"),
        (f"/accept q-1;rm because {REASON}", "from one to 50 case ids"),
        (f"/accept @team because {REASON}", "from one to 50 case ids"),
        (f'/accept q-1 "{REASON}" and more', "a reason is needed"),
    ],
)
def test_a_command_that_breaks_the_grammar_is_refused_with_its_form(body, words):
    with pytest.raises(Refusal, match=words):
        parse(body)


@given(st.text(max_size=80))
def test_nothing_but_plain_words_gets_through(rest):
    for verb in ("eval", "accept", "help"):
        try:
            command = parse(f"/{verb} {rest}")
        except Refusal as refusal:
            assert str(refusal).isprintable()  # noqa: PT017
            continue
        if command is None:
            continue
        words = [*command.cases, *([command.suite] if command.suite else [])]
        assert all(word.isascii() and word.isprintable() and " " not in word for word in words)
        assert command.reason is None or command.reason.isprintable()


@given(st.text("`~ \n/evalx<!->", max_size=60))
def test_a_command_always_stands_visibly_at_the_start_of_a_line(body):
    try:
        command = parse(body)
    except Refusal:
        return
    if command is not None:
        assert any(line.startswith("/eval") for line in body.split("\n"))


def test_an_id_that_was_copied_from_a_report_is_the_case_s_own():
    given = parse("/accept q-\u20600001 q-0002 because the source was wrong")
    assert given is not None and given.cases == ("q-0001", "q-0002")
