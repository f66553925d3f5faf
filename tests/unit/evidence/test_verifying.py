from pathlib import Path

import pytest
from unit.evidence import made
from unit.evidence.made import Files

from sluice.evidence.branch import Place
from sluice.evidence.keys import Keys
from sluice.evidence.signing import signed
from sluice.evidence.statement import Named, read
from sluice.evidence.unverified import Unverified
from sluice.evidence.verifying import check_places, find_run, verify

FORMATS = Path(__file__).parents[2] / "fixtures" / "formats" / "evidence"
RUN = Place("run", made.hexed(made.closure().digest))


def test_what_is_signed_verifies_down_to_the_results():
    branch = Files({**made.run_files(lost=(1,)), **made.verdict_files()})
    checked = list(check_places(branch, branch.places(), made.keys()))
    assert [one.problem for one in checked] == [None, None]
    run = find_run(branch, made.closure().digest, made.keys())
    assert run.whole.run.cases[1].state == "fail"
    assert find_run(branch, made.closure("other").digest, made.keys()) is None


def test_released_statements_keep_verifying():
    branch = Files(
        {path.relative_to(FORMATS).as_posix(): path.read_bytes() for path in FORMATS.rglob("*") if path.is_file()}
    )
    checked = list(check_places(branch, branch.places(), made.keys()))
    assert [one.place.kind for one in checked] == ["acceptance", "run", "verdict"]
    assert [one.problem for one in checked] == [None, None, None]


@pytest.mark.parametrize("kind", ["run", "verdict"])
def test_no_byte_of_an_envelope_may_differ(kind):
    files = made.run_files(3) if kind == "run" else made.verdict_files()
    path = next(path for path in files if path.endswith(".json"))
    place = Files(files).places()[0]
    data, trusted = files[path], made.keys()
    for index in range(len(data)):
        changed = bytearray(data)
        changed[index] ^= 1
        with pytest.raises(Unverified) as caught:
            verify(Files({**files, path: bytes(changed)}), place, trusted)
        assert len(str(caught.value)) > 20, index


def test_no_byte_of_the_results_may_differ():
    files = made.run_files(3)
    data, trusted = files[RUN.run_path], made.keys()
    for index in range(len(data)):
        changed = bytearray(data)
        changed[index] ^= 0x10
        with pytest.raises(Unverified, match="are not those that were signed"):
            verify(Files({**files, RUN.run_path: bytes(changed)}), RUN, trusted)


def test_missing_files_are_named():
    files = made.run_files()
    with pytest.raises(Unverified, match="its results are missing"):
        verify(Files({RUN.path: files[RUN.path]}), RUN, made.keys())
    with pytest.raises(Unverified, match="there is no runs/"):
        verify(Files({}), RUN, made.keys())


def test_a_statement_lies_only_where_it_belongs():
    files = made.run_files()
    other = Place("run", "0" * 64)
    with pytest.raises(Unverified, match="something else than its path names"):
        verify(Files({other.path: files[RUN.path], other.run_path: files[RUN.run_path]}), other, made.keys())
    wrong = Place("verdict", RUN.hex)
    with pytest.raises(Unverified, match="a statement about a run, and lies where a verdict belongs"):
        verify(Files({wrong.path: files[RUN.path]}), wrong, made.keys())
    verdicts = made.verdict_files()
    (path,) = verdicts
    moved = Place("verdict", "1" * 64)
    with pytest.raises(Unverified, match="something else"):
        verify(Files({moved.path: verdicts[path]}), moved, made.keys())


def resigned(change):
    """Sign a statement that was changed by somebody who has the key."""
    from sluice.evidence.envelope import decode

    files = made.run_files()
    statement = change(read(decode(files[RUN.path]).payload))
    return Files({**files, RUN.path: signed(statement, made.key())})


def with_facts(statement, **changes):
    facts = statement.facts.model_copy(update=changes)
    return statement.model_copy(update={"predicate": statement.predicate.model_copy(update={"sluice": facts})})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda one: with_facts(one, closure={**one.facts.closure, "rows": "sha256:" + "0" * 64}), "do not add up"),
        (lambda one: with_facts(one, model="sha256:" + "0" * 64), "do not add up"),
        (lambda one: with_facts(one, closure={}), "do not add up"),
        (lambda one: with_facts(one, commit="0" * 40), "contradict each other"),
        (lambda one: with_facts(one, suite=Named(name="other")), "contradict each other"),
        (
            lambda one: with_facts(one, run=one.facts.run.model_copy(update={"outputs": "none"})),
            "contradict each other",
        ),
    ],
)
def test_a_signed_contradiction_is_no_evidence(change, said):
    with pytest.raises(Unverified, match=said):
        verify(resigned(change), RUN, made.keys())


def test_unknown_fields_and_kinds_are_refused_with_the_version():
    from sluice.digest import canonical_json
    from sluice.evidence.envelope import decode, encode, sign

    files = made.run_files()
    import json

    value = json.loads(decode(files[RUN.path]).payload)
    for change in ({"predicateType": "https://slsa.dev/provenance/v1"}, {"more": 1}, {"subject": []}):
        payload = canonical_json({**value, **change})
        with pytest.raises(Unverified, match=r"none that Sluice \d"):
            verify(Files({**files, RUN.path: encode(sign(payload, made.key()))}), RUN, made.keys())


def test_a_later_attempt_counts_where_the_first_does_not_verify():
    other = made.key(bytes(32))
    branch = Files({**made.run_files(secret=other), **made.run_files(attempt=2)})
    assert [place.path[-7:] for place in branch.places()] == [f"{RUN.hex[-2:]}.json", ".2.json"]
    assert find_run(branch, made.closure().digest, made.keys()).evidence.place.attempt == 2
    with pytest.raises(Unverified, match=r"^runs/.*does not list"):
        find_run(Files(made.run_files(secret=other)), made.closure().digest, made.keys())


def test_without_keys_nothing_verifies():
    branch = Files(made.run_files())
    with pytest.raises(Unverified, match="lists no key"):
        verify(branch, RUN, Keys("keys at main", {}))
