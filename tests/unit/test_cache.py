"""Completions come back as they were stored, and a broken cache is set aside."""

from sluice.cache import CompletionCache
from sluice.providers.base import Completion

ONE = Completion("text \u2028 \x00", "stop", 3, 4, 0.25, 2)
TWO = Completion("", None, None, None, 0.0)


def test_known_keys_are_found_and_others_are_not(tmp_path):
    cache = CompletionCache(tmp_path / "c" / "cache.sqlite")
    cache.put({"a": ONE, "b": TWO})
    assert cache.get(["a", "b", "c"]) == {"a": ONE, "b": TWO}
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
