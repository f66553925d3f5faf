"""Completions come back as they were stored, and a broken cache is set aside."""

import pytest

from sluice.cache import CompletionCache
from sluice.errors import CannotJudge
from sluice.providers.base import Completion

ONE = Completion("text \u2028 \x00", "stop", 3, 4, 0.25, 2)
TWO = Completion("", None, None, None, 0.0)


def test_known_keys_are_found_and_others_are_not(tmp_path):
    cache = CompletionCache(tmp_path / "c" / "cache.sqlite")
    cache.put({"a": ONE, "b": TWO})
    assert cache.get(["a", "b", "c"]) == {"a": ONE, "b": TWO}
    cache.close()


def test_log_probabilities_and_times_come_back(tmp_path):
    cache = CompletionCache(tmp_path / "cache.sqlite")
    completion = Completion("x", "stop", 3, 2, 0.25, 1, first_token=0.1, logprobs=(-0.123456789012345, -2.0))
    cache.put({"a": completion})
    assert cache.get(["a"]) == {"a": completion}
    cache.close()


def test_the_first_answer_stays(tmp_path):
    cache = CompletionCache(tmp_path / "cache.sqlite")
    cache.put({"a": ONE})
    cache.put({"a": TWO})
    assert cache.get(["a"]) == {"a": ONE}
    cache.close()


def test_thousands_of_keys(tmp_path):
    cache = CompletionCache(tmp_path / "cache.sqlite")
    cache.put({f"k{number}": TWO for number in range(3000)})
    assert len(cache.get(f"k{number}" for number in range(0, 6000, 2))) == 1500
    cache.close()


def test_a_foreign_file_is_set_aside(tmp_path):
    path = tmp_path / "cache.sqlite"
    path.write_bytes(b"this is no database" * 100)
    cache = CompletionCache(path)
    cache.put({"a": ONE})
    assert cache.get(["a"]) == {"a": ONE}
    assert path.with_suffix(".broken").exists()
    cache.close()


def test_reading_finds_what_is_there_and_writes_nothing(tmp_path):
    path = tmp_path / "a place" / "cache.sqlite"
    cache = CompletionCache(path)
    cache.put({"a": ONE})
    cache.close()
    before = {one: one.read_bytes() for one in path.parent.iterdir()}
    reading = CompletionCache.reading(path)
    assert reading.get(["a", "b"]) == {"a": ONE}
    with pytest.raises(CannotJudge, match="readonly"):
        reading.put({"b": TWO})
    reading.close()
    assert {one: one.read_bytes() for one in path.parent.iterdir()} == before


def test_reading_sees_what_a_writer_at_work_has_stored(tmp_path):
    cache = CompletionCache(tmp_path / "cache.sqlite")
    cache.put({"a": ONE})
    reading = CompletionCache.reading(tmp_path / "cache.sqlite")
    assert reading.get(["a"]) == {"a": ONE}
    reading.close()
    cache.close()


@pytest.mark.parametrize("content", [b"this is no database" * 100, b""])
def test_reading_a_foreign_file_is_refused_and_leaves_it(tmp_path, content):
    path = tmp_path / "cache.sqlite"
    path.write_bytes(content)
    with pytest.raises(CannotJudge, match=r"cannot read .*cache\.sqlite"):
        CompletionCache.reading(path)
    assert path.read_bytes() == content
    assert list(tmp_path.iterdir()) == [path]
