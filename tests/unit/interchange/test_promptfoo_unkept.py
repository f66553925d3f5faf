"""What an import refuses although it is well formed: data no file can hold, and patterns JavaScript reads otherwise."""

import json

import pytest

from sluice.interchange.promptfoo import import_config
from sluice.interchange.promptfoo.js_json import read_json
from sluice.interchange.promptfoo.js_regex import NotRead, read_pattern

CASES = "prompts: ['{{a}}']\ntests: file://cases%s\n"
ONE = '{"vars": {"a": %s}, "assert": [{"type": "equals", "value": "v"}]}\n'
WEIGHT = '{"vars": {"a": "x"}, "assert": [{"type": "equals", "value": "v", "%s": %s}]}\n'


def imported(root, files):
    for name, text in files.items():
        (root / name).write_text(text, encoding="utf-8")
    return import_config(root / "old.yaml", root)


def errors(result):
    return [finding for finding in result.findings if finding.severity == "error"]


DEEP = "[" * 100_000
LINES = [
    (ONE % '"\\ud800"', "surrogate"),
    (ONE % '{"\\udfff": 1}', "surrogate"),
    (ONE % ("[" * 101 + "]" * 101), "100 deep"),
    (DEEP, "100 deep"),
    (ONE % "NaN", "NaN"),
    (ONE % "-Infinity", "Infinity"),
    (ONE % "1e999", "1e999"),
    (WEIGHT % ("weight", "1e999"), "1e999"),
    (WEIGHT % ("threshold", "NaN"), "NaN"),
    (ONE % "9007199254740992", "9007199254740992"),
    (ONE % "-9007199254740993", "9007199254740993"),
    (ONE % ("1" * 6000), "6000 digits"),
]


@pytest.mark.parametrize(("line", "reason"), LINES)
def test_lines_that_no_file_here_can_hold_are_findings(tmp_path, line, reason):
    text = ONE % '"fine"' + line
    result = imported(tmp_path, {"old.yaml": CASES % ".jsonl", "cases.jsonl": text})
    (finding,) = errors(result)
    assert (finding.path, finding.line) == ("cases.jsonl", 2) and reason in finding.found


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        (DEEP, "yaml-syntax"),
        ("- " * 100_000, "yaml-syntax"),
        (f"[{ONE % ('1' * 6000)}]", "yaml-number"),
        (f"[{ONE % '1e999'}]", "yaml-number"),
    ],
)
def test_test_files_that_would_end_the_reader_are_findings(tmp_path, text, rule):
    result = imported(tmp_path, {"old.yaml": CASES % ".json", "cases.json": text})
    assert ("cases.json", rule) in {(finding.path, finding.rule) for finding in errors(result)}
    assert not result.files and all(len(str(finding)) < 400 for finding in result.findings)


@pytest.mark.parametrize(
    "text", ['"😀 \\ud83d\\ude00"', "9007199254740991", "[[[1.5, -2e3]]]", '"[[[[" ', '{"a": "\\""}']
)
def test_json_that_can_be_kept_is_read_as_it_is(text):
    assert read_json(text) == json.loads(text)


def test_brackets_in_texts_are_no_nesting():
    assert read_json(json.dumps("[" * 500 + '"' + "{" * 500)).startswith("[[")


def test_a_chat_prompt_with_half_a_character_is_a_finding(tmp_path):
    prompt = '[{"role": "user", "content": "\\ud800"}]'
    result = imported(tmp_path, {"old.yaml": "prompts: [file://p.jsonl]\ntests: [{}]\n", "p.jsonl": prompt})
    assert any("surrogate" in finding.found for finding in errors(result))


REFUSED = [
    ("(?i)yes", "flags"), ("(?i:yes)", "flags"), ("(?s-m)a", "flags"), ("(?P<n>a)", "(?P<"), ("(a)(?P=n)", "(?P="),
    ("a++", "possessive"), ("a*+", "possessive"), ("a?+", "possessive"), ("a{2}+", "possessive"), ("(?>a)", "atomic"),
    (r"\Ayes", "letter A"), (r"yes\Z", "letter Z"), (r"yes\z", "letter z"), ("a{,3}", "{,3}"),
    ("[[:alpha:]]", "[:alpha:]"),
    (r"(?<n>a)\k<n>", "by name"), (r"\p{L}", "letters p{L}"), (r"\u{41}", "letters u"), (r"\cA", "letter c"),
    ("[]a]", "nothing or anything"), ("[^]", "nothing or anything"), ("a{e<=1}", "{e<=1}"), ("(?#x)", "rejects"),
    ("(?<n>a)(?<n>b)", "second group"), (r"\h", "letter h"), ("a{2}{3}", "quantifier of a quantifier"),
    ("^*a", "nothing"),
    ("😀+", "half"), ("[😀]", "halves"), (r"[\A]", "letter A"),
    ("(" * 5000 + ")" * 5000, "100 deep"), ("(?|a)", "rejects"),
    (r"\012", "octal"), ("(?(1)a|b)", "rejects"), (r"\x1", "digits"), ("(?R)", "rejects"), (r"\Gx", "letter G"),
    ("((a{1000}){1000}){2}", "multiply"), ("((?:a{9}[b]{1000}){10,1000})", "multiply"),
    ("(?<=a)+", "nothing"), (r"\1(a)", "before its group"), (r"(a\1)", "before its group"),
]  # fmt: skip


@pytest.mark.parametrize(("pattern", "reason"), REFUSED)
def test_patterns_that_javascript_reads_otherwise_are_refused(tmp_path, pattern, reason):
    config = {"prompts": ["p"], "tests": [{"assert": [{"type": "regex", "value": pattern}]}]}
    result = imported(tmp_path, {"old.yaml": json.dumps(config, ensure_ascii=False)})
    found = [finding.found for finding in errors(result) if "tests[0].assert[0].value: a pattern with" in finding.found]
    assert len(found) == 1 and reason in found[0], result.findings
    assert not result.complete


@pytest.mark.parametrize(
    "pattern",
    ["^yes$", "(?:a|b)+?", "(?<=a)b(?!c)", r"a{2}b{2,}c{2,3}?", r"[^\]a-z\-]*", r"\{\"a\": 1\}", '{"a": 1}', "😀",
     r"(?<n>x)", r"\/\.\$\x41A", "[[(?i)]", r"[\b]", "{{ a }}+", "[+*?]+", "(😀)+", r"\0", "(?=a)*",
     "(a{300}b){300}(c{300})"],
)  # fmt: skip
def test_patterns_that_mean_the_same_are_taken(pattern):
    assert read_pattern(pattern) == ()


def test_what_differs_beyond_ascii_is_named():
    assert read_pattern(r"\d+.[\w]\s(a)\1") == (".", "\\1", "\\d", "\\s", "\\w")
    assert read_pattern(r"\.[.]") == ()


def test_a_pattern_that_differs_beyond_ascii_is_a_warning_once(tmp_path):
    test = "{assert: [{type: regex, value: '^\\w+$'}]}"
    result = imported(tmp_path, {"old.yaml": f"prompts: [p]\ntests: [{test}, {test}]\n"})
    assert result.complete
    assert len([finding for finding in result.findings if "in a pattern" in finding.found]) == 1


def test_a_pattern_that_a_case_inserts_is_read_too(tmp_path):
    config = "prompts: ['{{a}}']\ntests: [{vars: {a: '(?i)b'}, assert: [{type: regex, value: '^{{a}}$'}]}]\n"
    assert any("flags" in finding.found for finding in errors(imported(tmp_path, {"old.yaml": config})))


def test_read_pattern_says_what_to_write():
    with pytest.raises(NotRead) as caught:
        read_pattern("(?P<n>a)")
    assert "(?<name>" in caught.value.fix


def test_variables_that_make_too_many_cases_are_counted_and_not_expanded(tmp_path):
    variables = {name: [f"{number}" for number in range(1000)] for name in "abcdef"}
    config = {"prompts": ["{{a}}"], "tests": [{"vars": {"a": "x"}}, {"vars": variables}]}
    finding = errors(imported(tmp_path, {"old.yaml": json.dumps(config)}))[-1]
    assert str(10**18) in finding.found and str(10**18 + 1) in finding.found and "tests[1]" in finding.found


def test_a_scenario_of_too_many_tests_is_counted(tmp_path):
    many = [{"vars": {"a": f"{number}"}} for number in range(1000)]
    config = {"prompts": ["{{a}}"], "scenarios": [{"config": many, "tests": many}]}
    found = errors(imported(tmp_path, {"old.yaml": json.dumps(config)}))
    assert any("a scenario of 1000000 tests" in finding.found for finding in found)


def test_a_configuration_without_prompts_asks_the_variable_prompt(tmp_path):
    config = "tests: [{vars: {prompt: Say hi.}, assert: [{type: contains, value: hi}]}]\n"
    result = imported(tmp_path, {"old.yaml": config})
    assert result.complete, result.findings
    assert "{{ prompt }}" in result.files["prompts/old.yaml"]
    assert json.loads(result.files["datasets/old.jsonl"])["prompt"] == "Say hi."


def test_a_formula_over_the_metric_of_a_refused_assertion_says_so(tmp_path):
    config = """\
prompts: [p]
tests: [{assert: [{type: llm-rubric, value: x, metric: Kind}, {type: is-json}]}]
derivedMetrics: [{name: twice, value: Kind * 2}, {name: thrice, value: twice * 2}, {name: odd, value: nobody * 2}]
"""
    found = {
        finding.found.partition(":")[0]: finding.found for finding in errors(imported(tmp_path, {"old.yaml": config}))
    }
    assert "'Kind', which is not imported" in found["derivedMetrics[0].value"]
    assert "'twice', which is not imported" in found["derivedMetrics[1].value"]
    assert "'nobody', which no assertion has" in found["derivedMetrics[2].value"]


def test_a_test_file_may_name_files_of_one_test_each(tmp_path):
    (tmp_path / "more").mkdir()
    files = {
        "old.yaml": "prompts: ['{{a}}']\ntests: file://more/all.yaml\n",
        "more/all.yaml": "- file://more/one.yaml\n- two.json\n",
        "more/one.yaml": "{vars: {a: x}, assert: [{type: equals, value: v}]}\n",
        "more/two.json": '{"vars": {"a": "y"}}',
    }
    result = imported(tmp_path, files)
    assert result.complete, result.findings
    assert [json.loads(line)["a"] for line in result.files["datasets/old.jsonl"].splitlines()] == ["x", "y"]


@pytest.mark.parametrize("named", ["file://all.yaml", "all.yaml", "file://list.yaml", "file://name.yaml", "rows.csv"])
def test_a_named_file_that_is_no_single_test_is_a_finding(tmp_path, named):
    files = {
        "old.yaml": "prompts: ['{{a}}']\ntests: file://all.yaml\n",
        "all.yaml": f"- vars: {{a: x}}\n- {named}\n",
        "list.yaml": "- vars: {a: x}\n",
        "name.yaml": "file://all.yaml\n",
        "rows.csv": "a\nx\n",
    }
    found = errors(imported(tmp_path, files))
    assert [(one.path, one.line) for one in found if "a single test" in one.found] == [("all.yaml", 2)]


CALLED = """\
prompts: [p]
providers: [{id: x, config: {tools: %s}}]
tests: [{assert: [{type: is-valid-openai-tools-call}]}]
"""
TOOL = "[{type: function, function: {name: look, parameters: {type: object}}}]\n"


FILES = {"tools.yaml": TOOL, "text.yaml": "a: b\n", "empty.yaml": ""}


@pytest.mark.parametrize("named", ["file://tools.yaml", "[file://tools.yaml]"])
def test_tools_of_a_file_are_read(tmp_path, named):
    result = imported(tmp_path, {"old.yaml": CALLED % named, "tools.yaml": TOOL})
    assert result.complete, result.findings
    assert "look" in result.files["evals/old.yaml"]


@pytest.mark.parametrize(
    ("named", "reason"),
    [
        ("file://none.yaml", "no file"),
        ("file://t.py:make", "is code"),
        ("file://text.yaml", "no list"),
        ("file://empty.yaml", "no list"),
        ("[file://tools.yaml, x]", "no list"),
        ("[]", "no func"),
    ],
)
def test_tools_that_cannot_be_read_say_why(tmp_path, named, reason):
    found = [one.found for one in errors(imported(tmp_path, {"old.yaml": CALLED % named, **FILES}))]
    assert any(reason in text for text in found)
    assert len([text for text in found if "functions or tools" in text]) == (reason not in ("no file", "is code"))


def test_a_transform_within_very_many_is_refused(tmp_path):
    transform = "JSON.parse(" * 5000 + "output" + ")" * 5000
    config = {"prompts": ["p"], "tests": [{"assert": [{"type": "is-json", "transform": transform}]}]}
    found = errors(imported(tmp_path, {"old.yaml": json.dumps(config)}))
    assert any("a transform that is code" in one.found for one in found)


@pytest.mark.parametrize("column", ["__expected", "__threshold"])
def test_a_threshold_of_a_cell_that_is_infinite_is_a_finding(tmp_path, column):
    cell = f"levenshtein({'9' * 400}): x" if column == "__expected" else "1e999"
    files = {"old.yaml": "prompts: ['{{a}}']\ntests: file://a.csv\n", "a.csv": f"a,{column}\n1,{cell}\n"}
    assert any("threshold inf" in one.found and one.path == "a.csv" for one in errors(imported(tmp_path, files)))
