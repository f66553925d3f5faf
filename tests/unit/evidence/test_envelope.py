import base64
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.evidence import made

from sluice.evidence.envelope import PAYLOAD_TYPE, Envelope, decode, encode, pre_authentication, sign, signer
from sluice.evidence.unverified import Unverified

PAYLOAD = b'{"_type":"https://in-toto.io/Statement/v1","subject":[]}'
# Made with securesystemslib 1.6.0: Envelope(payload, type, {}).sign(CryptoSigner(the key of `made`)).
THEIRS = (
    "87782+MLU8KuE4CUxTTHSNkQAFtkKJQH9/AAAvuJ2R/D32fojX2pCKfOTOwSbZSmF5zsf4Nnt8VoQSyy1iWfBw=="
)  # fmt: skip


def test_the_signed_bytes_are_those_of_the_specification():
    # The example of the DSSE protocol, version 1.0.
    wanted = b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    assert pre_authentication(b"hello world", "http://example.com/HelloWorld") == wanted


def test_another_implementation_signs_the_same():
    envelope = sign(PAYLOAD, made.key())
    assert base64.b64encode(envelope.signature).decode() == THEIRS
    theirs = Envelope(PAYLOAD, made.key().keyid, base64.b64decode(THEIRS))
    assert signer(theirs, made.keys()).name == "key-0"


def test_the_signature_is_that_of_rfc_8032():
    # Test vector 1 of section 7.1 signs nothing at all.
    wanted = (
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
        "d25bf5f0595bbe24655141438e7a100b"
    )
    assert made.key().sign(b"").hex() == wanted


@given(st.binary(max_size=300))
def test_what_is_signed_comes_back_and_verifies(payload):
    envelope = decode(encode(sign(payload, made.key())))
    assert envelope.payload == payload
    assert signer(envelope, made.keys()).keyid == made.key().keyid


@pytest.mark.parametrize("bit", [0, 5])
def test_no_byte_of_the_file_may_differ(bit):
    data = encode(sign(PAYLOAD, made.key()))
    trusted = made.keys()
    for index in range(len(data)):
        changed = bytearray(data)
        changed[index] ^= 1 << bit
        with pytest.raises(Unverified) as caught:
            signer(decode(bytes(changed)), trusted)
        assert str(caught.value), index


def test_no_byte_of_the_payload_may_differ():
    envelope = sign(PAYLOAD, made.key())
    for index in range(len(PAYLOAD)):
        changed = bytearray(PAYLOAD)
        changed[index] ^= 1
        with pytest.raises(Unverified, match="not that of the key key-0 over this payload"):
            signer(decode(encode(Envelope(bytes(changed), envelope.keyid, envelope.signature))), made.keys())


def test_no_byte_may_be_missing_or_added():
    data = encode(sign(PAYLOAD, made.key()))
    for changed in (data[:-1], data + b"\n", b" " + data, data.replace(b":", b": ", 1), b"", data[: len(data) // 2]):
        with pytest.raises(Unverified):
            decode(changed)


def written(**changes) -> bytes:
    """Write an envelope of other content in canonical form."""
    from sluice.digest import canonical_json

    value = json.loads(encode(sign(PAYLOAD, made.key())))
    return canonical_json({**value, **changes}) + b"\n"


@pytest.mark.parametrize(
    "changes",
    [
        {"payloadType": "application/json"},
        {"signatures": []},
        {"signatures": [{"keyid": "a", "sig": "AA=="}, {"keyid": "b", "sig": "AA=="}]},
        {"signatures": {"keyid": "a", "sig": "AA=="}},
        {"signatures": [{"sig": "AA=="}]},
        {"signatures": [{"keyid": "a", "sig": "AA==", "cert": ""}]},
        {"payload": "not base64!"},
        {"payload": None},
        {"more": 1},
    ],
)
def test_other_envelopes_are_refused(changes):
    with pytest.raises(Unverified):
        decode(written(**changes))


def test_base64_has_one_form():
    # Both decode to the same byte: the last two bits of the second character are padding.
    assert base64.b64decode("QQ==") == base64.b64decode("QR==")
    with pytest.raises(Unverified, match="the one way"):
        decode(written(payload="QR=="))


def test_a_signature_by_another_key_is_told_apart():
    other = made.key(bytes(32))
    with pytest.raises(Unverified, match=f"a key '{other.keyid[:12]}' that keys at main does not list"):
        signer(sign(PAYLOAD, other), made.keys())
    forged = Envelope(PAYLOAD, made.key().keyid, sign(PAYLOAD, other).signature)
    with pytest.raises(Unverified, match="not that of the key key-0"):
        signer(forged, made.keys())
    assert signer(sign(PAYLOAD, other), made.keys(made.key(), other)).name == "key-1"


def test_a_signature_holds_for_its_type_alone():
    signature = made.key().sign(pre_authentication(PAYLOAD, "text/plain"))
    with pytest.raises(Unverified):
        signer(Envelope(PAYLOAD, made.key().keyid, signature), made.keys())
    assert PAYLOAD_TYPE == "application/vnd.in-toto+json"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=80)
@given(st.binary(max_size=60) | st.builds(lambda value: json.dumps(value).encode(), json_values))
def test_whatever_lies_there_is_refused_in_words(data):
    with pytest.raises(Unverified):
        decode(data)


def test_deep_nesting_and_huge_files_are_refused():
    for data in (b"[" * 100_000, b'{"payload":' * 50_000, b"0" * (32 * 2**20 + 1)):
        with pytest.raises(Unverified):
            decode(data)
