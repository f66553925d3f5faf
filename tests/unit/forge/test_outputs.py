"""Outputs of a step, read back by the runner's own rules: no value can make a second output."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.errors import UsageError
from sluice.forge.outputs import outputs, write_outputs


def read(text):
    """Read `name<<delimiter` blocks and `name=value` lines, as the runner does."""
    found, lines = {}, iter(text.split("\n"))
    for line in lines:
        if "<<" in line and "=" not in line.partition("<<")[0]:
            name, _, delimiter = line.partition("<<")
            value = []
            for inner in lines:
                if inner == delimiter:
                    break
                value.append(inner)
            found[name] = "\n".join(value)
        elif "=" in line:
            name, _, value = line.partition("=")
            found[name] = value
    return found


@given(st.dictionaries(st.sampled_from(["verb", "suite", "head"]), st.text(max_size=60)))
def test_every_value_stays_in_its_own_block(values):
    found = read(outputs(values))
    assert set(found) == set(values)
    for name, value in values.items():
        assert found[name] == "".join(one for one in value if one == "\n" or one.isprintable())


@pytest.mark.parametrize("value", ["x\nverb=evil", "x\nsluice-00\nverb=evil", "verb<<EOF\nevil\nEOF", "a\r\nverb=evil"])
def test_a_value_that_tries_is_one_value(value):
    assert set(read(outputs({"suite": value}))) == {"suite"}


def test_delimiters_differ():
    first, second = outputs({"verb": "x"}), outputs({"verb": "x"})
    assert first != second


def test_where_there_is_no_file_it_is_said(tmp_path):
    with pytest.raises(UsageError, match="GITHUB_OUTPUT is not set"):
        write_outputs(None, {"verb": "x"})
    with pytest.raises(UsageError, match="no file that can be written"):
        write_outputs(str(tmp_path), {"verb": "x"})
    write_outputs(str(tmp_path / "out"), {"verb": "one"})
    write_outputs(str(tmp_path / "out"), {"suite": "two"})
    assert read((tmp_path / "out").read_text()) == {"verb": "one", "suite": "two"}
