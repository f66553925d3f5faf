"""Archives that others made: bombs, doubles, damage and hostile names end in words, and nothing reaches a disk."""

import io
import zipfile

import pytest
from outside_tools import interchange_package

from sluice.errors import CannotJudge
from sluice.interchange import log_archive
from sluice.interchange.inspect_log import read_runs
from sluice.interchange.log_archive import Archive


def packed(members, method=zipfile.ZIP_DEFLATED):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", method) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return data.getvalue()


def test_members_come_back(tmp_path):
    archive = Archive(tmp_path, packed([("header.json", b"{}"), ("samples/a.json", b"1")]))
    assert archive.names == ["header.json", "samples/a.json"]
    assert archive.member("samples/a.json") == b"1"


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_a_bomb_is_not_unpacked(tmp_path, monkeypatch, method):
    monkeypatch.setattr(log_archive, "MOST_MEMBER_BYTES", 1000)
    archive = Archive(tmp_path, packed([("header.json", b"0" * 5_000_000)], method))
    with pytest.raises(CannotJudge, match="unpacks to more than 1,000 bytes"):
        archive.member("header.json")


def test_many_members_together_are_bounded_too(tmp_path, monkeypatch):
    monkeypatch.setattr(log_archive, "MOST_BYTES", 2500)
    archive = Archive(tmp_path, packed([(f"{number}.json", b"0" * 1000) for number in range(3)]))
    archive.member("0.json")
    archive.member("1.json")
    with pytest.raises(CannotJudge, match="unpacks to more than 500 bytes"):
        archive.member("2.json")


def test_a_zstandard_bomb_is_not_unpacked(tmp_path, monkeypatch):
    zstandard = interchange_package("zstandard")
    plain = b"0" * 5_000_000
    data = bytearray(packed([("header.json", zstandard.compress(plain))], zipfile.ZIP_STORED))
    for signature, offset in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        data[data.index(signature) + offset] = log_archive.ZSTANDARD
    monkeypatch.setattr(log_archive, "MOST_MEMBER_BYTES", 1000)
    with pytest.raises(CannotJudge, match="unpacks to more than 1,000 bytes"):
        Archive(tmp_path, bytes(data)).member("header.json")


def test_two_members_of_one_name_are_refused(tmp_path):
    with pytest.warns(UserWarning, match="Duplicate"):
        data = packed([("header.json", b"{}"), ("header.json", b"[]")])
    with pytest.raises(CannotJudge, match="two members of one name"):
        Archive(tmp_path, data)


def test_damage_is_said(tmp_path):
    whole = packed([("header.json", b"{}" * 50)], zipfile.ZIP_STORED)
    with pytest.raises(CannotJudge, match="no whole archive"):
        Archive(tmp_path, whole[:-10])
    with pytest.raises(CannotJudge, match="cannot be read"):
        Archive(tmp_path, whole.replace(b"{}{}", b"{}[]", 1)).member("header.json")
    with pytest.raises(CannotJudge, match=r"has no header\.json"):
        Archive(tmp_path, packed([])).member("header.json")


def test_names_that_lead_elsewhere_are_only_names(tmp_path):
    path = tmp_path / "log.eval"
    path.write_bytes(packed([("header.json", b'{"version": 2}'), ("samples/../../../gone.json", b"{}")]))
    before = sorted(tmp_path.parent.rglob("*"))
    with pytest.raises(CannotJudge, match=r"header\.json is no log of inspect"):
        read_runs(path)
    assert sorted(tmp_path.parent.rglob("*")) == before
