"""Where a model is served, from the environment."""

import pytest

from sluice.errors import UsageError
from sluice.providers.endpoint import Endpoint, endpoint_for, server_root, variable_for


def test_the_variable_of_a_model():
    assert variable_for("SLUICE_ENDPOINT", "llama-3.1-8b") == "SLUICE_ENDPOINT_LLAMA_3_1_8B"


def test_nothing_is_said():
    assert endpoint_for("small", {}) is None
    assert endpoint_for("small", {"SLUICE_ENDPOINT": "  ", "SLUICE_ENDPOINT_OTHER": "http://h"}) is None


def test_the_models_own_variable_wins_over_the_general_one():
    environ = {
        "SLUICE_ENDPOINT": "http://general:80/v1/",
        "SLUICE_API_KEY": "general-key",
        "SLUICE_ENDPOINT_LLAMA_3_1": "https://own/v1",
        "SLUICE_API_KEY_LLAMA_3_1": " own-key\n",
    }
    assert endpoint_for("llama-3.1", environ) == Endpoint("https://own", "own-key")
    assert endpoint_for("small", environ) == Endpoint("http://general:80", "general-key")


@pytest.mark.parametrize("url", ["http://h:1/v1", "http://h:1/v1/", "http://h:1/", " http://h:1 "])
def test_the_root_of_a_server(url):
    assert server_root(url) == "http://h:1"


def test_a_path_before_v1_stays():
    assert server_root("https://api.example.com/openai/v1/") == "https://api.example.com/openai"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "localhost:8080",
        "ftp://h",
        "http://",
        "http://h/v1?key=s3cret",
        "http://u:s3cret@h",
        "http://[::1",
        "http://h:s3cret",
        "http://h:99999",
        "http://h:0",
    ],
)
def test_urls_that_are_refused_are_not_repeated(url):
    with pytest.raises(UsageError) as refused:
        server_root(url)
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize("key", ["s3cret\nX-Evil: 1", "s3crét"])
def test_a_key_that_no_header_may_carry_is_refused_unseen(key):
    with pytest.raises(UsageError) as refused:
        endpoint_for("small", {"SLUICE_ENDPOINT": "http://h", "SLUICE_API_KEY": key})
    assert "s3cr" not in str(refused.value)


def test_a_key_is_not_in_the_repr():
    assert "s3cret" not in repr(Endpoint("http://h", "s3cret"))
