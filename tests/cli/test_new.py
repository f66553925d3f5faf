"""`sluice new`: what cannot be a name, and what must not be written through."""

import pytest


@pytest.mark.parametrize("kind", ["prompt", "dataset", "suite", "model"])
@pytest.mark.parametrize("name", ["n" * 300, "n" * 101, "../up", "Up"])
def test_a_name_that_no_file_may_have_is_refused(repository, sluice, kind, name):
    code, out, err = sluice("new", kind, name)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1 and "use" in err


def test_the_longest_name_is_a_name(repository, sluice):
    assert sluice("new", "model", "n" * 100)[0] == 0
    assert sluice("check")[0] == 0


@pytest.mark.parametrize("exists", [True, False])
def test_nothing_is_written_through_a_link(repository, tmp_path_factory, sluice, exists):
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "evil.yaml"
    if exists:
        elsewhere.write_text("mine")
    (repository / "prompts/evil.yaml").symlink_to(elsewhere)
    code, out, err = sluice("new", "prompt", "evil")
    assert (code, out) == (2, "")
    assert f"a link to {elsewhere}" in err
    assert not exists or elsewhere.read_text() == "mine"
    assert elsewhere.exists() == exists


def test_nothing_is_written_into_a_directory_that_is_a_link(repository, tmp_path_factory, sluice):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (repository / "prompts").rename(elsewhere / "prompts")
    (repository / "prompts").symlink_to(elsewhere / "prompts")
    code, _, err = sluice("new", "prompt", "evil")
    assert code == 2 and "link" in err
    assert not (elsewhere / "prompts/evil.yaml").exists()


def test_an_existing_file_is_named_in_good_grammar(repository, sluice):
    assert (
        "prompts/answer.yaml exists already; choose another name, or remove it first"
        in sluice("new", "prompt", "answer")[2]
    )


def test_a_suite_says_which_dataset_it_took(repository, sluice):
    code, out, _ = sluice("new", "suite", "other")
    assert (code, "its cases are those of questions, the first dataset" in out) == (0, True)
    assert sluice("new", "dataset", "own")[0] == 0
    code, out, _ = sluice("new", "suite", "own")
    assert (code, "its cases are" in out) == (0, False)
