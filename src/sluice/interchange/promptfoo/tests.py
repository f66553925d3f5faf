"""Tests of a promptfoo configuration, from wherever they come, merged with `defaultTest` and scenarios."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sluice.interchange.promptfoo.cells import from_columns
from sluice.interchange.promptfoo.sources import SCHEME, Sources
from sluice.interchange.promptfoo.spots import Spot

_KEYS = ("vars", "assert", "description", "metadata", "options", "threshold", "providerOutput", "prompts")
_REFUSED = {
    "assertScoringFunction": "it runs code",
    "provider": "a suite has one model, that of its prompt",
    "providers": "a suite has one model, that of its prompt",
}
_OPTION_KEYS = (
    "disableVarExpansion", "disableDefaultAsserts", "prefix", "suffix", "repeat", "transform", "postprocess",
)  # fmt: skip
_OPTION_IGNORED = ("runSerially", "provider", "rubricPrompt", "factuality", "disableConversationVar")
_OPTION_REFUSED = {
    "transformVars": "write the variables as they should be",
    "storeOutputAs": "cases do not depend on one another",
}
MOST_TESTS = 100_000
"""Tests of one scenario: those of each of its configurations."""


@dataclass(frozen=True, slots=True)
class Test:
    """One test with everything it inherits; values keep their places."""

    __test__ = False

    spot: Spot
    variables: Mapping[str, Spot] = field(default_factory=dict)
    asserts: tuple[Spot, ...] = ()
    options: Mapping[str, Spot] = field(default_factory=dict)
    threshold: Spot | None = None
    prompts: Spot | None = None
    output: Spot | None = None
    given: str | None = None

    def option(self, name: str) -> Any:
        """Return an option's value, or None."""
        spot = self.options.get(name)
        return None if spot is None else spot.value

    def over(self, default: Test) -> Test:
        """Return this test with what a default gives; its own assertions come after those of the default."""
        skipped = self.option("disableDefaultAsserts") is True
        return replace(
            self,
            variables={**default.variables, **self.variables},
            asserts=(*(() if skipped else default.asserts), *self.asserts),
            options={**default.options, **self.options},
            threshold=self.threshold or default.threshold,
            prompts=self.prompts or default.prompts,
        )


def read_tests(config: Spot, sources: Sources) -> list[Test]:
    """Return the tests of a configuration; what cannot be kept becomes a finding."""
    default = _default(config.get("defaultTest"), sources, config)
    spots = [] if (tests := config.get("tests")) is None else list(_spots(tests, sources))
    found = [test for spot in spots if (test := _read(spot, sources)) is not None]
    found += _scenarios(config.get("scenarios"), sources)
    if not config.value.get("tests") and config.get("scenarios") is None:
        found = [Test(config)]
    return [test.over(default) for test in found]


def _default(spot: Spot | None, sources: Sources, config: Spot) -> Test:
    if spot is not None and isinstance(spot.value, str):
        spot = next(iter(sources.rows(spot, spot.value, from_columns)), None)
    found = None if spot is None else _read(spot, sources)
    return found or Test(config)


def _scenarios(spot: Spot | None, sources: Sources) -> Iterator[Test]:
    """Yield the tests of every scenario under each of its configurations."""
    for scenario in _entries(spot, sources):
        if not isinstance(scenario.value, dict) or scenario.get("config") is None:
            scenario.report("import-value", "a scenario without config", "config and tests", "add the config")
            continue
        scenario.check_keys(("config", "tests", "description"))
        tests = scenario.get("tests")
        inner = [Test(scenario)] if tests is None else _read_all(_spots(tests, sources), sources)
        configs = _read_all(_spots(scenario.child("config"), sources), sources)
        if len(configs) * len(inner) > MOST_TESTS:
            found = f"a scenario of {len(configs) * len(inner)} tests"
            scenario.report("import-value", found, f"at most {MOST_TESTS}", "write fewer configurations or tests")
            continue
        for data in configs:
            yield from (test.over(data) for test in inner)


def _entries(spot: Spot | None, sources: Sources) -> Iterator[Spot]:
    if spot is None:
        return
    for entry in spot.items() if isinstance(spot.value, list) else [spot]:
        if isinstance(entry.value, str):
            yield from sources.rows(entry, entry.value, from_columns)
        else:
            yield entry


def _read_all(spots: Iterable[Spot], sources: Sources) -> list[Test]:
    return [test for spot in spots if (test := _read(spot, sources)) is not None]


def _spots(spot: Spot, sources: Sources) -> Iterator[Spot]:
    for entry in spot.items() if isinstance(spot.value, list) else [spot]:
        if isinstance(entry.value, str):
            for row in sources.rows(entry, entry.value, from_columns):
                yield from _named(row, sources) if isinstance(row.value, str) else (row,)
        elif isinstance(entry.value, dict) and set(entry.value) <= {"path", "config"} and "path" in entry.value:
            yield from _by_path(entry, sources)
        else:
            yield entry


def _named(spot: Spot, sources: Sources) -> Iterator[Spot]:
    """Yield the one test of a file that a test file names: promptfoo follows no further, and takes no list there."""
    for path in sources.files(spot, spot.value, beside=not spot.value.startswith(SCHEME)):
        found = sources.data(path) if path.suffix in (".yaml", ".yml", ".json") else None
        if found is not None and isinstance(found.value, dict):
            yield found
        elif found is not None or path.suffix not in (".yaml", ".yml", ".json"):
            reason = f"{spot.value!r} in a test file, where promptfoo reads a single test and not a list or a name"
            spot.refuse(reason, "name that file in `tests` of the configuration")


def _by_path(entry: Spot, sources: Sources) -> Iterator[Spot]:
    path = str(entry.value["path"])
    if "config" in entry.value or not path.endswith((".csv", ".json", ".jsonl")):
        entry.refuse("tests that code generates are not imported", "write the generated tests to a file")
    else:
        yield from sources.rows(entry.child("path"), path, from_columns)


def _read(spot: Spot, sources: Sources) -> Test | None:
    if not isinstance(spot.value, dict):
        spot.report("import-value", "a test that is no mapping", "vars and assert", "correct the test")
        return None
    spot.check_keys(_KEYS, (), _REFUSED)
    return Test(
        spot,
        _variables(spot.get("vars"), sources),
        tuple(_asserts(spot.get("assert"), sources)),
        _options(spot.get("options")),
        spot.get("threshold"),
        spot.get("prompts"),
        spot.get("providerOutput"),
        _given_id(spot),
    )


def _given_id(spot: Spot) -> str | None:
    metadata = spot.value.get("metadata")
    given = metadata.get("id") if isinstance(metadata, dict) else None
    return None if given is None else str(given)


def _options(spot: Spot | None) -> Mapping[str, Spot]:
    if spot is None or not isinstance(spot.value, dict):
        return {}
    others = [key for key in spot.value if key not in (*_OPTION_KEYS, *_OPTION_IGNORED, *_OPTION_REFUSED)]
    for key in others:
        found = f"option {key!r}, which promptfoo hands to the provider"
        spot.child(key).note(found, f"one of {', '.join(_OPTION_KEYS)}", "it is left out; providers are not imported")
    spot.check_keys(_OPTION_KEYS, (*_OPTION_IGNORED, *others), _OPTION_REFUSED)
    return {name: spot.child(name) for name in spot.value if spot.value[name] is not None}


def _variables(spot: Spot | None, sources: Sources) -> Mapping[str, Spot]:
    if spot is not None and isinstance(spot.value, str) and spot.value.startswith(SCHEME):
        spot.refuse(f"vars of {SCHEME}, where promptfoo reads a plain path and finds no file", f"remove {SCHEME}")
        return {}
    if spot is not None and isinstance(spot.value, str):
        spot = spot.with_value(sources.value(spot, spot.value, beside=True))
    if spot is None or spot.value is None:
        return {}
    if not isinstance(spot.value, dict):
        spot.refuse("vars that are no mapping", "write one value for each variable")
        return {}
    return {str(name): spot.child(str(name)) for name in spot.value}


def _asserts(spot: Spot | None, sources: Sources) -> Sequence[Spot]:
    if spot is None:
        return ()
    if isinstance(spot.value, str) and spot.value.startswith(SCHEME):
        spot = spot.with_value(sources.value(spot, spot.value))
    if not isinstance(spot.value, list):
        spot.report("import-value", "assert is no list", "a list of assertions", "write a list")
        return ()
    return list(spot.items())
