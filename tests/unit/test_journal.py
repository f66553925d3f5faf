"""The journal survives torn writes and refuses damaged lines and second writers."""

import multiprocessing
import os
import resource
import signal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.errors import CannotJudge
from sluice.journal import Journal, encode, parse

RECORDS = [{"a": 1}, {"b": "zwei\n\u2028"}, {"c": [None, True, 1.5]}]


def test_reads_back_what_was_written(tmp_path):
    with Journal(tmp_path / "j") as journal:
        journal.append(RECORDS)
    with Journal(tmp_path / "j") as journal:
        assert journal.records == RECORDS
        assert journal.torn == 0


@given(cut=st.integers(min_value=0, max_value=200))
@settings(max_examples=60, deadline=None)
def test_a_torn_end_loses_only_the_last_record(tmp_path_factory, cut):
    path = tmp_path_factory.mktemp("torn") / "j"
    data = b"".join(map(encode, RECORDS))
    path.write_bytes(data[: max(0, len(data) - cut)])
    whole = path.read_bytes().count(b"\n")
    with Journal(path) as journal:
        assert journal.records == RECORDS[:whole]
        journal.append([{"next": 1}])
    with Journal(path) as journal:
        assert journal.records == [*RECORDS[:whole], {"next": 1}]


def test_a_damaged_line_is_an_error_with_its_place(tmp_path):
    path = tmp_path / "j"
    data = bytearray(b"".join(map(encode, RECORDS)))
    data[data.index(b"\n") + 12] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(CannotJudge, match="j:2 is damaged"):
        Journal(path)


def test_a_second_writer_is_refused(tmp_path):
    with Journal(tmp_path / "j"), pytest.raises(CannotJudge, match="another run"):
        Journal(tmp_path / "j")


def test_a_released_journal_opens_again(tmp_path):
    Journal(tmp_path / "j").close()
    Journal(tmp_path / "j").close()


def _write_on_a_full_disk(path, queue):
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200, 200))
    with Journal(path) as journal:
        try:
            for number in range(100):
                journal.append([{"n": number}])
        except CannotJudge as error:
            queue.put(str(error))


def test_a_full_disk_is_said_and_loses_nothing_written_before(tmp_path):
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    process = context.Process(target=_write_on_a_full_disk, args=(tmp_path / "j", queue))
    process.start()
    message = queue.get(timeout=10)
    process.join()
    assert "cannot write" in message
    with Journal(tmp_path / "j") as journal:
        assert journal.records == [{"n": number} for number in range(len(journal.records))]
        assert len(journal.records) >= 5


def test_restart_forgets_everything(tmp_path):
    with Journal(tmp_path / "j") as journal:
        journal.append(RECORDS)
        journal.restart()
        journal.append([{"x": 1}])
    assert list(parse(tmp_path / "j", (tmp_path / "j").read_bytes())) == [{"x": 1}]
    assert os.path.getsize(tmp_path / "j") < 40
