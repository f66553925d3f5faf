"""`sluice export promptfoo` through the front door: the result file, and the configuration with and without outputs."""

import json

import pytest
import yaml
from miniature import edit_prompt


@pytest.fixture
def evaluated(repository, server, sluice):
    edit_prompt(repository, "Answer never.")
    assert sluice("eval")[0] == 1
    return repository


def test_a_result_file_holds_every_case(evaluated, sluice):
    code, out, err = sluice("export", "promptfoo")
    content = json.loads(out)
    assert (code, err, content["results"]["version"]) == (0, "", 3)
    rows = content["results"]["results"]
    assert {row["failureReason"] for row in rows} <= {0, 1} and not all(row["success"] for row in rows)
    assert (
        len({row["id"] for row in rows})
        == len(rows)
        == sum(content["results"]["stats"][key] for key in ("successes", "failures"))
    )
    assert len(content["results"]["prompts"]) == 1 and all(row["response"]["output"] for row in rows)


def test_both_sides_are_columns(evaluated, sluice):
    _, out, _ = sluice("export", "promptfoo", "--side", "both")
    assert [head["label"].split()[-1] for head in json.loads(out)["results"]["prompts"]] == ["(base)", "(head)"]


def test_a_configuration_has_each_case_and_its_output(evaluated, sluice):
    code, out, _ = sluice("export", "promptfoo", "--config")
    config = yaml.safe_load(out)
    assert code == 0 and config["providers"] == [{"id": "echo"}]
    assert all(test["providerOutput"] and test["assert"] for test in config["tests"])
    code, out, _ = sluice("export", "promptfoo", "--live", "--output", str(evaluated / "out.yaml"))
    live = yaml.safe_load((evaluated / "out.yaml").read_text())
    assert (code, out) == (0, "") and live["providers"][0]["id"].startswith("openai:chat:")
    assert not any("providerOutput" in test for test in live["tests"])


def test_a_configuration_is_of_one_run(evaluated, sluice):
    code, _, err = sluice("export", "promptfoo", "--config", "--side", "both")
    assert code == 2 and "--suite and --side" in err
