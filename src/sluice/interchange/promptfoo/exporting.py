"""A suite as a promptfoo configuration: its prompt, its cases as tests, its assertions as each case needs them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from sluice.assertions import SET, parse_when
from sluice.assertions.values import Data, Template
from sluice.errors import UsageError
from sluice.interchange.promptfoo.templates import has_syntax
from sluice.interchange.promptfoo.vocabulary import CALLS, KEPT
from sluice.schema import Assertion, Prompt, Suite
from sluice.schema.suite import JsonValue

_OF_THE_CALL = ("cost", "finish-reason", "latency")
"""Types that judge the call; promptfoo knows nothing of it where the output is a recorded one."""

_STEPS = {"trim": ".trim()", "lower": ".toLowerCase()", "upper": ".toUpperCase()"}
_OWN_BLOCK = re.compile(r"\{%\+(.*?)\+%\}", re.DOTALL)
_NAME = re.compile(r"[A-Za-z_]\w*\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class ExportedCase:
    """One case: its id, its row, and the output that was judged (None: promptfoo asks the model)."""

    id: str
    row: Mapping[str, Any]
    output: str | None = None


def promptfoo_config(name: str, suite: Suite, prompt: Prompt, cases: Iterable[ExportedCase]) -> dict[str, Any]:
    """Return the configuration of a suite; raise UsageError where promptfoo has no counterpart.

    Values are rendered for each case here, so that promptfoo inserts nothing twice.
    """
    _refuse_foreign(name, suite.assertions)
    listed = list(cases)
    tests = [_test(suite, case) for case in listed]
    recorded = all(case.output is not None for case in listed)
    return {
        "description": suite.description,
        "prompts": [{"label": suite.prompt, "raw": _raw(suite.prompt, prompt)}],
        "providers": [_provider(suite, prompt, recorded)],
        "tests": tests,
        **({"evaluateOptions": {"repeat": suite.repeats}} if suite.repeats > 1 else {}),
    }


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True


def _quoted(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    # Every text in quotes: promptfoo's reader and others disagree about what a plain one is.
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=None if _NAME.match(value) else '"')


_Dumper.add_representer(str, _quoted)


def as_yaml(config: Mapping[str, Any]) -> str:
    """Return a configuration as the text of a YAML file."""
    return yaml.dump(dict(config), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)


def _refuse_foreign(name: str, assertions: Iterable[Assertion]) -> None:
    for assertion in assertions:
        _refuse_foreign(name, assertion.assertions)
        base = assertion.type.removeprefix("not-")
        if base not in KEPT and assertion.type != SET:
            raise UsageError(f"promptfoo has no counterpart for {assertion.type} of suite {name}; export another suite")


def raw_prompt(prompt: Prompt) -> str:
    """Return a prompt's templates as one text: that of a single message of the user, else messages as JSON."""
    return _as_text([(message.role, message.content) for message in prompt.messages])


def _raw(name: str, prompt: Prompt) -> str:
    return _as_text([(message.role, _nunjucks(name, message.content)) for message in prompt.messages])


def _as_text(contents: Sequence[tuple[str, str]]) -> str:
    if len(contents) == 1 and contents[0][0] == "user":
        return contents[0][1]
    return json.dumps([{"role": role, "content": content} for role, content in contents], ensure_ascii=False)


def _nunjucks(name: str, content: str) -> str:
    """Return a template as Nunjucks means it: blocks that say `+` keep their line feeds there without saying so."""
    text = _OWN_BLOCK.sub(r"{%\1%}", content)
    if "{%" in _OWN_BLOCK.sub("", content) or "{#" in content:
        raise UsageError(
            f"prompt {name} has blocks whose blanks Nunjucks would keep; write them as {{%+ … +%}} to export them"
        )
    return text.removesuffix("\n")


def _provider(suite: Suite, prompt: Prompt, recorded: bool) -> dict[str, Any]:
    """Return the provider: one that asks nobody where every output is recorded and no functions are declared."""
    config: dict[str, Any] = {
        "temperature": prompt.parameters.temperature,
        "max_tokens": prompt.parameters.max_tokens,
    }
    declared = [one.value for one in suite.assertions if one.type in CALLS]
    if declared:
        tools = "tools" if isinstance(declared[0], list) and "function" in declared[0][0] else "functions"
        config[tools] = declared[0]
    if recorded and not declared:
        return {"id": "echo"}
    key = {"apiKey": "nobody-is-asked"} if recorded else {}
    return {"id": f"openai:chat:{prompt.model}", "config": key | config}


def _test(suite: Suite, case: ExportedCase) -> dict[str, Any]:
    for field, value in case.row.items():
        if has_syntax(json.dumps(value, ensure_ascii=False)):
            raise UsageError(f"case {case.id}: {field} holds `{{{{`, which promptfoo would render; export other cases")
    asserts = list(_assertions(suite.assertions, case))
    mark = suite.score.pass_mark if suite.score else None
    mark = case.row.get(mark) if isinstance(mark, str) else mark
    return {
        "description": case.id,
        "vars": {name: _var(value) for name, value in case.row.items()},
        "metadata": {"id": case.id},
        "options": {"disableVarExpansion": True},
        **({"assert": asserts} if asserts else {}),
        **({"threshold": mark} if mark is not None and asserts else {}),
        **({"providerOutput": _output(suite, case.output)} if case.output is not None else {}),
    }


def _output(suite: Suite, output: str) -> Any:
    """Return a recorded output: as data where calls of functions are judged, which promptfoo reads from data only."""
    if not any(assertion.type in CALLS for assertion in suite.assertions):
        return output
    try:
        data = json.loads(output)
    except ValueError:
        return output
    return data if isinstance(data, dict | list) else output


def _var(value: Any) -> Any:
    # What a template here prints for these, JavaScript prints otherwise.
    return str(value) if isinstance(value, bool) or value is None else value


def _assertions(assertions: Sequence[Assertion], case: ExportedCase) -> Iterator[dict[str, Any]]:
    for assertion in assertions:
        if assertion.when is not None and not parse_when(assertion.when)(case.row):
            continue
        if case.output is not None and assertion.type.removeprefix("not-") in _OF_THE_CALL:
            continue
        yield _assertion(assertion, case)


def _assertion(assertion: Assertion, case: ExportedCase) -> dict[str, Any]:
    written: dict[str, Any] = {"type": assertion.type, "metric": assertion.metric}
    if assertion.type == SET:
        written["assert"] = list(_assertions(assertion.assertions, case))
    elif assertion.value is not None and assertion.type not in CALLS:
        written["value"] = _value(assertion, case.row)
    if assertion.threshold is not None:
        written["threshold"] = assertion.threshold
    if assertion.weight != 1:
        written["weight"] = assertion.weight
    if assertion.transform:
        written["transform"] = _javascript(assertion)
    return written


def _value(assertion: Assertion, row: Mapping[str, Any]) -> Any:
    value, base = assertion.value, assertion.type.removeprefix("not-")
    if base == "regex":
        return _literal(Template(str(value)).render_escaped(row).replace(r"\Z", "$"))
    if isinstance(value, str) and Template(value).plain_field is not None and base not in ("equals", "word-count"):
        found = row.get(str(Template(value).plain_field))
        if isinstance(found, list):
            return [_literal(str(item)) for item in found]
    if isinstance(value, str):
        return _literal(Template(value).render(row))
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return [_literal(Template(item).render(row)) for item in value]
    return Data.of(value).build(row)


def _literal(text: str) -> str:
    """Return a text that promptfoo does not render."""
    return f"{{% raw %}}{text}{{% endraw %}}" if has_syntax(text) else text


def _javascript(assertion: Assertion) -> str:
    code = "output"
    for step in assertion.transform:
        if isinstance(step, JsonValue):
            path = "".join(f"[{json.dumps(part)}]" for part in step.path)
            code = f"JSON.parse({code}){path}"
        else:
            code += _STEPS[step]
    return code
