"""Poisoned artifacts: nothing of them gets further than a sentence."""

import io
import os
import stat
import struct
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from servers.github_fixtures import HEAD, archive, client_of

from sluice.forge import artifact
from sluice.forge.artifact import MOST_COMPRESSED, MOST_EXPANDED, unpack
from sluice.forge.failures import ForgeError, Missing

GOOD = b'{"format": 1}'


def with_info(name="judgement.json", content=GOOD, **changes):
    """An archive of one member beside the judgement, whose header fields are set as given."""
    data = io.BytesIO()
    info = zipfile.ZipInfo(name)
    for field, value in changes.items():
        setattr(info, field, value)
    with zipfile.ZipFile(data, "w") as target:
        target.writestr(info, content)
        if name != "judgement.json":
            target.writestr("judgement.json", GOOD)
    return data.getvalue()


def renamed(to: bytes) -> bytes:
    """An archive whose member's raw name was replaced by one of equal length, as no writer would write it."""
    data = archive({"x" * len(to): b"evil", "judgement.json": GOOD}, zipfile.ZIP_STORED)
    return data.replace(b"x" * len(to), to)


def test_the_judgement_comes_out_as_it_went_in():
    assert unpack(archive({"judgement.json": GOOD})) == GOOD
    assert unpack(archive({"notes/readme.txt": b"hello", "judgement.json": GOOD})) == GOOD


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (archive({}), "holds no judgement.json"),
        (archive({"sub/judgement.json": GOOD}), "holds no judgement.json"),
        (archive({"Judgement.json": GOOD}), "holds no judgement.json"),
        (archive({"../judgement.json": GOOD}), "leads out of the archive"),
        (archive({"a/../../b": b"x", "judgement.json": GOOD}), "leads out of the archive"),
        (archive({"/etc/passwd": b"x", "judgement.json": GOOD}), "leads out of the archive"),
        (renamed(b"..\\evil"), "unusual name"),
        (renamed(b"C:evil"), "unusual name"),
        (renamed(b"a\0b"), "unusual name"),
        (renamed(b"a\nb"), "unusual name"),
        (renamed(b"\x1b[31m"), "unusual name"),
        (renamed(b"judgement.json\0"), "unusual name"),
        (archive({f"{n}": b"" for n in range(50)} | {"judgement.json": GOOD}), "51 members"),
        (archive({"judgement.json": GOOD, "JUDGEMENT.json": GOOD}), "two members of one name"),
        (with_info(external_attr=(stat.S_IFLNK | 0o777) << 16, content=b"/etc/passwd"), "a link or device"),
        (with_info("link", external_attr=(stat.S_IFLNK | 0o777) << 16, content=b"/etc/passwd"), "a link or device"),
        (with_info("fifo", external_attr=(stat.S_IFIFO | 0o644) << 16), "a link or device"),
        (archive({"judgement.json": GOOD}, zipfile.ZIP_BZIP2), "compressed in an unusual way"),
        (archive({"judgement.json": GOOD}, zipfile.ZIP_LZMA), "compressed in an unusual way"),
        (archive({"judgement.json": b"\0" * 2**21}), "expands more than 200-fold"),
        (archive({"bomb": b"\0" * 2**21, "judgement.json": GOOD}), "expands more than 200-fold"),
        (b"", "no zip archive"),
        (b"<Error>AuthenticationFailed</Error>", "no zip archive"),
        (archive({"judgement.json": GOOD})[:-10], "no zip archive"),
    ],
)
def test_poison_is_refused_in_words(data, words):
    with pytest.raises(ForgeError, match=words):
        unpack(data)


def test_two_members_of_one_name_are_refused():
    data = archive({"judgement.jso1": b"shown", "judgement.json": b"real"}, zipfile.ZIP_STORED)
    with pytest.raises(ForgeError, match="two members"):
        unpack(data.replace(b"judgement.jso1", b"judgement.json"))


def test_what_expands_to_more_than_its_cap_is_refused_before_it_is_expanded():
    members = {f"part{n}": os.urandom(2**10) * 200 for n in range(3)}
    data = bytearray(archive({**members, "judgement.json": GOOD}))
    announced = struct.pack("<L", MOST_EXPANDED)
    start = data.rfind(b"PK\x01\x02")
    data[start + 24 : start + 28] = announced
    with pytest.raises(ForgeError, match="expands to more than"):
        unpack(bytes(data))


@pytest.mark.parametrize("announced", [1, 5, 10_000])
def test_a_member_that_announces_another_size_is_refused(announced):
    data = bytearray(archive({"judgement.json": GOOD * 40}))
    place = data.find(b"PK\x01\x02") + 24
    data[place : place + 4] = struct.pack("<L", announced)
    with pytest.raises(ForgeError, match=r"announces another size|no zip archive"):
        unpack(bytes(data))


def test_an_encrypted_member_is_refused():
    data = bytearray(archive({"judgement.json": GOOD}))
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = data.find(mark) + offset
        data[place : place + 2] = struct.pack("<H", 1)
    with pytest.raises(ForgeError, match="encrypted"):
        unpack(bytes(data))


def test_a_broken_checksum_is_refused():
    data = archive({"judgement.json": GOOD}, zipfile.ZIP_STORED)
    with pytest.raises(ForgeError, match="no zip archive"):
        unpack(data.replace(GOOD, GOOD[::-1]))


@settings(max_examples=300)
@given(st.data())
def test_no_damage_does_more_than_be_refused(data):
    good = bytearray(archive({"judgement.json": GOOD * 20, "more.txt": b"more"}))
    for _ in range(data.draw(st.integers(1, 4))):
        good[data.draw(st.integers(0, len(good) - 1))] = data.draw(st.integers(0, 255))
    try:
        found = unpack(bytes(good))
    except ForgeError:
        return
    assert found == GOOD * 20


def test_the_newest_artifact_of_the_run_is_read(server):
    server.forge.add_artifact(501, archive({"judgement.json": b"first attempt"}), HEAD)
    server.forge.add_artifact(501, archive({"judgement.json": b"second attempt"}), HEAD)
    server.forge.add_artifact(502, archive({"judgement.json": b"another run"}), HEAD)
    server.forge.add_artifact(501, archive({"judgement.json": b"another name"}), HEAD, name="sluice-judgement-2")
    assert artifact.download(client_of(server), 501, HEAD) == b"second attempt"


def test_a_run_without_an_artifact_has_none(server):
    assert artifact.download(client_of(server), 501, HEAD) is None


def test_an_expired_artifact_is_said(server):
    server.forge.add_artifact(501, b"", HEAD).expired = True
    with pytest.raises(ForgeError, match="has expired; run the workflow again"):
        artifact.download(client_of(server), 501, HEAD)


def test_an_artifact_that_vanishes_meanwhile_is_said(server):
    found = server.forge.add_artifact(501, b"", HEAD)
    client = client_of(server)
    server.forge.artifacts.clear()
    with pytest.raises(Missing):
        client.download(f"actions/artifacts/{found.id}/zip", 1000)


def test_an_artifact_of_another_commit_is_refused(server):
    server.forge.add_artifact(501, archive({"judgement.json": GOOD}), "f" * 40)
    with pytest.raises(ForgeError, match="another run or commit"):
        artifact.download(client_of(server), 501, HEAD)


def test_a_large_artifact_is_not_even_fetched(server):
    server.forge.add_artifact(501, b"", HEAD).announced = MOST_COMPRESSED + 1
    with pytest.raises(ForgeError, match="was not read"):
        artifact.download(client_of(server), 501, HEAD)
    assert not server.calls("GET", "/zip")


def test_an_artifact_that_is_larger_than_announced_is_cut_off(server, monkeypatch):
    monkeypatch.setattr(artifact, "MOST_COMPRESSED", 1000)
    server.forge.add_artifact(501, b"x" * 5000, HEAD).announced = 10
    with pytest.raises(ForgeError, match="larger than 1,000 bytes"):
        artifact.download(client_of(server), 501, HEAD)
