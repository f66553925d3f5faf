"""The import itself: a promptfoo configuration in, texts of files and findings out. Nothing is written or run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sluice.assertions import compile_assertion
from sluice.errors import Finding
from sluice.interchange.promptfoo.assertions import Reader, Spec, as_assertion
from sluice.interchange.promptfoo.cases import Case, printed_text, read_cases
from sluice.interchange.promptfoo.code import Code
from sluice.interchange.promptfoo.derived import read_derived
from sluice.interchange.promptfoo.prompts import ImportedPrompt, read_prompts
from sluice.interchange.promptfoo.providers import Providers, read_providers
from sluice.interchange.promptfoo.references import resolved
from sluice.interchange.promptfoo.sources import Sources
from sluice.interchange.promptfoo.spots import Spot
from sluice.interchange.promptfoo.suites import fold
from sluice.interchange.promptfoo.templates import Names, slug
from sluice.interchange.promptfoo.tests import Test, read_tests
from sluice.interchange.promptfoo.writing import (
    UNSTATED,
    Labels,
    path_of,
    write_card,
    write_prompt,
    write_rows,
    write_suite,
)

_KEYS = (
    "description", "prompts", "providers", "targets", "tests", "defaultTest", "evaluateOptions", "scenarios",
    "derivedMetrics",
)  # fmt: skip
_IGNORED = (
    "$schema", "commandLineOptions", "env", "metadata", "outputPath", "sharing", "tags", "writeLatestResults",
)  # fmt: skip
_REFUSED = {
    "extensions": "they run code",
    "nunjucksFilters": "they run code",
    "redteam": "red-team plugins have no counterpart here",
    "tracing": "assertions on traces have no counterpart here",
}
DEFAULT_PROMPT = "{{prompt}}"
"""What promptfoo asks where a configuration has no prompts."""

_OPTION_KEYS = ("repeat",)
_OPTION_IGNORED = (
    "cache", "delay", "filterRange", "generateSuggestions", "interactiveProviders", "maxConcurrency", "maxEvalTimeMs",
    "showProgressBar", "silent", "timeoutMs",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Imported:
    """Path -> text of the files to write, and what a person must know. Errors name what was not taken over."""

    files: Mapping[str, str]
    findings: tuple[Finding, ...]

    @property
    def complete(self) -> bool:
        """Whether everything was taken over with the same meaning."""
        return not any(finding.severity == "error" for finding in self.findings)


def import_config(
    path: Path,
    root: Path,
    *,
    name: str | None = None,
    model: str = "portal-small",
    owners: Sequence[str] = ("unassigned",),
    allow_code: bool = False,
) -> Imported:
    """Import the promptfoo configuration at `path` into the repository at `root`.

    Prompts, tests and deterministic assertions become texts of prompt, dataset and suite files; `model` and `owners`
    fill what promptfoo does not say. What cannot keep its meaning is left out and reported with file, place, test,
    assertion and reason. With `name` the dataset has that name, and every prompt has it or begins with it. Files are
    read inside `root` only; Python of the tests is taken over where `allow_code` says so. Raises UsageError where
    `path` is no file.
    """
    findings: list[Finding] = []
    sources = Sources(path, root, findings)
    config = sources.open_config(path)
    if config is None or not _is_config(config):
        return Imported({}, tuple(findings))
    config, referred = resolved(config, sources)
    shared = [key for key in config.value if key in referred or key.startswith(("x-", "_", "."))]
    config.check_keys(_KEYS, (*_IGNORED, *shared), _REFUSED)
    labels = Labels(
        path.name, str(config.value.get("description") or f"Imported from {path.name}."), tuple(owners), model
    )
    files = _Import(config, sources, labels, _name(path), name, allow_code).files()
    return Imported(files, tuple(sorted(set(findings))))


def _is_config(config: Spot) -> bool:
    if isinstance(config.value, dict) and any(key in config.value for key in ("prompts", "tests", "scenarios")):
        return True
    config.report(
        "import-value",
        "no `prompts` and no `tests`",
        "a promptfoo configuration",
        "name the file that has prompts and tests",
    )
    return False


def _name(path: Path) -> str:
    """Return the name of the dataset: the file's, or its directory's where the file has promptfoo's usual name."""
    stem = path.name.split(".")[0]
    usual = stem in ("promptfooconfig", "promptfoo", "config")
    return slug(path.resolve().parent.name if usual else stem) or "imported"


class _Import:
    """One import: what is read from the configuration, in the order in which the parts need one another."""

    def __init__(
        self, config: Spot, sources: Sources, labels: Labels, usual: str, name: str | None, allow_code: bool
    ) -> None:
        self.config = config
        self.labels = labels
        self.name = name or usual
        self.names = Names()
        self.providers: Providers = read_providers(config, sources)
        self.code = Code(sources, allow_code)
        tests = read_tests(config, sources)
        self.repeats = _repeats(config, tests)
        place = config.get("prompts") or config.with_value(DEFAULT_PROMPT)
        self.prompts = read_prompts(place, sources, self.names, usual, name, _around(tests))
        reader = Reader(sources, self.names, self.providers.functions, self.code)
        self.cases = self._texts([self._filled(case) for case in read_cases(tests, sources, reader)])
        self.derived = read_derived(config.get("derivedMetrics"), reader.metrics, reader.given)

    def files(self) -> dict[str, str]:
        """Return the texts of all files, and say what a person should know."""
        self._say()
        if not self.prompts or not self.cases:
            return {}
        groups = self._groups()
        files: dict[str, str] = {}
        for prompts, cases in groups:
            files |= self._group(prompts, cases, self.name if len(groups) == 1 else prompts[0].name)
        return files

    def _groups(self) -> list[tuple[list[ImportedPrompt], list[Case]]]:
        """Return prompts that have the same cases together with these; a dataset each."""
        groups: dict[tuple[str, ...], tuple[list[ImportedPrompt], list[Case]]] = {}
        for prompt in self.prompts:
            cases = [case for case in self.cases if case.prompts is None or any(map(prompt.is_called, case.prompts))]
            if not cases:
                self.config.note(f"no test for prompt {prompt.name}", "at least one", "it is left out")
                continue
            groups.setdefault(tuple(case.id for case in cases), ([], cases))[0].append(prompt)
        return list(groups.values())

    def _group(self, prompts: Sequence[ImportedPrompt], cases: Sequence[Case], name: str) -> dict[str, str]:
        folded = fold(cases)
        files = {
            path_of("dataset", name): write_card(folded.rows, self.labels),
            path_of("dataset", name, ".jsonl"): write_rows(folded.rows),
        }
        code = self.code.text(self.labels.source, self.names.by_variable)
        for prompt in prompts:
            files[path_of("prompt", prompt.name)] = write_prompt(
                prompt, folded.rows, self.providers.parameters, self.labels
            )
            if folded.assertions:
                files[path_of("suite", prompt.name)] = write_suite(
                    prompt.name, name, folded, self.labels, self.repeats, self.derived
                )
            if folded.assertions and code is not None:
                files[path_of("suite", prompt.name, ".py")] = code
        return files

    def _filled(self, case: Case) -> Case:
        """Give a case every field that is inserted: promptfoo inserts nothing for a missing one."""
        inserted = [prompt.fields for prompt in self.prompts]
        inserted += [self._fields_of(spec) for spec in case.specs]
        missing = sorted(frozenset().union(*inserted) - set(case.fields))
        if not missing:
            return case
        case.spot.note(
            f"no value for {', '.join(missing)}",
            "a value for every variable that is inserted",
            "it becomes an empty text",
        )
        return replace(case, fields={**case.fields, **dict.fromkeys(missing, "")})

    def _fields_of(self, spec: Spec) -> frozenset[str]:
        return compile_assertion(as_assertion(spec), suite_code=self.code.module).fields

    def _texts(self, cases: Iterable[Case]) -> list[Case]:
        """Write what is inserted as the text that JavaScript inserts: `true`, an empty text for null, a list as a,b."""
        return [replace(case, fields={name: self._text(case, name) for name in case.fields}) for case in cases]

    def _text(self, case: Case, name: str) -> Any:
        value = case.fields[name]
        if name not in self.names.printed or isinstance(value, str) or _is_number(value):
            return value
        text = printed_text(value)
        if text is None or name in self.names.read or self.code.functions:
            case.spot.refuse(
                f"variable {name} is inserted as a text and is {type(value).__name__}, not a text",
                "write it as a text, or insert its parts",
            )
        return text or ""

    def _say(self) -> None:
        config, expected = self.config, "at least one"
        if not self.prompts:
            config.report("import-value", "no prompt that can be kept", expected, "see the findings above")
        if not self.cases:
            config.report("import-value", "no test that can be kept", expected, "see the findings above")
        elif not any(case.specs for case in self.cases):
            config.report("import-value", "no assertion that can be kept", expected, "see the findings above")
        for key in ("providers", "targets"):
            spot = config.get(key)
            if spot is not None:
                fix = "choose the model"
                spot.note("providers are not imported", f"a model file; the prompts name {self.labels.model}", fix)
        config.note(
            f"the licence ({UNSTATED}), owners and gates are placeholders", "the real ones", "edit the files before use"
        )


def _repeats(config: Spot, tests: Sequence[Test]) -> int:
    options = config.get("evaluateOptions")
    if options is not None and isinstance(options.value, dict):
        options.check_keys(_OPTION_KEYS, _OPTION_IGNORED)
    shared = options.get("repeat") if options is not None else None
    wanted = {_count(test.options.get("repeat") or shared) for test in tests} or {_count(shared)}
    if len(wanted) > 1:
        tests[0].spot.refuse("tests that are repeated differently", "a suite repeats all its cases; write two files")
    return max(wanted)


def _count(spot: Spot | None) -> int:
    value = 1 if spot is None else spot.value
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 100:
        if spot is not None:
            spot.report("import-value", f"repeat {value!r}", "a whole number from 1 to 100", "correct the number")
        return 1
    return value


def _around(tests: Sequence[Test]) -> tuple[str, str]:
    """Return the prefix and suffix that every test gives to the prompts."""
    found = {(str(test.option("prefix") or ""), str(test.option("suffix") or "")) for test in tests}
    if len(found) > 1:
        odd = next(test for test in tests if test.option("prefix") or test.option("suffix"))
        odd.spot.refuse("a prefix or suffix that not all tests share", "write it into a prompt of its own")
    return found.pop() if len(found) == 1 else ("", "")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
