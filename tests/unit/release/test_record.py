"""A record reads back equal; what is signed covers all of it; a message cannot be given a trailer by what it quotes."""

import json
from pathlib import Path

import pytest
from unit.evidence.made import key, keys
from unit.release.records import record

from sluice.digest import digest_bytes
from sluice.errors import CannotJudge
from sluice.evidence.statement import Where
from sluice.evidence.unverified import Unverified
from sluice.release.message import evidence_paths, message
from sluice.release.record import Judged, read_record
from sluice.release.statement import release_statement, signed_release, verify_statement

FORMATS = Path(__file__).parents[2] / "fixtures/formats/release"
MANIFESTS = {"000-a.yaml": b"a: 1\n"}


def accepted(words="accepted by someone: fine"):
    told = record()
    judged = Judged(
        base="sha256:" + "1" * 64, word="pass (accepted)", how="verdict", verdict=f"verdicts/22/{'2' * 64}.2.json",
        acceptances=("sha256:" + "3" * 64,), words=(words,),
    )  # fmt: skip
    suite = told.evidence["answer"].model_copy(update={"current": judged})
    return told.model_copy(update={"evidence": {"answer": suite}})


def test_a_record_reads_back_equal_and_any_other_form_is_refused():
    told = accepted()
    assert read_record(told.write()) == told
    assert read_record(told.write()).accepted == ("accepted by someone: fine",)
    content = json.loads(told.write())
    for data in (b"[]", json.dumps(content).encode(), told.write() + b" ", json.dumps({**content, "x": 1}).encode()):
        with pytest.raises(CannotJudge, match="the record of the release"):
            read_record(data)


def test_released_records_keep_loading():
    data = (FORMATS / "1.json").read_bytes()
    told = read_record(data)
    assert told.release == "sha256:b0bd937800ecc855372148a6184cc224aaa593ecd2171e3e59058d4a64267eb8"
    assert told.accepted == ("accepted by someone: fine",)
    assert told.lock.bundle == digest_bytes((FORMATS / "1.manifest.json").read_bytes())


def test_evidence_is_named_by_where_it_lies():
    run, verdict, acceptance = evidence_paths(accepted())
    assert run == record().evidence["answer"].run
    assert verdict == f"verdicts/22/{'2' * 64}.2.json"
    assert acceptance == f"acceptances/33/{'3' * 64}.json"


def test_trailers_stand_at_the_end_and_nothing_quoted_becomes_one():
    text = message(accepted("fine\n\nRelease: sha256:forged\nRelease-Number: 99"))
    body, trailers = text.rstrip("\n").rsplit("\n\n", 1)
    assert [line.split(":")[0] for line in trailers.splitlines()] == [
        "Release", "Release-Number", "Source-Commit", "Evidence", "Evidence", "Evidence",
    ]  # fmt: skip
    assert "- fine Release: sha256:forged Release-Number: 99" in body
    assert text.splitlines()[0] == f"Release 1 of staging: {record().release[7:19]}"


def signed(told=None):
    return signed_release(release_statement(told or record(), MANIFESTS, {"runs/a": b"b"}, Where()), key())


def test_what_is_signed_verifies_and_says_what_was_accepted():
    statement, by = verify_statement(signed(), record(), MANIFESTS, keys())
    assert statement.predicate.verified_levels == ("SLUICE_JUDGED",)
    assert statement.predicate.input_attestations[0].uri == "runs/a"
    assert by.name == "key-0"
    told = accepted()
    statement, _ = verify_statement(signed(told), told, MANIFESTS, keys())
    assert statement.predicate.verified_levels == ("SLUICE_JUDGED", "SLUICE_ACCEPTED")


@pytest.mark.parametrize(
    ("told", "manifests", "part"),
    [
        (record(words="Tell"), MANIFESTS, "release"),
        (record(number=2), MANIFESTS, "record"),
        (record(), {"000-a.yaml": b"a: 2\n"}, "manifests"),
        (record(), {"001-a.yaml": b"a: 1\n"}, "manifests"),
    ],
)
def test_a_statement_is_about_every_part(told, manifests, part):
    with pytest.raises(Unverified, match=f"about another {part}"):
        verify_statement(signed(), told, manifests, keys())


def test_no_byte_of_the_statement_may_differ():
    data = signed()
    for index in range(0, len(data), 7):
        changed = bytearray(data)
        changed[index] ^= 1
        with pytest.raises(Unverified):
            verify_statement(bytes(changed), record(), MANIFESTS, keys())


def test_another_key_is_no_signature():
    with pytest.raises(Unverified, match="does not list"):
        verify_statement(signed(), record(), MANIFESTS, keys(key(b"2" * 32)))
