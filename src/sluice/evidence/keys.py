"""Ed25519 keys: the public ones that a revision lists, the secret one that the environment holds.

A key's id is the SHA-256 of its DER form (SubjectPublicKeyInfo). The formats are those of RFC 8032 and RFC 8410.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from sluice.catalog import FETCH_MAIN, KEYS_DIRECTORY, MAINS, GitTree, Tree
from sluice.errors import UsageError
from sluice.evidence.unverified import Unverified

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

SECRET_VARIABLE = "SLUICE_EVIDENCE_KEY"  # noqa: S105 - the name of a variable
SUFFIX = ".pub"


@dataclass(frozen=True, slots=True)
class PublicKey:
    """One trusted key: the name of its file, and its id."""

    name: str
    keyid: str
    key: Ed25519PublicKey

    def signed(self, message: bytes, signature: bytes) -> bool:
        """Tell whether the signature of the message is this key's."""
        from cryptography.exceptions import InvalidSignature

        try:
            self.key.verify(signature, message)
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True, slots=True)
class Keys:
    """The public keys of one revision, by id; `problems` tell of files that are no such key."""

    place: str
    by_id: Mapping[str, PublicKey]
    problems: tuple[str, ...] = ()
    known: bool = True
    """Whether there is such a revision at all; where there is none, `place` says so."""

    def __bool__(self) -> bool:
        return bool(self.by_id or self.problems)

    def get(self, keyid: str) -> PublicKey:
        """Return a key; raise Unverified with what this revision lists instead."""
        if keyid in self.by_id:
            return self.by_id[keyid]
        if not self.known:
            raise Unverified(f"it is signed by a key {keyid[:12]!r}, and {self.place}")
        listed = ", ".join(f"{key.name} ({key.keyid[:12]})" for key in self.by_id.values()) or "no key"
        bad = f"; {'; '.join(self.problems)}" if self.problems else ""
        raise Unverified(
            f"it is signed by a key {keyid[:12]!r} that {self.place} does not list (it lists {listed}{bad})"
        )


def read_keys(tree: Tree) -> Keys:
    """Return the public keys of a revision."""
    found: dict[str, PublicKey] = {}
    problems: list[str] = []
    for path in tree.paths(KEYS_DIRECTORY):
        if not path.endswith(SUFFIX):
            continue
        try:
            key = public_key(PurePosixPath(path).stem, tree.read(path))
            found[key.keyid] = key
        except (ValueError, FileNotFoundError) as problem:
            problems.append(f"{path} cannot be used: {problem}")
    tree.close()
    return Keys(f"{KEYS_DIRECTORY} at {tree.label}", found, tuple(problems))


def keys_of(root: Path, revision: str | None = None) -> Keys:
    """Return the keys of a revision, by default of main (as the remote has it); never those of an unmerged head."""
    if revision is not None:
        return read_keys(GitTree(root, revision))
    for branch in MAINS:
        try:
            return read_keys(GitTree(root, branch))
        except UsageError:
            continue
    words = f"neither {' nor '.join(MAINS)} is known here, so no key is; {FETCH_MAIN}"
    return Keys(words, {}, known=False)


def public_key(name: str, data: bytes) -> PublicKey:
    """Return the key of a PEM file; raise ValueError unless it is one Ed25519 key, byte for byte as it is written."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        key = load_pem_public_key(data)
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("it is no public key in PEM (SubjectPublicKeyInfo)") from None
    if not isinstance(key, Ed25519PublicKey):
        raise ValueError("it is no Ed25519 key")
    if data != public_pem(key):
        raise ValueError("it holds more than the key, or the key in an unusual form")
    return PublicKey(name, key_id(key), key)


def key_id(key: Ed25519PublicKey) -> str:
    """Return the id of a key: the SHA-256 of its DER form, in hex."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


def public_pem(key: Ed25519PublicKey) -> bytes:
    """Return the file of a public key."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


@dataclass(frozen=True, slots=True)
class SigningKey:
    """The secret key; its text never leaves this value."""

    key: Ed25519PrivateKey

    def __repr__(self) -> str:
        return f"SigningKey({self.keyid[:12]})"

    @property
    def keyid(self) -> str:
        """The id of the public half."""
        return key_id(self.key.public_key())

    def sign(self, message: bytes) -> bytes:
        """Return the signature: 64 bytes, the same ones for the same message."""
        return self.key.sign(message)


def signing_key(environment: Mapping[str, str] = os.environ) -> SigningKey:
    """Return the key that the environment holds; raise UsageError where there is none, or no Ed25519 key."""
    text = environment.get(SECRET_VARIABLE, "")
    if not text.strip():
        raise UsageError(
            f"{SECRET_VARIABLE} is not set, so nothing can be signed; it holds the secret key in PEM (PKCS8). "
            "`sluice evidence keygen DIR` makes a pair of keys"
        )
    return secret_key(text.strip().encode() + b"\n")


def secret_key(data: bytes) -> SigningKey:
    """Return the key of a PEM text; raise UsageError where it is no unencrypted Ed25519 key."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(data, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # What is wrong with a secret is not said: a message may be logged.
        raise UsageError(f"{SECRET_VARIABLE} holds no unencrypted secret key in PEM (PKCS8)") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise UsageError(f"{SECRET_VARIABLE} holds no Ed25519 key; `sluice evidence keygen DIR` makes one")
    return SigningKey(key)


def new_pair() -> tuple[bytes, bytes]:
    """Return a new secret key and its public half, as the bytes of their files."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    key = Ed25519PrivateKey.generate()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), public_pem(key.public_key())
