from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.shapes import find_secrets

# Written in two halves, so that no scanner takes this file for a leak.
RANDOM = "q7Zk2Lw9Xc4Vb8Nm3Ht6" + "Rp5Yd1Gs0Fj7Ka2Ue4Wi"
SECRETS = {
    "an AWS access key id": "AKIA" + "QYLPMN5HHHFPZ3JK",
    "a GitHub token": "ghp_" + RANDOM[:36],
    "a GitLab token": "glpat-" + RANDOM[:20],
    "a Hugging Face token": "hf_" + RANDOM[:34],
    "a Slack token": "xoxb-" + "123456789012-1234567890123-" + RANDOM[:24],
    "a Google API key": "AIza" + RANDOM[:35],
    "a Stripe key": "sk_live_" + RANDOM[:24],
    "a key of a model provider": "sk-proj-" + RANDOM,
    "an npm token": "npm_" + RANDOM[:36],
    "a JSON web token": "eyJ" + "hbGciOiJIUzI1NiJ9.eyJ" + "zdWIiOiIxMjM0In0." + RANDOM,
    "a private key": "-----BEGIN RSA " + "PRIVATE KEY-----",
    "a password in a URL": "postgres://reader:" + "Xy7pass99@db.example.com/x",
}


@pytest.mark.parametrize(("kind", "secret"), SECRETS.items(), ids=SECRETS)
@pytest.mark.parametrize("frame", ["{}", "key: {}\n", "see ({}).", json.dumps({"text": "line\n{}\nline"})])
def test_known_shapes(kind: str, secret: str, frame: str) -> None:
    data = frame.replace("{}", secret, 1) if "line" not in frame else frame.replace("{}", secret)
    assert [found for _, found in find_secrets(data.encode())] == [kind]


@pytest.mark.parametrize(
    "text",
    [
        'api_key = "{}"',
        "API_KEY: {}",
        "password='{}'",
        "secret_key={}",
        "auth-token: Bearer {}",
        '\\"token\\": \\"{}\\"',
    ],
)
def test_assigned_random_texts(text: str) -> None:
    assert [kind for _, kind in find_secrets(text.replace("{}", RANDOM[:28]).encode())] == ["a credential"]


@pytest.mark.parametrize(
    "text",
    [
        "AKIAIOSFODNN7EXAMPLE", "revision: 0123456789abcdef0123456789abcdef01234567", "image@sha256:" + "a1" * 32,
        "api_key = your-api-key-goes-here-please", "token: {{ token_of_the_studio_that_asks }}",
        "id: payments-refund-window-2026-paraphrase-04", "-" * 80, "_" * 50, "https://user@example.com/path:80@x",
        "https://{user}:{password}@host", "BEGIN PUBLIC KEY-----", "sk-this-is-just-a-long-slug-in-some-words",
        "tokenizer.json: sha256:" + "0f" * 32,
    ],
)  # fmt: skip
def test_texts_that_are_no_secrets(text: str) -> None:
    assert list(find_secrets(text.encode())) == []


@given(st.binary(max_size=200), st.sampled_from(sorted(SECRETS)), st.binary(max_size=50))
def test_offsets_point_at_the_secret(before: bytes, kind: str, after: bytes) -> None:
    secret = SECRETS[kind].encode()
    data = before + b' "' + secret + b'" ' + after
    offsets = [offset for offset, found in find_secrets(data) if found == kind]
    start = len(before) + 2
    assert any(start <= offset < start + len(secret) for offset in offsets)


@given(st.binary(max_size=400))
def test_arbitrary_bytes_never_raise(data: bytes) -> None:
    assert all(0 <= offset < len(data) for offset, _ in find_secrets(data))
