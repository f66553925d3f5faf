"""The import itself: a promptfoo configuration in, texts of files and findings out. Nothing is written or run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sluice.assertions import compile_assertion
from sluice.errors import Finding
from sluice.interchange.promptfoo.assertions import as_assertion
from sluice.interchange.promptfoo.cases import Case, read_cases, read_defaults
from sluice.interchange.promptfoo.prompts import ImportedPrompt, read_prompts
from sluice.interchange.promptfoo.sources import Sources
from sluice.interchange.promptfoo.spots import Spot
from sluice.interchange.promptfoo.suites import fold
from sluice.interchange.promptfoo.templates import Names, slug
from sluice.interchange.promptfoo.writing import (
    UNSTATED,
    Labels,
    path_of,
    write_card,
    write_prompt,
    write_rows,
    write_suite,
)

_KEYS = ("description", "prompts", "providers", "targets", "tests", "defaultTest", "evaluateOptions")
_IGNORED = (
    "$schema", "commandLineOptions", "env", "metadata", "outputPath", "sharing", "tags", "writeLatestResults",
)  # fmt: skip
_REFUSED = {
    "derivedMetrics": "metrics are gated one by one",
    "extensions": "they run code",
    "nunjucksFilters": "they run code",
    "redteam": "red-team plugins have no counterpart here",
    "scenarios": "write their combinations as tests",
    "tracing": "assertions on traces have no counterpart here",
}
_MAX_TOKENS = 256


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
) -> Imported:
    """Import the promptfoo configuration at `path` into the repository at `root`.

    Prompts, tests and deterministic assertions become texts of prompt, dataset and suite files; `model` and `owners`
    fill what promptfoo does not say. What cannot keep its meaning is left out and reported with file, place, test,
    assertion and reason. With `name` the dataset has that name, and every prompt has it or begins with it. Files are
    read inside `root` only. Raises UsageError where `path` is no file.
    """
    findings: list[Finding] = []
    sources = Sources(path, root, findings)
    config = sources.open_config(path)
    if config is None or not _is_config(config):
        return Imported({}, tuple(findings))
    config.check_keys(_KEYS, _IGNORED, _REFUSED)
    names = Names()
    prompts = _prompts(config, sources, names, _name(path), name)
    cases = _cases(config, sources, names, prompts)
    labels = Labels(
        path.name, str(config.value.get("description") or f"Imported from {path.name}."), tuple(owners), model
    )
    files = _files(name or _name(path), prompts, cases, _parameters(config), labels) if prompts and cases else {}
    _say_what_is_missing(config, prompts, cases, labels)
    return Imported(files, tuple(sorted(set(findings))))


def _is_config(config: Spot) -> bool:
    if isinstance(config.value, dict) and "prompts" in config.value:
        return True
    config.report(
        "import-value", "no `prompts`", "a promptfoo configuration", "name the file that has prompts and tests"
    )
    return False


def _name(path: Path) -> str:
    """Return the name of the dataset: the file's, or its directory's where the file has promptfoo's usual name."""
    stem = path.name.split(".")[0]
    usual = stem in ("promptfooconfig", "promptfoo", "config")
    return slug(path.resolve().parent.name if usual else stem) or "imported"


def _prompts(config: Spot, sources: Sources, names: Names, usual: str, name: str | None) -> list[ImportedPrompt]:
    spot = config.get("prompts")
    return [] if spot is None else read_prompts(spot, sources, names, usual, name)


def _cases(config: Spot, sources: Sources, names: Names, prompts: Sequence[ImportedPrompt]) -> list[Case]:
    spot = config.get("tests")
    defaults = read_defaults(config.get("defaultTest"), sources, names)
    cases = [] if spot is None else read_cases(spot, sources, names, defaults)
    return [_filled(case, prompts) for case in cases]


def _filled(case: Case, prompts: Sequence[ImportedPrompt]) -> Case:
    """Give a case every field that its prompts and assertions insert: promptfoo inserts nothing for a missing one."""
    inserted = [prompt.fields for prompt in prompts]
    inserted += [compile_assertion(as_assertion(spec)).fields for spec in case.specs]
    missing = sorted(frozenset().union(*inserted) - set(case.fields))
    if not missing:
        return case
    case.spot.note(
        f"no value for {', '.join(missing)}", "a value for every variable that is inserted", "it becomes an empty text"
    )
    return Case(case.id, {**case.fields, **dict.fromkeys(missing, "")}, case.specs, case.spot)


def _parameters(config: Spot) -> dict[str, Any]:
    """Return the sampling parameters that all providers of the configuration agree on."""
    providers = config.value.get("providers", config.value.get("targets"))
    listed = providers if isinstance(providers, list) else [providers]
    configs = [entry.get("config") for entry in listed if isinstance(entry, dict)]
    found = [item for item in configs if isinstance(item, dict)]
    parameters: dict[str, Any] = {"max_tokens": _MAX_TOKENS, "temperature": 0}
    for name in parameters:
        stated = [item[name] for item in found if _is_number(item.get(name))]
        if stated and len(stated) == len(listed) and len(set(stated)) == 1:
            parameters[name] = stated[0]
    return parameters


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _files(
    name: str, prompts: Sequence[ImportedPrompt], cases: Sequence[Case], parameters: Mapping[str, Any], labels: Labels
) -> dict[str, str]:
    folded = fold(cases)
    files = {
        path_of("dataset", name): write_card(folded.rows, labels),
        path_of("dataset", name, ".jsonl"): write_rows(folded.rows),
    }
    for prompt in prompts:
        files[path_of("prompt", prompt.name)] = write_prompt(prompt, folded.rows, parameters, labels)
        if folded.assertions:
            files[path_of("suite", prompt.name)] = write_suite(prompt.name, name, folded, labels)
    return files


def _say_what_is_missing(
    config: Spot, prompts: Sequence[ImportedPrompt], cases: Sequence[Case], labels: Labels
) -> None:
    if not prompts:
        config.report("import-value", "no prompt that can be kept", "at least one", "see the findings above")
    if not cases:
        config.report("import-value", "no test that can be kept", "at least one", "see the findings above")
    elif not any(case.specs for case in cases):
        config.report("import-value", "no assertion that can be kept", "at least one", "see the findings above")
    for key in ("providers", "targets"):
        spot = config.get(key)
        if spot is not None:
            spot.note(
                "providers are not imported", f"a model file; the prompts name {labels.model}", "choose the model"
            )
    options = config.get("evaluateOptions")
    if options is not None:
        options.note("evaluateOptions are not imported", "repeats and budget in the suite", "set them there")
    config.note(
        f"the licence ({UNSTATED}), owners and gates are placeholders", "the real ones", "edit the files before use"
    )
