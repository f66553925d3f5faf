import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from trees import build_tree
from unit.evidence import made

from sluice.catalog import WorkingTree
from sluice.errors import UsageError
from sluice.evidence.key_files import write_pair
from sluice.evidence.keys import SECRET_VARIABLE, new_pair, public_key, public_pem, read_keys, secret_key, signing_key
from sluice.evidence.unverified import Unverified

PEM = public_pem(made.key().key.public_key())


def pkcs8(key, encryption=None) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption()).decode()


def test_a_key_is_known_by_the_sha256_of_its_der_form():
    # The id was computed with openssl: openssl pkey -pubin -outform DER | sha256sum.
    assert public_key("evidence", PEM).keyid == "06e3fd8fda29bb60ab59557de61edb0aecdb231134be30e75b455f8e1b792fa9"
    assert made.key().keyid == public_key("evidence", PEM).keyid


def test_no_byte_of_a_key_file_may_differ():
    others = [other for index in range(len(PEM)) if (other := usable(flipped(index)))]
    # Another valid point is another key, with another id: it verifies nothing that this one signed.
    assert all(other.keyid != made.key().keyid for other in others)
    assert not any(other.signed(b"x", made.key().sign(b"x")) for other in others)
    assert len(PEM) - len(others) > 60, "the frame, at least, is refused"


def flipped(index) -> bytes:
    changed = bytearray(PEM)
    changed[index] ^= 1
    return bytes(changed)


def usable(data):
    """Return the key of a file, or None where it is refused."""
    try:
        return public_key("evidence", data)
    except ValueError:
        return None


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "no public key"),
        (PEM + b"\n", "more than the key"),
        (PEM.replace(b"\n", b"\r\n"), "more than the key"),
        (PEM + PEM, "more than the key"),
        (pkcs8(made.key().key).encode(), "no public key"),
    ],
)
def test_what_is_no_key_file_is_refused(data, said):
    with pytest.raises(ValueError, match=said):
        public_key("evidence", data)


OTHERS = [
    lambda: rsa.generate_private_key(65537, 2048),
    lambda: ec.generate_private_key(ec.SECP256R1()),
    ed448.Ed448PrivateKey.generate,
]


@pytest.mark.parametrize("other", OTHERS)
def test_keys_of_other_kinds_are_refused(other):
    key = other()
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    with pytest.raises(ValueError, match="no Ed25519 key"):
        public_key("evidence", public)
    with pytest.raises(UsageError, match="no Ed25519 key"):
        secret_key(pkcs8(key).encode())


def test_a_revision_lists_its_keys_and_names_what_is_none(tmp_path):
    second = public_pem(made.key(bytes(32)).key.public_key())
    build_tree(
        {
            "infra/policy/keys/first.pub": PEM,
            "infra/policy/keys/second.pub": second,
            "infra/policy/keys/README.md": "not a key",
            "infra/policy/keys/bad.pub": "nonsense",
        },
        tmp_path,
    )
    found = read_keys(WorkingTree(tmp_path))
    assert sorted(key.name for key in found.by_id.values()) == ["first", "second"]
    assert found.problems == (
        "infra/policy/keys/bad.pub cannot be used: it is no public key in PEM (SubjectPublicKeyInfo)",
    )
    with pytest.raises(Unverified, match=r"lists first \(06e3fd8fda29\), second \(.*bad.pub cannot be used"):
        found.get("0" * 64)
    assert not read_keys(WorkingTree(tmp_path / "infra"))


def test_a_link_out_of_the_repository_is_no_key(tmp_path):
    (tmp_path / "outside.pub").write_bytes(PEM)
    root = build_tree({"infra/policy/keys/README.md": ""}, tmp_path / "repository")
    (root / "infra/policy/keys/linked.pub").symlink_to(tmp_path / "outside.pub")
    assert read_keys(WorkingTree(root)).by_id == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "is not set"),
        ("  ", "is not set"),
        ("nonsense", "holds no unencrypted secret key"),
        (PEM.decode(), "holds no unencrypted secret key"),
        (pkcs8(made.key().key, BestAvailableEncryption(b"word")), "holds no unencrypted secret key"),
    ],
)
def test_what_is_no_secret_key_is_refused_without_showing_it(text, said):
    environment = {} if text is None else {SECRET_VARIABLE: text}
    with pytest.raises(UsageError, match=said) as caught:
        signing_key(environment)
    assert "BEGIN" not in str(caught.value) and "nonsense" not in str(caught.value)


def test_a_secret_key_survives_lost_line_ends_at_its_edges_and_is_not_shown():
    text = pkcs8(made.key().key)
    for form in (text, text.strip(), f"\n{text}\n"):
        assert signing_key({SECRET_VARIABLE: form}).keyid == made.key().keyid
    assert repr(made.key()) == "SigningKey(06e3fd8fda29)"


def test_a_new_pair_belongs_together_and_is_never_the_same():
    secret, public = new_pair()
    assert secret_key(secret).keyid == public_key("x", public).keyid
    assert new_pair()[0] != secret
    assert isinstance(secret_key(secret).key, Ed25519PrivateKey)


def test_files_of_a_pair(tmp_path):
    outside, root = tmp_path / "outside", tmp_path / "repository"
    for place in (outside, root):
        place.mkdir()
    made_pair = write_pair(root, outside, "evidence")
    assert made_pair.secret == outside / "evidence.pem"
    assert made_pair.secret.stat().st_mode & 0o777 == 0o600
    assert secret_key(made_pair.secret.read_bytes()).keyid == made_pair.keyid
    assert made_pair.secret_text == ""
    (root / "link").symlink_to(root)
    for directory, name, said in [
        (outside, "evidence", "exists already"),
        (root, "other", "part of the repository"),
        (outside / ".." / "repository", "other", "part of the repository"),
        (outside, "../evil", "no name for a key"),
    ]:
        with pytest.raises(UsageError, match=said):
            write_pair(root, directory, name)
    assert sorted(path.name for path in outside.iterdir()) == ["evidence.pem"]
