import json
import os

import pytest

from sluice.assertions import Subject, compile_assertion
from sluice.catalog import WorkingTree, load
from sluice.errors import UsageError
from sluice.interchange.promptfoo import import_config
from sluice.interchange.promptfoo.cells import from_cell


def build(root, files):
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="")
    return root


def imported(root, files, config="triage.yaml"):
    return import_config(build(root / "old", files) / config, root)


def errors(result):
    return [finding for finding in result.findings if finding.severity == "error"]


def rows(result, name="triage"):
    return [json.loads(line) for line in result.files[f"datasets/{name}.jsonl"].splitlines()]


def catalog(root, result):
    """Write the files as the command would, and read them back by the real reader."""
    build(root / "new", dict(result.files))
    return load(WorkingTree(root / "new")).require_valid()


CONFIG = """\
description: Triage
prompts: ["Sort {{ticketText}} for {{team}}."]
providers: [{id: "openai:chat:x", config: {temperature: 0.3, max_tokens: 40}}]
defaultTest:
  vars: {team: support}
  assert: [{type: not-contains, value: "As an AI"}]
tests:
  - vars: {ticketText: cannot log in}
    assert:
      - {type: icontains, value: login, metric: Right Category, weight: 2}
      - {type: is-json, value: {type: object, required: [category]}}
  - vars: {ticketText: pay}
    assert:
      - {type: icontains, value: payment, metric: Right Category, weight: 2}
      - {type: levenshtein, value: "{{team}}", threshold: 3}
"""


def test_a_whole_configuration_becomes_valid_files(tmp_path):
    result = imported(tmp_path, {"triage.yaml": CONFIG})
    assert result.complete
    assert set(result.files) == {
        "prompts/triage.yaml",
        "datasets/triage.yaml",
        "datasets/triage.jsonl",
        "evals/triage.yaml",
    }
    found = catalog(tmp_path, result)
    prompt = found.prompts["triage"].value
    assert prompt.messages[0].content == "Sort {{ ticket_text }} for {{ team }}."
    assert set(prompt.inputs) == {"ticket_text", "team"}
    assert (prompt.parameters.temperature, prompt.parameters.max_tokens) == (0.3, 40)
    suite = found.suites["triage"].value
    assert set(suite.metrics) == {"not-contains", "right-category", "is-json", "levenshtein", "score"}
    assert suite.assertions[1].weight == 2
    assert {gate.tier for name, gate in suite.gates.items() if name != "score"} == {"block"}


def test_assertions_apply_to_the_cases_that_had_them(tmp_path):
    found = catalog(tmp_path, imported(tmp_path, {"triage.yaml": CONFIG}))
    login, pay = found.datasets["triage"].rows
    by_type = {item.type: compile_assertion(item) for item in found.suites["triage"].value.assertions}

    def passed(name, output, row):
        score = by_type[name].score(Subject(output, row))
        return None if score is None else score.passed

    assert passed("icontains", "Login!", login) is True
    assert passed("icontains", "Login!", pay) is False
    assert passed("icontains", "a payment", pay) is True
    assert passed("is-json", '{"category": 1}', login) is True
    assert passed("is-json", '{"category": 1}', pay) is None
    assert passed("levenshtein", "suport", pay) is True
    assert passed("levenshtein", "suport", login) is None
    assert passed("not-contains", "As an AI", pay) is False


def test_ids_do_not_depend_on_order_or_assertions(tmp_path):
    template = "prompts: ['{{a}}']\ntests: [%s]\n"
    one = "{vars: {a: x}, assert: [{type: equals, value: v}]}"
    two = "{vars: {a: z}, assert: [{type: equals, value: v}]}"
    other = "{vars: {a: x}, assert: [{type: contains, value: q}]}"
    first = rows(imported(tmp_path / "1", {"triage.yaml": template % f"{one}, {two}"}))
    second = rows(imported(tmp_path / "2", {"triage.yaml": template % f"{two}, {other}"}))
    assert {row["a"]: row["id"] for row in first} == {row["a"]: row["id"] for row in second}


def test_doubled_variables_and_given_ids(tmp_path):
    text = "prompts: ['{{a}}']\ntests: [{vars: {a: x}}, {vars: {a: x}}, {vars: {a: w}, metadata: {id: Case 7}}]\n"
    ids = [row["id"] for row in rows(imported(tmp_path, {"triage.yaml": text}))]
    assert ids[1] == f"{ids[0]}-2"
    assert ids[2] == "case-7"


def test_lists_of_texts_expand_and_other_lists_stay(tmp_path):
    text = "prompts: ['{{a}} {{b}} {{c}}']\ntests: [{vars: {a: [x, w], b: [p, q], c: [1, 2]}}]\n"
    found = rows(imported(tmp_path, {"triage.yaml": text}))
    assert [(row["a"], row["b"], row["c"]) for row in found] == [(a, b, "1,2") for a in "xw" for b in "pq"]


def test_tests_from_files(tmp_path):
    files = {
        "triage.yaml": "prompts: [file://chat.json]\ntests: [file://more/*.yaml, file://a.csv, file://b.jsonl]\n",
        "chat.json": '[{"role": "system", "content": "Sort."}, {"role": "user", "content": "{{q}}"}]',
        "more/1.yaml": "- {vars: {q: one}, assert: [{type: starts-with, value: A}]}\n",
        "a.csv": 'q,__expected,__metric\n"two, too",icontains:B,letters\nthree,C,\n',
        "b.jsonl": '{"vars": {"q": "four"}, "assert": [{"type": "equals", "value": "D"}]}\n',
    }
    result = imported(tmp_path, files)
    assert result.complete, result.findings
    found = catalog(tmp_path, result)
    assert [row["q"] for row in found.datasets["triage"].rows] == ["one", "two, too", "three", "four"]
    assert [(item.metric, item.type) for item in found.suites["chat"].value.assertions] == [
        ("starts-with", "starts-with"),
        ("letters", "icontains"),
        ("equals", "equals"),
    ]
    assert [message.role for message in found.prompts["chat"].value.messages] == ["system", "user"]


REFUSED = [
    ("prompts: [p]\ntests: [{assert: [{type: llm-rubric, value: x}]}]", "tests[0].assert[0].type", "asks a model"),
    ("prompts: [p]\ntests: [{assert: [{type: not-similar, value: x}]}]", "tests[0].assert[0].type", "asks a model"),
    ("prompts: [p]\ntests: [{assert: [{type: javascript, value: x}]}]", "tests[0].assert[0].type", "runs code"),
    ("prompts: [p]\ntests: [{assert: [{type: python, value: x}]}]", "tests[0].assert[0].type", "runs code"),
    ("prompts: [p]\ntests: [{assert: [{type: assert-set, assert: []}]}]", "tests[0].assert[0]", "without assertions"),
    ("prompts: [p]\ntests: [{assert: [{type: meteor, value: x}]}]", "tests[0].assert[0].type", "stemmer"),
    ("prompts: [p]\ntests: [{assert: [{type: perplexity, threshold: 5}]}]", "assert[0].type", "log probabilities"),
    ("prompts: [p]\ntests: [{assert: [{type: is-valid-function-call}]}]", "assert[0]", "no functions or tools"),
    ("prompts: [p]\ntests: [{}, {assert: [{type: contians, value: x}]}]", "tests[1].assert[0].type", "'contians'"),
    ("prompts: [p]\ntests: [{assert: [{value: x}]}]", "tests[0].assert[0]", "without a type"),
    ("prompts: [p]\ntests: [{assert: [{type: regex, value: '['}]}]", "tests[0].assert[0].value", "not valid"),
    ("prompts: [p]\ntests: [{assert: [{type: contains, value: ''}]}]", "tests[0].assert[0].value", "every output"),
    (
        "prompts: [p]\ntests: [{assert: [{type: bleu, value: x, threshold: 2}]}]",
        "tests[0].assert[0].threshold",
        "range",
    ),
    ("prompts: [p]\ntests: [{assert: [{type: equals, value: x, weight: -1}]}]", "tests[0].assert[0]", "weight"),
    ("prompts: [p]\ntests: [{assert: [{type: equals, value: x, transform: t}]}]", "assert[0].transform", "is code"),
    ("prompts: [p]\ntests: [{assert: [{type: equals, value: x, wieght: 1}]}]", "assert[0].wieght", "'wieght'"),
    ("prompts: [p]\ntests: [{assert: [{type: equals, value: x, metric: '{{m}}'}]}]", "assert[0].metric", "computed"),
    ("prompts: [p]\ntests: [{assert: [{type: equals, value: '{{ a | dump }}'}]}]", "assert[0].value", "`dump`"),
    ("prompts: [p]\ntests: [{assert: [{type: equals, value: '{{ a + b }}'}]}]", "assert[0].value", "computes more"),
    (
        "prompts: [p]\ntests: [{assert: [{type: equals, value: '{% set a = 1 %}'}]}]",
        "assert[0].value",
        "Nunjucks",
    ),
    ("prompts: [p]\ntests: [{assert: [{type: equals, value: {a: '{{b}}'}}]}]", "assert[0].value", "literally"),
    ("prompts: [p]\ntests: [{threshold: high}]", "tests[0].threshold", "a number"),
    ("prompts: [p]\ntests: [{options: {transform: x}}]", "tests[0].options.transform", "is code"),
    ("prompts: [p]\ntests: [{options: {repeat: 2}}, {vars: {a: b}}]", "tests[0]", "repeated differently"),
    ("prompts: [p]\ntests: [{options: {prefix: a}}, {vars: {a: b}}]", "tests[0]", "not all tests share"),
    ("prompts: [p]\ntests: [{vars: {a: '{{ b | upper }}', b: x}}]", "tests[0].vars.a", "inserts others"),
    ("prompts: [p]\ntests: [{provider: x}]", "tests[0].provider", "one model"),
    (
        "prompts: [p]\ntests: [{vars: {a: '{{b}}('}, assert: [{type: regex, value: '{{a}}'}]}]",
        "tests[0]",
        "inserts `{{`",
    ),
    ("prompts: [p]\ntests: [{vars: {a: '('}, assert: [{type: regex, value: '{{a}}'}]}]", "tests[0]", "not valid"),
    ("prompts: [p]\ntests: [{vras: {a: b}}]", "tests[0].vras", "'vras'"),
    ("prompts: [p]\ntests: [{vars: {userName: a, user_name: b}}]", "tests[0].vars.user_name", "another one"),
    ("prompts: ['{{ true }}']\ntests: [{}]", "prompts[0]", "no variable"),
    ("prompts: ['{{ env.SECRET }}']\ntests: [{}]", "prompts[0]", "environment"),
    ("prompts: ['{% macro a() %}{% endmacro %}']\ntests: [{}]", "prompts[0]", "Nunjucks"),
    ("prompts: ['{% raw %}{{a}}{% endraw %}']\ntests: [{}]", "prompts[0]", "raw"),
    ('prompts: [\'[{"role": "user", "content": {{ a }}}]\']\ntests: [{}]', "prompts[0]", "as JSON text"),
    ("prompts: [p]\nproviders: [{id: x, transform: output.x}]\ntests: [{}]", "providers[0].transform", "as models"),
    ("prompts: [p]\ntests: [{vars: {$ref: '#/nowhere'}}]", "tests[0].vars", "leads nowhere"),
    ("prompts: [p]\nx-a: {$ref: '#/x-a'}\ntests: [{}]", "x-a", "circle"),
    ("prompts: [p]\nderivedMetrics: [{name: a, value: b}]\ntests: [{}]", "derivedMetrics[0].value", "over 'b'"),
    ("prompts: [p]\nderivedMetrics: [{name: a, value: 'b ? 1 : 0'}]\ntests: [{}]", "derivedMetrics[0].value", "plain"),
    ("prompts: [file://p.py]\ntests: [{}]", "prompts[0]", "is code"),
    ("prompts: [p]\ntests: [file://t.py:make]", "tests[0]", "is code"),
    ("prompts: [p]\ntests: [{path: 'file://t.yaml', config: {}}]", "tests[0]", "code generates"),
    ("prompts: [p]\nscenarios: [{tests: []}]", "scenarios[0]", "without config"),
    ("prompts: [p]\ntests: [{}]\nnunjucksFilters: {a: b.js}", "nunjucksFilters", "run code"),
    ("prompts: [p]\ntets: []", "tets", "'tets'"),
    ("prompts: [p]\ntests: [file:///etc/hostname]", "tests[0]", "no relative path"),
    ("prompts: [p]\ntests: [file://~/x.yaml]", "tests[0]", "no relative path"),
    ("prompts: [p]\ntests: [https://example.org/x.csv]", "tests[0]", "no relative path"),
    ("prompts: [p]\ntests: [file://../../outside.yaml]", "tests[0]", "outside the repository"),
    ("prompts: [p]\ntests: [file://link.yaml]", "tests[0]", "outside the repository"),
    ("prompts: [p]\ntests: [file://missing.yaml]", "tests[0]", "no file"),
    ("prompts: [p]\ntests: [{vars: {a: file://link.yaml}}]", "tests[0].vars.a", "outside the repository"),
    ("prompts: [p]\ntests: [{assert: [{type: is-json, value: file://link.yaml}]}]", "assert[0].value", "outside"),
]


@pytest.mark.parametrize(("config", "label", "reason"), REFUSED)
def test_what_cannot_be_kept_is_refused_by_name(tmp_path, config, label, reason):
    root = tmp_path / "repository"
    build(tmp_path, {"outside.yaml": "- {vars: {a: secret}}\n"})
    (root / "old").mkdir(parents=True)
    os.symlink(tmp_path / "outside.yaml", root / "old" / "link.yaml")
    result = imported(root, {"triage.yaml": config + "\n"})
    matching = [finding for finding in errors(result) if label in finding.found and reason in str(finding)]
    assert matching, [str(finding) for finding in result.findings]
    assert matching[0].path == "old/triage.yaml"
    assert matching[0].line >= 1
    assert not result.complete
    assert "secret" not in str(result)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("prompts: [a]\nprompts: [b]\n", "yaml-duplicate-key"),
        ("a: &x [1, 2]\nprompts: {<<: *x}\n", "yaml-alias"),
        ("prompts: !!python/object:os.system x\n", "yaml-tag"),
        ("prompts: [\n", "yaml-syntax"),
        ("just text\n", "import-value"),
    ],
)
def test_unsound_yaml_gives_findings_and_no_files(tmp_path, text, rule):
    result = imported(tmp_path, {"triage.yaml": text})
    assert rule in {finding.rule for finding in result.findings}
    assert not result.files


def test_a_missing_configuration_is_wrong_usage(tmp_path):
    with pytest.raises(UsageError):
        import_config(tmp_path / "none.yaml", tmp_path)


def test_nothing_is_written(tmp_path):
    imported(tmp_path, {"triage.yaml": CONFIG})
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["old", "triage.yaml"]


def test_a_missing_variable_becomes_empty_and_is_said(tmp_path):
    result = imported(tmp_path, {"triage.yaml": "prompts: ['{{a}} {{b}}']\ntests: [{vars: {a: x}}]\n"})
    assert rows(result)[0]["b"] == ""
    assert any("no value for b" in finding.found for finding in result.findings)


def test_patterns_end_where_javascript_ends_them(tmp_path):
    config = "prompts: [p]\ntests: [{assert: [{type: regex, value: '^yes$'}, {type: regex, value: '[$]\\$'}]}]\n"
    first, second = catalog(tmp_path, imported(tmp_path, {"triage.yaml": config})).suites["triage"].value.assertions
    assert compile_assertion(first).score(Subject("yes", {})).passed
    assert not compile_assertion(first).score(Subject("yes\n", {})).passed
    assert second.value == r"[$]\$"


def test_awkward_texts_survive_the_round_trip(tmp_path):
    texts = [
        "no",
        "1:30",
        "- x",
        "# y",
        "ends with colon:",
        " lead",
        "a\n\nb",
        "ü “q”",
        "010",
        "'",
        '"',
        "{",
        "\t",
        "\u2028",
    ]
    config = {
        "prompts": ["{{a}}"],
        "tests": [{"vars": {"a": t}, "assert": [{"type": "equals", "value": t}]} for t in texts],
    }
    result = imported(tmp_path, {"triage.yaml": json.dumps(config)})
    assert result.complete, result.findings
    found = catalog(tmp_path, result)
    assert [row["a"] for row in found.datasets["triage"].rows] == texts
    (assertion,) = found.suites["triage"].value.assertions
    compiled = compile_assertion(assertion)
    assert all(compiled.score(Subject(row["a"], row)).passed for row in found.datasets["triage"].rows)


def test_awkward_prompts_and_values_survive_the_round_trip(tmp_path):
    prompt = "First line.\n  indented: no\n# not a comment\nlast {{a}}"
    value = "no: 'quoted' \"twice\" # x"
    config = {"prompts": [prompt], "tests": [{"vars": {"a": "x"}, "assert": [{"type": "contains", "value": value}]}]}
    found = catalog(tmp_path, imported(tmp_path, {"triage.yaml": json.dumps(config)}))
    assert found.prompts["triage"].value.messages[0].content == prompt.replace("{{a}}", "{{ a }}")
    assert found.suites["triage"].value.assertions[0].value == value


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("plain text", {"type": "equals", "value": "plain text"}),
        ("note: keep", {"type": "equals", "value": "note: keep"}),
        ("contains: x: y", {"type": "contains", "value": "x: y"}),
        ("not-icontains:x", {"type": "not-icontains", "value": "x"}),
        ("is-json", {"type": "is-json"}),
        ("levenshtein(4): abc", {"type": "levenshtein", "value": "abc", "threshold": 4}),
        ("rouge-n: abc", {"type": "rouge-n", "value": "abc", "threshold": 0.75}),
        ("latency(500)", {"type": "latency", "threshold": 500}),
        ("fn: output", {"type": "javascript", "value": "output"}),
        ("grade: be kind", {"type": "llm-rubric", "value": "be kind"}),
        ("file://check.py", {"type": "python", "value": "file://check.py"}),
        ("fn", {"type": "equals", "value": "fn"}),
    ],
)
def test_cells(cell, expected):
    assert from_cell(cell) == expected


def test_options_for_the_provider_are_left_out_and_said(tmp_path):
    config = "prompts: [p]\ntests: [{options: {timeout: 9}, assert: [{type: is-json, value: false}]}]\n"
    result = imported(tmp_path, {"triage.yaml": config})
    assert result.complete and any("'timeout'" in finding.found for finding in result.findings)


def test_tests_that_cannot_be_read_are_no_test_at_all(tmp_path):
    files = {"triage.yaml": "prompts: ['{{q}}']\ntests: file://t.yaml\n", "t.yaml": "- vars: {q: 2024-01-02}\n"}
    result = imported(tmp_path, files)
    assert [finding.path for finding in errors(result)] == ["old/t.yaml", "old/triage.yaml"]
    assert "no test that can be kept" in errors(result)[1].found
