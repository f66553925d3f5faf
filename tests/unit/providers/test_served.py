"""What a server says of itself against the model file."""

import pytest
from servers.builders import embedded_model, hub_model
from servers.tgi_contract import Settings

from sluice.errors import CannotJudge
from sluice.providers.served import changes, from_info, from_models, mismatches, require_match

SHA = str(Settings.model_sha)
DIGEST = "@sha256:" + "a" * 64


def tgi(**settings):
    return from_info(Settings(**settings).info()).identity


def test_info_becomes_an_identity():
    served = from_info(Settings(max_concurrent_requests=7).info())
    assert served.served_as == "tgi"
    assert served.dialect == "tgi"
    identity = served.identity
    assert (identity.engine, identity.model, identity.revision, identity.version) == (
        "tgi",
        Settings.model_id,
        SHA,
        "3.3.7",
    )
    assert identity.limits["max_concurrent_requests"] == 7
    assert identity.facts["docker_label"] == "sha-24c1b2f"
    assert "weights" in identity.facts["unknown"]


def test_what_matches():
    assert mismatches(tgi(), "contract", hub_model(max_input_tokens=1024)) == []


def test_what_the_server_cannot_tell_is_unknown_and_never_a_mismatch():
    identity = tgi(model_sha=None, docker_label=None)
    assert identity.revision is None
    assert "docker_label" not in identity.facts
    assert identity.facts["unknown"].startswith("revision, ")
    assert mismatches(identity, "contract", hub_model(image="ghcr.io/tgi:sha-0000000" + DIGEST)) == []


@pytest.mark.parametrize(
    ("settings", "model", "sides"),
    [
        ({"model_id": "other/model"}, hub_model(), ("model", Settings.model_id, "other/model")),
        ({"model_sha": "f" * 40}, hub_model(), ("revision", SHA, "f" * 40)),
        ({}, hub_model(max_input_tokens=4096), ("max_input_tokens", "4096", "1024")),
        ({}, hub_model(**{"MAX-TOTAL-TOKENS": 4096}), ("max_total_tokens", "4096", "2048")),
        ({}, hub_model(context=8192), ("context", "8192", "2048")),
        ({}, hub_model(image="ghcr.io:443/tgi:sha-1111111" + DIGEST), ("docker_label", "sha-1111111", "sha-24c1b2f")),
        ({}, hub_model(image="ghcr.io/tgi:3.3.5" + DIGEST), ("version", "3.3.5", "3.3.7")),
    ],
)
def test_a_mismatch_names_both_sides(settings, model, sides):
    problems = mismatches(tgi(**settings), "contract", model)
    assert len(problems) == 1
    assert all(side in problems[0] for side in sides)
    with pytest.raises(CannotJudge, match="http://h:1"):
        require_match(tgi(**settings), "contract", model, "http://h:1")


def test_all_mismatches_are_named_at_once():
    problems = mismatches(tgi(model_id="other/model", model_sha="f" * 40), "contract", hub_model(context=4096))
    assert len(problems) == 3


def test_a_development_version_says_nothing_about_a_released_tag():
    assert mismatches(tgi(version="3.3.6-dev0"), "contract", hub_model(image="ghcr.io/tgi:3.3.7" + DIGEST)) == []


def test_a_directory_says_nothing_about_the_weights_in_it():
    assert mismatches(tgi(model_id="/data/model", model_sha=None), "small", embedded_model()) == []
    assert mismatches(tgi(model_id="/data/model", model_sha=None), "contract", hub_model()) == []


def test_a_hub_model_does_not_stand_for_embedded_weights():
    problems = mismatches(tgi(), "small", embedded_model())
    assert problems == ["model: the model file says 'weights/small', the server says 'acme/contract-1b'"]


def test_another_engine_is_not_the_one_that_the_model_file_names():
    found = mismatches(tgi(), "contract", hub_model(engine="vllm", max_input_tokens=4096))
    assert found == ["engine: the model file says 'vllm', the server says 'tgi'"]


def test_arguments_of_another_engine_are_not_compared_but_the_context_is():
    model = hub_model(engine="local", max_input_tokens=4096)
    assert mismatches(tgi(), "contract", model) == []
    assert len(mismatches(tgi(), "contract", hub_model(engine="local", context=4096))) == 1


def vllm(*entries, version="0.11.0", model=None):
    data = [{"object": "model", "owned_by": "vllm", "max_model_len": 4096, **entry} for entry in entries]
    return from_models({"object": "list", "data": data}, version, "contract", model or hub_model(engine="vllm"))


def test_models_become_an_identity():
    served = vllm({"id": "lora"}, {"id": "served-name", "root": Settings.model_id})
    assert (served.served_as, served.dialect) == ("served-name", "openai")
    assert (served.identity.engine, served.identity.version) == ("vllm", "0.11.0")
    assert served.identity.limits == {"max_model_len": 4096}
    assert served.identity.facts["unknown"].startswith("revision, ")
    assert mismatches(served.identity, "contract", hub_model(engine="vllm", max_model_len=4096)) == []


def test_another_model_under_vllm():
    served = vllm({"id": "other/model", "root": "other/model"})
    assert "other/model" in mismatches(served.identity, "contract", hub_model(engine="vllm"))[0]


@pytest.mark.parametrize("body", [{}, {"data": None}, {"data": []}, {"data": [{"id": 3}]}, {"data": ["x"]}])
def test_a_server_that_says_nothing_cannot_be_judged(body):
    with pytest.raises(CannotJudge, match="/v1/models"):
        from_models(body, None, "contract", hub_model())


# Adapters


def with_adapter(adapter, engine="tgi"):
    model = hub_model(engine=engine)
    return model.model_copy(update={"serving": model.serving.model_copy(update={"adapter": adapter})})


def test_tgi_is_asked_for_the_adapter_and_cannot_tell_whether_it_has_it():
    served = from_info(Settings().info(), "acme/tone")
    assert (served.served_as, served.dialect) == ("acme/tone", "tgi")
    assert "adapter" in served.identity.facts["unknown"].split(", ")
    assert served.names(Settings.model_id), "its answers name the model below"


ADAPTER = {"id": "tone", "parent": "served-name", "root": "/data/tone", "max_model_len": None}


def test_vllm_names_its_adapters():
    model = with_adapter("tone", "vllm")
    served = vllm(ADAPTER, {"id": "served-name", "root": Settings.model_id}, model=model)
    assert (served.served_as, served.identity.model) == ("tone", "served-name")
    assert served.identity.limits == {"max_model_len": 4096}
    assert (served.identity.facts["adapter"], served.identity.facts["adapter_root"]) == ("tone", "/data/tone")
    assert mismatches(served.identity, "contract", model) == []


@pytest.mark.parametrize("entry", [{**ADAPTER, "id": "laws"}, {**ADAPTER, "parent": "other/model"}])
def test_an_adapter_that_vllm_has_not_loaded_is_refused(entry):
    with pytest.raises(CannotJudge, match=r"'tone'.*has loaded no such adapter"):
        vllm(entry, {"id": "served-name", "root": Settings.model_id}, model=with_adapter("tone", "vllm"))


def test_what_changed_between_two_identities_is_named():
    before, after = tgi(), tgi(model_sha=None, max_total_tokens=4096, docker_label="sha-0000000")
    assert changes(before, before) == []
    assert changes(before, after) == [
        f"revision was {SHA!r} and is None",
        "max_total_tokens was 2048 and is 4096",
        "docker_label was 'sha-24c1b2f' and is 'sha-0000000'",
        f"unknown was {before.facts['unknown']!r} and is {after.facts['unknown']!r}",
    ]
