"""The plan: equal requests are one call, base and head alternate with the same members, and it survives JSON."""

from dataclasses import replace
from itertools import pairwise

from sluice.results import CaseInfo
from sluice.retrieval import RetrievalProblem
from sluice.runner.closure import PARTS, Closure
from sluice.runner.plan import Plan, PlannedSide, collect_calls, make_plan
from sluice.schema import MessageTemplate, Parameters, Prompt


def prompt(text):
    return Prompt(
        description="x", owners=("t",), model="m", parameters=Parameters(max_tokens=4), inputs={"q": {}},
        messages=(MessageTemplate(role="user", content=text),),
    )  # fmt: skip


def closure(model="one"):
    return Closure("s", {part: model if part == "weights" else "same" for part in PARTS})


def cases(count):
    return [CaseInfo(f"c{n}", {"q": "x" * (n % 13) + str(n)}, None, {}) for n in range(count)]


def sides(base="{{ q }}", head="{{ q }}!", head_model="one"):
    return [
        PlannedSide("base", prompt(base), closure()),
        PlannedSide("head", prompt(head), closure(head_model)),
    ]


def once(infos):
    return {info.id: 1 for info in infos}


def plan(infos, calls, known=(), batch_size=8):
    return make_plan(
        infos, calls, known, subsets=[], first=[], seed=1, complete=False, batch_size=batch_size,
        lengths=lambda requests: [len(request.messages[0].content) for request in requests],
    )  # fmt: skip


def test_equal_requests_are_one_call():
    infos = cases(10)
    calls = collect_calls(sides(head="{{ q }}"), infos, once(infos))
    assert len(calls.requests) == 10
    assert set(calls.sides.values()) == {"base"}


def test_what_assertions_read_beside_the_text_is_asked_for_and_is_another_request():
    infos, plain = cases(3), sides(head="{{ q }}")
    wanting = [replace(side, wants=("logprobs",)) for side in plain]
    calls = collect_calls(wanting, infos, once(infos))
    assert {request.wants for request in calls.requests.values()} == {("logprobs",)}
    assert not set(calls.requests) & set(collect_calls(plain, infos, once(infos)).requests)


def test_another_model_answers_equal_requests_itself():
    infos = cases(10)
    assert len(collect_calls(sides(head="{{ q }}", head_model="two"), infos, once(infos)).requests) == 20


def test_every_call_is_planned_once_in_batches_of_similar_length():
    infos = cases(200)
    calls = collect_calls(sides(), infos, once(infos))
    made = plan(infos, calls)
    planned = [key for batch in made.batches for key in batch.calls]
    assert sorted(planned) == sorted(calls.requests)
    assert max(len(batch.calls) for batch in made.batches) == 8
    assert [batch.side for batch in made.batches] == ["base", "head"] * (len(made.batches) // 2)


def test_an_engine_that_is_asked_call_by_call_gets_neighbours_that_begin_alike():
    """Twelve passages, each shared by many cases, strewn over the dataset."""
    infos = [CaseInfo(f"c{n}", {"q": f"passage {n * 7 % 12} " * 20 + f"question {n}"}, None, {}) for n in range(300)]
    calls = collect_calls(sides(), infos, once(infos))
    made = plan(infos, calls, batch_size=1)
    for look, end in enumerate(made.looks):
        members = set(made.order[made.looks[look - 1] if look else 0 : end])
        assert {key for batch in made.batches if batch.look == look for key in batch.calls} == {
            key for (_, case, _), key in calls.keys.items() if case in members
        }
        texts = [
            calls.requests[batch.calls[0]].messages[0].content
            for batch in made.batches
            if (batch.look, batch.side) == (look, "base")
        ]
        changes = sum(a[:180] != b[:180] for a, b in pairwise(texts))
        assert changes == 11, "each passage is begun once in a look"
    assert [batch.side for batch in made.batches] == ["base", "head"] * 300
    assert made.order == plan(infos, calls, batch_size=8).order, "which cases a look holds does not depend on it"


def test_base_and_head_batches_hold_the_same_cases():
    infos = cases(200)
    calls = collect_calls(sides(), infos, once(infos))
    cases_of_key = {key: case for (_, case, _), key in calls.keys.items()}
    batches = plan(infos, calls).batches
    for base, head in zip(batches[::2], batches[1::2], strict=True):
        assert [cases_of_key[key] for key in base.calls] == [cases_of_key[key] for key in head.calls]
        assert base.look == head.look


def test_known_completions_are_not_planned():
    infos = cases(20)
    calls = collect_calls(sides(), infos, once(infos))
    known = set(list(calls.requests)[:15])
    planned = {key for batch in plan(infos, calls, known).batches for key in batch.calls}
    assert planned == set(calls.requests) - known


def test_a_look_holds_what_its_cases_need():
    infos = cases(200)
    calls = collect_calls(sides(), infos, once(infos))
    made = plan(infos, calls)
    for look, end in enumerate(made.looks):
        start = made.looks[look - 1] if look else 0
        members = set(made.order[start:end])
        needed = {key for (_, case, _), key in calls.keys.items() if case in members}
        assert {key for batch in made.batches if batch.look == look for key in batch.calls} == needed


def test_a_plan_reads_back_as_written():
    infos = cases(170)
    made = plan(infos, collect_calls(sides(), infos, once(infos)))
    assert Plan.from_json(made.to_json()) == made
    assert Plan.from_json(made.to_json()).digest == made.digest


def test_repeats_are_calls_of_their_own():
    infos = cases(3)
    assert len(collect_calls(sides(), infos, {info.id: 3 for info in infos}).requests) == 18


def test_a_row_that_cannot_be_rendered_is_kept_as_a_failure():
    infos = [CaseInfo("a", {}, None, {})]
    calls = collect_calls(sides(), infos, {"a": 1})
    assert set(calls.unrendered) == {("base", "a", 0), ("head", "a", 0)}
    assert calls.unrendered["head", "a", 0].kind == "data"


class Retrieves:
    """Stands for a retriever: gives the text, or finds that it does not fit."""

    def __init__(self, text=None):
        self.text = text

    def filled(self, row):
        if self.text is None:
            raise RetrievalProblem("nothing that fits")
        return {**row, "q": self.text}


def test_each_side_asks_and_is_judged_with_what_it_retrieves():
    infos = cases(3)
    planned = [replace(side, retriever=Retrieves(side.side)) for side in sides(head="{{ q }}")]
    calls = collect_calls(planned, infos, once(infos))
    assert sorted(request.messages[0].content for request in calls.requests.values()) == ["base", "head"]
    assert calls.cases["base", "c1"].row == {"q": "base"} and calls.cases["head", "c1"].row == {"q": "head"}
    assert infos[1].row == cases(3)[1].row, "the dataset's row stays what it is"


def test_what_cannot_be_retrieved_is_a_failure_of_every_repeat():
    infos = cases(2)
    base, head = sides()
    calls = collect_calls([base, replace(head, retriever=Retrieves())], infos, {info.id: 2 for info in infos})
    assert set(calls.unrendered) == {("head", case, repeat) for case in ("c0", "c1") for repeat in (0, 1)}
    assert calls.unrendered["head", "c0", 1].message == "nothing that fits"
    assert calls.cases == {}
