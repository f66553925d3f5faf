from __future__ import annotations

import pytest

from sluice.checks.json_schemas import CompiledSchema, SchemaProblem, compile_schema


@pytest.mark.parametrize(
    ("schema", "path"),
    [
        ({"type": "strnig"}, ("type",)),
        ({"properties": {"a": {"minLength": -1}}}, ("properties", "a", "minLength")),
        ({"pattern": "("}, ("pattern",)),
        ({"required": "a"}, ("required",)),
    ],
)
def test_invalid_schemas_say_where(schema: dict[str, object], path: tuple[str, ...]) -> None:
    problem = compile_schema(schema)
    assert isinstance(problem, SchemaProblem) and problem.path == path and not problem.remote


@pytest.mark.parametrize("reference", ["http://127.0.0.1:9/x", "file:///etc/hostname", "other.json", "//host/x"])
def test_references_that_leave_the_file_are_never_fetched(reference: str) -> None:
    problem = compile_schema({"items": {"$ref": reference}})
    assert isinstance(problem, SchemaProblem) and problem.remote and problem.path == ("items", "$ref")


@pytest.mark.parametrize("schema", [{"$schema": "http://127.0.0.1:9/meta"}, {"$ref": "#/$defs/gone"}])
def test_what_cannot_be_resolved_is_a_problem(schema: dict[str, object]) -> None:
    assert isinstance(compile_schema(schema), SchemaProblem)


def test_local_references_work() -> None:
    schema = compile_schema({"$defs": {"n": {"type": "integer"}}, "items": {"$ref": "#/$defs/n"}})
    assert isinstance(schema, CompiledSchema)
    (misfit,) = schema.misfits([1, "x"])
    assert (misfit.path, misfit.found, misfit.expected) == ([1], '1 = "x"', 'type: "integer"')


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "integer"},
        {"$defs": {"n": {"type": "integer"}}, "$ref": "#/$defs/n"},
        {"allOf": [{"$ref": "#/properties/x"}], "properties": {"x": {"type": "integer"}}},
        {"$schema": "http://json-schema.org/draft-07/schema#", "type": "integer"},
    ],
)
@pytest.mark.parametrize("values", [[], [1], [1, 2, 3], ["x"], [1, 2, "x"], [1.5, 2], [[1]]])
def test_all_values_are_valid_where_each_is(schema: dict[str, object], values: list[object]) -> None:
    compiled = compile_schema(schema)
    assert isinstance(compiled, CompiledSchema)
    assert compiled.all_valid(values) == all(compiled.validator.is_valid(value) for value in values)


def test_long_values_are_cut_in_messages() -> None:
    schema = compile_schema({"type": "integer"})
    assert isinstance(schema, CompiledSchema)
    (misfit,) = schema.misfits("x" * 10_000)
    assert len(misfit.found) < 100
