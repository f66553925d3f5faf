from __future__ import annotations

from copies import CODEOWNERS

from sluice.adoption.codeowners import owned, renamed

TRACKED = ["README.md", "prompts/assistant.yaml", "evals/assistant.yaml", "scripts/test"]


def test_examples_become_the_owner():
    text = owned(CODEOWNERS, "@acme/llm", TRACKED)
    assert "@your-org" not in text
    assert "*                       @acme/llm" in text
    assert "/evals/                 @acme/llm" in text


def test_lines_about_files_that_went_go_too():
    text = owned(CODEOWNERS, "@acme/llm", TRACKED)
    assert "support" not in text
    assert "portal" not in text
    kept = owned(CODEOWNERS, "@acme/llm", [*TRACKED, "datasets/portal-docs.yaml"])
    assert "/datasets/portal-docs.*       @acme/llm\n" in kept


def test_a_file_of_ones_own_is_left_as_it_is():
    own = "# ours\n*  @acme/llm\n/notes/  @acme/writers\n"
    assert owned(own, "@other/team", TRACKED) == own


def test_a_line_that_a_person_added_stays_even_where_it_matches_nothing_yet():
    text = owned(CODEOWNERS + "/notes/  @acme/writers\n", "@acme/llm", TRACKED)
    assert "/notes/  @acme/writers" in text


def test_twice_is_once():
    once = owned(CODEOWNERS, "@acme/llm", TRACKED)
    assert owned(once, "@acme/llm", TRACKED) == once


def test_the_file_no_longer_says_that_the_names_are_examples():
    assert "examples" not in owned(CODEOWNERS, "@acme/llm", TRACKED)


def test_an_owner_can_be_replaced_by_another_and_by_nobody_elses_name():
    text = "*  @acme\n/evals/  @acme @acme/llm @acmes\n"
    assert renamed(text, "@acme", "@acme/platform") == "*  @acme/platform\n/evals/  @acme/platform @acme/llm @acmes\n"
