"""Parquet read back by pyarrow: types, values, missing values and the metadata of what ran."""

import io
import json
import math

from outside_tools import interchange_package
from unit.interchange import runs

from sluice.interchange.exported import exported_runs
from sluice.interchange.parquet import encode

parquet = interchange_package("pyarrow.parquet")


def table(judgement, sides=("head",)):
    return parquet.read_table(io.BytesIO(encode(exported_runs(judgement, sides))))


def test_each_column_has_its_type():
    schema = table(runs.judgement()).schema
    told = {field.name: (str(field.type), field.nullable) for field in schema}
    assert told["case"] == ("string", False)
    assert told["repeat"] == ("int64", False)
    assert told["called"] == ("bool", False)
    assert told["latency_seconds"] == ("double", True)
    assert told["value:correct"] == ("double", True)
    assert told["passed:correct"] == ("bool", True)
    assert told["slice:topic"] == ("string", True)


def test_values_come_back_as_they_were():
    found = runs.every_state()
    rows = {row["case"]: row for row in table(found).to_pylist()}
    assert len(rows) == 20
    failed, skipped, error = rows["q-0007"], rows["q-0003"], rows["q-0008"]
    assert (failed["state"], failed["value:=correct"], failed["passed:=correct"]) == ("fail", 0.25, False)
    assert failed["output"] == runs.HOSTILE.replace("\ud800", "?")
    assert (skipped["state"], skipped["latency_seconds"], skipped["value:cites_source"]) == ("skipped", None, None)
    assert (error["error_kind"], error["output"]) == ("timeout", None)
    for pair in found.suites[0].comparison.pairs:
        assert rows[pair.info.id]["state"] == pair.head[0].state
        assert json.loads(rows[pair.info.id]["row"]) == pair.info.row
        latency = pair.head[0].latency
        assert latency is None or math.isclose(rows[pair.info.id]["latency_seconds"], latency)


def test_the_metadata_names_closures_and_commits():
    metadata = table(runs.judgement(), ("base", "head")).schema.metadata
    told = json.loads(metadata[b"sluice.runs"])
    comparison = runs.judgement().suites[0].comparison
    assert [run["closure"] for run in told] == [comparison.base.closure, comparison.head.closure]
    assert [run["commit"] for run in told] == [runs.factory.BASE_COMMIT, runs.factory.HEAD_COMMIT]


def test_no_run_is_an_empty_table_with_its_columns():
    empty = parquet.read_table(io.BytesIO(encode([])))
    assert empty.num_rows == 0 and "case" in empty.column_names
