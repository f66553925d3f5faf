from types import ModuleType

import pytest

from sluice.assertions import (
    REGISTRY,
    AssertionConfigError,
    AssertionProblem,
    Subject,
    compile_assertion,
    patterns,
    wanted,
)
from sluice.schema import Assertion


def make(type_, value=None, threshold=None, when=None, suite_code=None):
    assertion = Assertion(metric="m", type=type_, value=value, threshold=threshold, when=when, weight=2)
    return compile_assertion(assertion, suite_code=suite_code)


SUITE = ModuleType("suite")
exec(
    "def good(output, row) -> bool: return True\n"
    "def graded(output, row): return .5\n"
    "def short(output): return True\n"
    "async def later(output, row): return True\n"
    "def leaves(output, row): raise SystemExit(3)\n"
    "def changes(output, row): row['x'] = 2; return True\n"
    "number = 3\n",
    SUITE.__dict__,
)

BAD = [
    ("contians", "x", None, "type", "did you mean 'contains'"),
    ("not-contians", "x", None, "type", "not-contains"),
    ("contains", None, None, "value", "text"),
    ("contains", "", None, "value", "every output"),
    ("contains", True, None, "value", "boolean"),
    ("contains", ["a"], None, "value", "a list"),
    ("contains", "{{ a", None, "value", "template"),
    ("contains", "x", 0.5, "threshold", "no threshold"),
    ("contains-all", '"open', None, "value", "never closed"),
    ("contains-any", " , ", None, "value", "no text"),
    ("contains-all", [], None, "value", "empty list"),
    ("contains-all", ["a", ""], None, "value", "empty text"),
    ("contains-all", [{"a": 1}], None, "value", "mapping"),
    ("equals", None, None, "value", "needs a value"),
    ("regex", "[a", None, "value", "at position"),
    ("regex", "{{ a | upper }}", None, "value", "plain fields"),
    ("regex", "(?P<x>{{ a }}", None, "value", "not valid"),
    ("is-json", "object", None, "value", "JSON Schema"),
    ("is-json", {"requried": ["a"]}, None, "value", "'required'"),
    ("is-json", {"properties": {"a": {"tpye": "string"}}}, None, "value", "'type'"),
    ("is-json", {"type": "strnig"}, None, "value", "not valid"),
    ("is-json", {"format": "no-such-format"}, None, "value", "not valid"),
    ("is-json", {"$ref": "https://example.org/schema.json"}, None, "value", "outside"),
    ("is-json", {"$ref": "file:///etc/hostname"}, None, "value", "outside"),
    ("is-json", {"properties": {"a": {"pattern": "{{ a }}"}}}, None, "value", "const and enum"),
    ("contains-json", [1], None, "value", "JSON Schema"),
    ("is-xml", {"a": 1}, None, "value", "element paths"),
    ("levenshtein", "x", -1, "threshold", "0 or more"),
    ("rouge-n", "x", 1.5, "threshold", "from 0 to 1"),
    ("rouge-n", ["x", "y"], None, "value", "a list"),
    ("bleu", "x", -0.1, "threshold", "out of range"),
    ("word-count", {"min": 3, "max": 2}, None, "value", "no output could pass"),
    ("recall-at-k", None, None, "value", "relevant"),
    ("recall-at-k", [], None, "value", "relevant"),
    ("recall-at-k", {"k": 3}, None, "value", "relevant"),
    ("recall-at-k", {"relevant": "{{ a }}", "top": 3}, None, "value", "no setting 'top'"),
    ("recall-at-k", {"relevant": "{{ a }}", "k": 0}, None, "value", "whole number from 1"),
    ("recall-at-k", {"relevant": "{{ a }}", "k": "3"}, None, "value", "whole number from 1"),
    ("recall-at-k", {"relevant": "{{ a }}", "id": 3}, None, "value", "name of a field"),
    ("recall-at-k", {"relevant": "{{ a }}"}, 1.5, "threshold", "from 0 to 1"),
    ("precision-at-k", "{{ a }}", None, "value", "needs k"),
    ("hit-at-k", "{{ a }}", 0.5, "threshold", "no threshold"),
    ("ndcg", {"relevant": "{{ a }}", "gain": "linaer"}, None, "value", "did you mean 'linear'"),
    ("contains-personal-data", "mail", None, "value", "did you mean 'email'"),
    ("contains-personal-data", [], None, "value", "empty list"),
    ("contains-personal-data", {"a": 1}, None, "value", "known: card"),
    ("contains-secret", "token", None, "value", "takes no value"),
    ("contains-secret", None, 1, "threshold", "no threshold"),
    ("grounded-words", None, None, "threshold", "needs a threshold"),
    ("grounded-words", "{{ a }}", 0.5, "value", "takes a mapping of passages"),
    ("grounded-words", {"text": []}, 0.5, "value", "one field"),
    ("grounded-words", {"n": 2}, 0.5, "value", "no setting 'n'"),
    ("grounded-ngrams", {"n": True}, 0.5, "value", "whole number"),
    ("grounded-sentences", {"share": 0}, None, "value", "above 0"),
    ("cites-passages", {"pattern": "("}, None, "value", "not valid"),
    ("cites-passages", {"pattern": 5}, None, "value", "no text"),
    ("cites-passages", {"pattern": r"(\d+)-(\d+)"}, None, "value", "one must hold the id"),
    ("cites-relevant", None, None, "value", "relevant"),
    ("rouge-1", "x", None, "threshold", "needs a threshold"),
    ("sacrebleu", None, 0.5, "value", "references"),
    ("sacrebleu", {"references": "x", "tokenize": "ja-mecab"}, 0.5, "value", "no tokenizer 'ja-mecab'"),
    ("sacrebleu", {"references": "x", "lowercase": "yes"}, 0.5, "value", "true or false"),
    ("chrf", {"references": "x", "word_order": 3}, 0.5, "value", "word_order is 0"),
    ("chrf", {"references": "x", "stem": True}, 0.5, "value", "no setting 'stem'"),
    ("rouge-lsum", {"references": "{{ a", "stem": True}, 0.5, "value", "template"),
    ("perplexity", None, -1, "threshold", "0 or more"),
    ("perplexity-score", None, 2, "threshold", "from 0 to 1"),
    ("word-count", {"least": 3}, None, "value", "min, max"),
    ("word-count", {}, None, "value", "min, max"),
    ("word-count", -1, None, "value", "0 or more"),
    ("word-count", 1.5, None, "value", "0 or more"),
    ("word-count", "many", None, "value", "0 or more"),
    ("word-count", True, None, "value", "0 or more"),
    ("is-refusal", "x", None, "value", "takes no value"),
    ("latency", None, None, "threshold", "milliseconds"),
    ("latency", "x", 5, "value", "takes no value"),
    ("cost", None, None, "threshold", "dollars"),
    ("ttft", None, None, "threshold", "milliseconds"),
    ("ttft", "x", 5, "value", "takes no value"),
    ("perplexity", "x", 5, "value", "takes no value"),
    ("finish-reason", None, None, "value", "text"),
    ("python", "no_such", None, "value", "no function"),
    ("python", "goood", None, "value", "did you mean 'good'"),
    ("python", "number", None, "value", "no function"),
    ("python", "short", None, "value", "(output, row)"),
    ("python", "later", None, "value", "plain function"),
    ("python", "lambda x: 1", None, "value", "name of a function"),
    ("python", "graded", 2, "threshold", "from 0 to 1"),
    ("deepeval:GEval", None, None, "steps", "needs steps"),
    ("not-deepeval:FaithfulnessMetric", None, None, "value", "needs input, retrieval_context"),
    ("deepeval:BiasMetric", {"input": "x"}, None, "judge", "needs a judge"),
    ("deepeval:TaskCompletionMetric", None, None, "type", "a case here is one answer"),
    ("deepeval:ExactMatch", "x", None, "type", "deepeval:ExactMatchMetric"),
]


@pytest.mark.parametrize(("type_", "value", "threshold", "key", "words"), BAD)
def test_static_problems_name_the_key(type_, value, threshold, key, words):
    with pytest.raises(AssertionConfigError) as caught:
        make(type_, value, threshold, suite_code=SUITE)
    assert caught.value.key == key
    assert words in str(caught.value)


def test_when_and_fields():
    compiled = make("contains", "{{ expected }} {{ unit }}", when="answerable and topic = login")
    assert compiled.fields == {"expected", "unit", "answerable", "topic"}
    row = {"expected": "5", "unit": "KB", "answerable": True, "topic": "login"}
    assert compiled.applies(row)
    assert compiled.score(Subject("5 KB", row)).passed
    assert compiled.score(Subject("5 KB", {**row, "answerable": False})) is None
    assert not compiled.applies({**row, "topic": "quota"})
    assert (compiled.metric, compiled.weight) == ("m", 2)


@pytest.mark.parametrize(
    ("type_", "value", "fields"),
    [
        ("contains-any", ["{{ a }}", "{{ b }}"], {"a", "b"}),
        ("equals", {"x": ["{{ a }}"]}, {"a"}),
        ("regex", r"\[{{ a }}\]", {"a"}),
        ("contains-json", {"properties": {"x": {"enum": ["{{ a }}"]}}}, {"a"}),
        ("bleu", ["{{ a }}"], {"a"}),
        ("word-count", "{{ a }}", {"a"}),
        ("finish-reason", "{{ a }}", {"a"}),
        ("not-levenshtein", "{{ a }}", {"a"}),
        ("is-refusal", None, set()),
    ],
)
def test_fields_of_values(type_, value, fields):
    assert make(type_, value).fields == fields


def test_the_first_token_is_wanted_by_those_that_time_it():
    fast = Assertion(metric="m", type="not-ttft", threshold=200)
    sure = Assertion(metric="m", type="perplexity", threshold=9)
    assert wanted([Assertion(metric="all", type="assert-set", assertions=(fast,)), sure]) == ("first_token", "logprobs")


def test_log_probabilities_are_wanted_by_those_that_read_them():
    def wants(*types):
        return wanted([Assertion(metric="m", type=type_) for type_ in types])

    assert wants("contains", "no-such-type") == ()
    assert wants("contains", "not-perplexity", "perplexity-score") == ("logprobs",)
    part = Assertion(metric="m", type="perplexity", threshold=5)
    assert wanted([Assertion(metric="m", type="assert-set", assertions=(part,))]) == ("logprobs",)


def test_kinds():
    continuous = {name.removeprefix("not-") for name, item in REGISTRY.items() if item.kind == "continuous"}
    ranking = {"recall-at-k", "precision-at-k", "mrr", "ndcg"}
    grounding = {"grounded-words", "grounded-ngrams", "grounded-sentences", "cites-passages", "cites-relevant"}
    references = {"sacrebleu", "chrf", "rouge-1", "rouge-2", "rouge-l", "rouge-lsum"}
    promptfoo = {"rouge-n", "bleu", "gleu", "perplexity-score", "tool-call-f1"}
    assert continuous == {*promptfoo, "python", *ranking, *grounding, *references}
    assert make("python", "good", suite_code=SUITE).kind == "binary"
    assert make("not-python", "good", suite_code=SUITE).kind == "binary"
    assert make("python", "graded", suite_code=SUITE).kind == "continuous"


def test_python_without_a_suite_file():
    with pytest.raises(AssertionConfigError, match="no function"):
        make("python", "good")


def test_suite_code_cannot_leave_or_change_the_row():
    with pytest.raises(AssertionProblem, match="SystemExit"):
        make("python", "leaves", suite_code=SUITE).score(Subject("x", {}))
    row = {"x": 1}
    make("python", "changes", suite_code=SUITE).score(Subject("x", row))
    assert row == {"x": 1}


def test_a_slow_pattern_is_a_problem_not_a_fail(monkeypatch):
    monkeypatch.setattr(patterns, "TIME_LIMIT", 0.01)
    compiled = make("regex", "^(([a-z])+.)+[A-Z]([a-z])+$")
    with pytest.raises(AssertionProblem, match="simplify the pattern"):
        compiled.score(Subject("a" * 5000, {}))


def test_a_slow_schema_pattern_ends():
    compiled = make("is-json", {"type": "string", "pattern": "^(?=(a+)+$)b"})
    assert not compiled.score(Subject('"' + "a" * 2000 + '!"', {})).passed


def test_deep_and_odd_json_is_no_crash():
    schema = {"type": "object"}
    for output in ("[" * 5000, '{"a": ' * 3000, '"\\ud800"', "9" * 5000, '{"\\ud800": 1}'):
        assert not make("contains-json", {"type": "string"}).score(Subject(output, {})).passed
        assert not make("is-json", {**schema, "required": ["b"]}).score(Subject(output, {})).passed


def test_one_row_field_of_two_types_gets_two_schemas():
    compiled = make("is-json", {"const": "{{ n }}"})
    results = [
        compiled.score(Subject(output, {"n": n})).passed for n in (1, True, "1") for output in ("1", "true", '"1"')
    ]
    assert results == [True, False, False, False, True, False, False, False, True]


def test_a_reason_states_the_fact_for_both_directions():
    subject = Subject("blue", {})
    assert make("contains", "red").score(subject).reason == make("not-contains", "red").score(subject).reason
