"""`sluice import promptfoo`: what it names the files, and that nothing is overwritten."""

import json

import pytest

from sluice.cli.writing import write_new
from sluice.errors import UsageError

TESTS = [{"vars": {"q": f"question {number}"}, "assert": [{"type": "contains", "value": "a"}]} for number in range(3)]


@pytest.fixture
def config(repository):
    def write(name, *labels):
        prompts = [{"label": label, "raw": "Say {{ q }}"} for label in labels] or ["Say {{ q }}"]
        (repository / name).write_text(json.dumps({"prompts": prompts, "tests": TESTS}))
        return name

    return write


def written(out):
    return sorted(line.removeprefix("wrote ") for line in out.splitlines() if line.startswith("wrote "))


def test_a_second_import_names_the_option_that_gives_another_name(config, sluice):
    file = config("old.yaml")
    assert sluice("import", "promptfoo", file)[0] == 0
    code, _, err = sluice("import", "promptfoo", file)
    assert code == 2 and "choose another name (--name), or remove them first" in err
    code, out, _ = sluice("import", "promptfoo", file, "--name", "newer")
    assert code == 0
    assert written(out) == ["datasets/newer.jsonl", "datasets/newer.yaml", "evals/newer.yaml", "prompts/newer.yaml"]


def test_several_prompts_begin_with_the_name(config, sluice):
    code, out, _ = sluice("import", "promptfoo", config("old.yaml", "Terse", "Long", "Long"), "--name", "mine")
    assert code == 0
    assert [path for path in written(out) if path.startswith("prompts/")] == [
        "prompts/mine-long-2.yaml", "prompts/mine-long.yaml", "prompts/mine-terse.yaml",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["Up", "../up", "n" * 101])
def test_a_name_that_no_file_may_have_is_refused(config, sluice, name):
    code, out, err = sluice("import", "promptfoo", config("old.yaml"), "--name", name)
    assert (code, out) == (2, "") and "use" in err


@pytest.mark.parametrize(("file", "name"), [("Ünï.yaml", "uni"), ("Straße.yaml", "strasse"), ("日本.yaml", "imported")])
def test_letters_with_marks_become_plain_ones(config, sluice, file, name):
    code, out, _ = sluice("import", "promptfoo", config(file))
    assert code == 0 and f"datasets/{name}.yaml" in written(out)


def test_nothing_is_written_through_a_link(repository, config, tmp_path_factory, sluice):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (repository / "datasets/old.jsonl").symlink_to(elsewhere / "rows.jsonl")
    code, out, err = sluice("import", "promptfoo", config("old.yaml"))
    assert code == 2 and "link" in err and "wrote" not in out
    assert not list(elsewhere.iterdir())


CODE = {
    "prompts": ["Say {{ q }}"],
    "tests": [{"vars": {"q": "x"}, "assert": [{"type": "python", "value": "file://check.py", "metric": "own"}]}],
}


def test_code_is_taken_over_only_where_that_is_allowed(repository, sluice):
    (repository / "old.yaml").write_text(json.dumps(CODE))
    (repository / "check.py").write_text(
        "def get_assert(output, context):\n    return context['vars']['q'] in output\n"
    )
    code, out, _ = sluice("import", "promptfoo", "old.yaml")
    assert code == 3 and "old.yaml:1:" in out and "--allow-code" in out and "wrote" not in out
    code, out, _ = sluice("import", "promptfoo", "old.yaml", "--allow-code")
    assert code == 0 and "evals/old.py" in written(out)
    assert sluice("check")[2].count("error") == 0


def test_code_that_reads_what_is_not_known_here_is_refused(repository, sluice):
    (repository / "old.yaml").write_text(json.dumps(CODE))
    (repository / "check.py").write_text("def get_assert(output, context):\n    return context['prompt'] in output\n")
    code, out, _ = sluice("import", "promptfoo", "old.yaml", "--allow-code")
    assert code == 3 and "context['prompt']" in out


def test_a_text_that_no_file_can_hold_stops_before_anything_is_written(repository, sluice):
    (repository / "old.yaml").write_text("prompts: ['{{ q }}']\ntests: file://cases.jsonl\n")
    case = {"vars": {"q": "\ud800"}, "assert": [{"type": "contains", "value": "a"}]}
    (repository / "cases.jsonl").write_text(json.dumps(case))
    before = sorted(repository.rglob("*"))
    code, out, _ = sluice("import", "promptfoo", "old.yaml")
    assert code == 3 and "cases.jsonl:1:1" in out
    assert sorted(repository.rglob("*")) == before


def test_new_files_are_written_all_or_none(tmp_path):
    with pytest.raises(UsageError, match=r"b\.yaml"):
        write_new(tmp_path, {"a.yaml": "fine", "b.yaml": "\udc80"})
    assert not list(tmp_path.iterdir())
