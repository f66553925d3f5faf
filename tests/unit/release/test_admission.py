"""What evidence allows a release, and every reason why it does not."""

from dataclasses import replace

import pytest
from unit.evidence import made
from unit.release.evidenced import (
    COMMIT,
    TGI,
    WHO,
    acceptance_files,
    asked,
    best,
    catalog,
    decide,
    files,
    reasons,
    run_files,
)

from sluice.evidence.branch import Place
from sluice.evidence.signing import signed
from sluice.evidence.subjects import judged_policy, verdict_digest
from sluice.evidence.verdicts import Compared, verdict_statement
from sluice.gate.acceptance import policy_digest
from sluice.release.candidates import wanted
from sluice.release.proof import HOW

OTHER = "Tell me {{ question }}."


def head(prompt="Say {{ question }}.", **here):
    found = catalog(files(prompt, **here))
    return found, best(found)


def test_a_first_release_needs_a_complete_run_and_a_named_approver():
    found, one = head()
    admission = decide(asked(found, approver=WHO), run_files(one))
    assert admission.allowed, reasons(admission)
    evidence = admission.evidence["answer"]
    assert (evidence.closure, evidence.engine, evidence.model) == (one.closure.digest, "tgi", "carried")
    assert (evidence.current.word, evidence.current.how, evidence.anchor) == ("first", "first", None)


@pytest.mark.parametrize(("approver", "no"), [(None, False), ("@example/passer-by", True)])
def test_who_may_name_a_first_release(approver, no):
    found, one = head()
    admission = decide(asked(found, approver=approver), run_files(one))
    (reason,) = reasons(admission)
    assert WHO in reason
    assert admission.judged_no is no


def test_a_first_release_is_held_to_its_floors():
    found, one = head()
    admission = decide(asked(found, approver=WHO), run_files(one, lost=range(150)))
    (reason,) = reasons(admission)
    assert reason.startswith("answer by its floors and must-pass cases: fail: correct is 25.0%")
    assert admission.judged_no


def test_nothing_recorded():
    found, _ = head()
    admission = decide(asked(found, approver=WHO))
    assert reasons(admission) == ["answer: no run of it is recorded (carried on tgi would do); " + HOW]
    assert not admission.judged_no


def test_the_nearest_run_is_named_with_what_differs():
    found, _ = head()
    _, other = head(OTHER)
    (reason,) = reasons(decide(asked(found, approver=WHO), run_files(other)))
    assert reason == (
        "answer: no run of exactly this is recorded (carried on tgi would do). The nearest, by carried on tgi at "
        f"{COMMIT[:12]}, differs in the prompt's messages; {HOW}"
    )


def test_another_engine_counts_only_where_it_is_accepted():
    found, one = head(accept={"engines": ["tgi", "local"]})
    local = wanted(found, "staging", "answer")[1]
    assert (local.engine, one.engine) == ("local", "tgi")
    admission = decide(asked(found, approver=WHO), run_files(local, servers=()))
    assert admission.allowed
    assert admission.evidence["answer"].engine == "local"
    strict, _ = head()
    (reason,) = reasons(decide(asked(strict, approver=WHO), run_files(local, servers=())))
    assert reason.endswith(f"differs in the engine; {HOW}")
    both = decide(asked(found, approver=WHO), run_files(local, servers=()), run_files(one))
    assert both.evidence["answer"].engine == "tgi", "what will be served is preferred"


def test_a_stand_in_counts_only_where_it_is_accepted():
    def floor(accept):
        made = files(accept=accept)
        made["models/carried.yaml"]["stand_in"] = "small"
        made["models/small.yaml"] = {
            **made["models/carried.yaml"], "stand_in": None, "source": {"hub": "example/small", "revision": "2" * 40}
        }  # fmt: skip
        del made["models/small.yaml"]["stand_in"]
        return catalog(made)

    lenient, strict = floor({"engines": ["tgi"], "stand_ins": True}), floor({"engines": ["tgi"]})
    stands_in = wanted(lenient, "staging", "answer")[1]
    assert stands_in.title == "small on tgi, standing in for carried"
    run = run_files(stands_in, servers=({**TGI, "model": "example/small"},))
    assert decide(asked(lenient, approver=WHO), run).evidence["answer"].model == "small"
    (reason,) = reasons(decide(asked(strict, approver=WHO), run))
    assert "differs in the model's weights, the engine" in reason


def test_arguments_that_differ_here_need_evidence_of_their_own():
    _, one = head()
    changed, other = head(serving={"carried": {"arguments": {"max_total_tokens": 256}}})
    (reason,) = reasons(decide(asked(changed, approver=WHO), run_files(one)))
    assert reason.endswith(f"differs in the serving arguments; {HOW}")
    server = {**TGI, "limits": {"max_total_tokens": 256}}
    assert decide(asked(changed, approver=WHO), run_files(other, servers=(server,))).allowed


@pytest.mark.parametrize(
    ("servers", "told"),
    [
        ((), "nothing says which server answered"),
        (({**TGI, "engine": "vllm"},), "the server that answered was vllm, and carried on tgi is wanted"),
        (({**TGI, "limits": {"max_total_tokens": 99}},), "the model file says 512, the server says 99"),
        (({**TGI, "model": "another"},), "model: the model file says 'models/carried', the server says 'another'"),
    ],
)  # fmt: skip
def test_what_the_server_said_of_itself_must_fit(servers, told):
    found, one = head()
    (reason,) = reasons(decide(asked(found, approver=WHO), run_files(one, servers=servers)))
    assert told in reason


def test_old_evidence_is_refused_and_a_newer_run_of_the_same_counts():
    found, one = head()
    (reason,) = reasons(decide(asked(found, approver=WHO), run_files(one, days_old=31)))
    assert "made on 2026-10-22, more than 30 days ago" in reason
    again = run_files(one, attempt=2)
    assert decide(asked(found, approver=WHO), run_files(one, days_old=31), again).allowed


def test_a_run_whose_signature_is_unknown_is_no_evidence():
    found, one = head()
    run = run_files(one)
    path = next(path for path in run if path.endswith(".json"))
    run[path] = run[path][:-10] + b"=" + run[path][-9:]
    (reason,) = reasons(decide(asked(found, approver=WHO), run))
    assert "does not verify" in reason


def test_nothing_changed_passes_without_a_comparison():
    found, one = head()
    admission = decide(asked(found, (found, one)), run_files(one))
    assert admission.allowed
    assert admission.evidence["answer"].current.how == "unchanged"


def test_two_stored_runs_are_compared_anew():
    (before, old), (after, new) = head(), head(OTHER)
    admission = decide(asked(after, (before, old)), run_files(old), run_files(new, lost=(3,)))
    assert admission.allowed, reasons(admission)
    judged = admission.evidence["answer"].current
    assert (judged.word, judged.how, judged.base) == ("pass", "compared", old.closure.digest)


def test_a_loss_is_refused_with_the_gates_reason():
    (before, old), (after, new) = head(), head(OTHER)
    admission = decide(asked(after, (before, old)), run_files(old), run_files(new, lost=range(40)))
    assert reasons(admission) == ["answer against what staging runs now: fail: correct got worse"]
    assert admission.judged_no


def test_small_losses_add_up_against_the_anchor():
    """Each step alone may pass; the anchor sees their sum."""
    (first, oldest), (second, old), (third, new) = (head(f"{words} {{{{ question }}}}") for words in ("A", "B", "C"))
    runs = [run_files(oldest), run_files(old, lost=range(4)), run_files(new, lost=range(8))]
    step = decide(asked(third, (second, old), (second, old)), *runs)
    assert step.allowed, reasons(step)
    sum_of_them = decide(asked(third, (second, old), (first, oldest)), *runs)
    assert reasons(sum_of_them) == ["answer against its anchor: fail: correct got worse"]
    assert sum_of_them.evidence["answer"].current.word == "pass"
    assert sum_of_them.evidence["answer"].anchor.word == "fail"


def stored_verdict(before, old, new, word):
    """Return a signed verdict about two closures under the policy of the base."""
    policy = policy_digest(before.suite("answer").value)
    told = made.judgement(made.suite(), word)
    verdict = replace(told.verdict.suites[0], suite="answer")
    compared = Compared(old.closure, new.closure, policy)
    statement = verdict_statement(told, verdict, compared, made.MAKING, None)
    subject = verdict_digest(old.closure.digest, new.closure.digest, judged_policy(policy, ()))
    return {Place("verdict", made.hexed(subject)).path: signed(statement, made.key())}


def test_a_stored_verdict_about_exactly_these_two_is_used():
    (before, old), (after, new) = head(), head(OTHER)
    runs = run_files(old), run_files(new, lost=(3,))
    admission = decide(asked(after, (before, old)), *runs, stored_verdict(before, old, new, "pass"))
    judged = admission.evidence["answer"].current
    assert (judged.word, judged.how) == ("pass", "verdict")
    assert judged.verdict


@pytest.mark.parametrize("word", ["fail", "inconclusive"])
def test_a_stored_verdict_that_is_no_pass_stands_whatever_the_runs_say(word):
    (before, old), (after, new) = head(), head(OTHER)
    runs = run_files(old), run_files(new)
    assert decide(asked(after, (before, old)), *runs).allowed
    admission = decide(asked(after, (before, old)), *runs, stored_verdict(before, old, new, word))
    (reason,) = reasons(admission)
    assert reason.startswith(f"answer against what staging runs now: {word}")


def accepted(before, new, **said):
    return acceptance_files(new.closure.digest, policy_digest(before.suite("answer").value), **said)


def test_an_accepted_loss_is_admitted_only_where_the_word_is_listed():
    lenient = {"engines": ["tgi"], "verdicts": ["pass", "pass (accepted)"]}
    for accept, allowed in (({"engines": ["tgi"]}, False), (lenient, True)):
        (before, old), (after, new) = head(accept=accept), head(OTHER, accept=accept)
        said = accepted(before, new, metric="correct")
        admission = decide(asked(after, (before, old)), run_files(old), run_files(new, lost=range(40)), said)
        assert admission.allowed is allowed
        if allowed:
            judged = admission.evidence["answer"].current
            assert (judged.word, len(judged.acceptances)) == ("pass (accepted)", 1)
            assert "accepted by someone" in judged.words[0] and "we know" in judged.words[0]
        else:
            (reason,) = reasons(admission)
            assert "pass (accepted), which accept.verdicts of staging does not list (accepted by someone" in reason


def test_an_acceptance_of_another_closure_changes_nothing():
    lenient = {"engines": ["tgi"], "verdicts": ["pass", "pass (accepted)"]}
    (before, old), (after, new) = head(accept=lenient), head(OTHER, accept=lenient)
    said = accepted(before, old, metric="correct")
    admission = decide(asked(after, (before, old)), run_files(old), run_files(new, lost=range(40)), said)
    assert admission.judged_no


def test_cases_that_changed_need_a_run_of_both_sides():
    (before, old), _ = head(), None
    content = files(OTHER)
    content["datasets/cases.jsonl"][0]["expected"] = "b"
    after = catalog(content)
    new = best(after)
    admission = decide(asked(after, (before, old)), run_files(old), run_files(new))
    (reason,) = reasons(admission)
    assert "its cases or assertions changed since what staging runs now" in reason
    assert "--complete` and record it" in reason
    # The old prompt under the new cases is a closure of its own; once main has its run, the two are compared.
    content["prompts/answer.yaml"]["messages"][0]["content"] = "Say {{ question }}."
    mixed = best(catalog(content))
    assert decide(asked(after, (before, old)), run_files(old), run_files(new), run_files(mixed)).allowed


def test_a_run_that_is_gone_is_told():
    (before, old), (after, new) = head(), head(OTHER)
    (reason,) = reasons(decide(asked(after, (before, old)), run_files(new)))
    assert "the run that what staging runs now was judged on is not on the branch any more" in reason


def test_a_gate_that_is_gone_is_refused_unless_its_removal_is_accepted():
    before, old = head()
    content = files()
    content["evals/reply.yaml"] = content.pop("evals/answer.yaml")
    after = catalog(content)
    new = best(after, "reply")
    admission = decide(asked(after, (before, old)), run_files(new, suite="reply"))
    assert any("the gated suite 'answer' was removed or renamed" in reason for reason in reasons(admission))
    assert any(reason.startswith("reply against what staging runs now: first") for reason in reasons(admission))


@pytest.mark.parametrize(("listed", "by", "allowed"), [(True, None, True), (False, WHO.upper(), True),
                                                       (False, "x", False), (False, None, False)])  # fmt: skip
def test_what_was_never_judged_there_comes_in_where_first_is_listed_or_somebody_names_it(listed, by, allowed):
    accept = {"engines": ["tgi"], "verdicts": ["pass", "first"] if listed else ["pass"]}
    before, old = head(accept=accept)
    content = files(accept=accept)
    content["evals/second.yaml"] = {**content["evals/answer.yaml"], "must_pass": ["c-0"]}
    after = catalog(content)
    runs = run_files(best(after)), run_files(best(after, "second"), suite="second")
    admission = decide(asked(after, (before, old), approver=by), *runs)
    assert admission.allowed is allowed
    if not allowed:
        (reason,) = reasons(admission)
        assert reason.startswith("second against what staging runs now: first, for nothing there was judged by it")
        return
    assert admission.evidence["second"].current.words == (
        (f"nothing that ran there was judged by second; {by} let it in",) if by else ()
    )
    assert [admission.evidence[name].current.how for name in ("answer", "second")] == ["unchanged", "first"]
