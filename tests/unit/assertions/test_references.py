"""sacreBLEU, chrF and ROUGE against independent implementations; versions, absence, and what they cannot read."""

import json
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.assertions import AssertionConfigError, AssertionProblem, Subject, compile_assertion, references
from sluice.schema import Assertion

nltk_bleu = pytest.importorskip("nltk.translate.bleu_score")
pytest.importorskip("sacrebleu", reason=references.INSTALL)
pytest.importorskip("rouge_score", reason=references.INSTALL)

GOLDEN = Path(__file__).parent / "golden"
TYPES = ("sacrebleu", "chrf", "rouge-1", "rouge-2", "rouge-l", "rouge-lsum")
WORDS = st.lists(st.sampled_from(["cat", "dog", "sat", "ran", "mat", "big", "red"]), min_size=4, max_size=12)
LINES = st.lists(WORDS, min_size=1, max_size=3)


def value_of(name, value, output, row=None):
    compiled = compile_assertion(Assertion(metric="m", type=name, value=value, threshold=0.5))
    return compiled.score(Subject(output, row or {})).value


@given(WORDS, st.lists(WORDS, min_size=1, max_size=3))
def test_sacrebleu_is_nltks_bleu_with_the_same_smoothing(found, wanted):
    smoothing = nltk_bleu.SmoothingFunction().method3
    shared = any(set(found) & set(words) for words in wanted)
    expected = nltk_bleu.sentence_bleu(wanted, found, smoothing_function=smoothing) if shared else 0.0
    ours = value_of("sacrebleu", [" ".join(words) for words in wanted], " ".join(found))
    assert ours == pytest.approx(expected, abs=1e-9)


def chrf(found, wanted, orders=6, beta=2):
    """Popović 2015: mean precision and recall over the orders that both texts have, then F with recall doubled."""
    found, wanted = "".join(found.split()), "".join(wanted.split())
    scores = []
    for order in range(1, orders + 1):
        left, right = (Counter(text[n : n + order] for n in range(len(text) - order + 1)) for text in (found, wanted))
        if left and right:
            common = (left & right).total()
            scores.append((common / left.total(), common / right.total()))
    precision, recall = (sum(side) / len(scores) for side in zip(*scores, strict=True)) if scores else (0, 0)
    return (1 + beta**2) * precision * recall / (beta**2 * precision + recall) if precision + recall else 0.0


@given(WORDS, WORDS)
def test_chrf_is_its_definition(found, wanted):
    ours = value_of("chrf", " ".join(wanted), " ".join(found))
    assert ours == pytest.approx(chrf(" ".join(found), " ".join(wanted)), abs=1e-9)


def f1(common, found, wanted):
    return 2 * common / (found + wanted) if common else 0.0


def longest(left, right):
    """Return the places in `right` of one longest common subsequence."""
    table = [[()] * (len(right) + 1) for _ in range(len(left) + 1)]
    for i, one in enumerate(left):
        for j, other in enumerate(right):
            table[i + 1][j + 1] = (*table[i][j], j) if one == other else max(table[i][j + 1], table[i + 1][j], key=len)
    return table[-1][-1]


@given(WORDS, WORDS)
def test_rouge_is_its_definition(found, wanted):
    output, reference = " ".join(found), " ".join(wanted)
    for order, name in ((1, "rouge-1"), (2, "rouge-2")):
        left, right = (Counter(zip(*(text[n:] for n in range(order)), strict=False)) for text in (found, wanted))
        expected = f1((left & right).total(), left.total(), right.total())
        assert value_of(name, reference, output) == pytest.approx(expected, abs=1e-12)
    expected = f1(len(longest(found, wanted)), len(found), len(wanted))
    assert value_of("rouge-l", reference, output) == pytest.approx(expected, abs=1e-12)


def test_rouge_lsum_joins_the_subsequences_of_lines():
    """Lin 2004, section 3.2: reference w1 w2 w3 w4 w5 against w1 w2 w6 w7 w8 and w1 w3 w8 w9 w5 has 4 of 5 words."""
    output = "w1 w2 w6 w7 w8\nw1 w3 w8 w9 w5"
    precision, recall = 4 / 10, 4 / 5
    expected = 2 * precision * recall / (precision + recall)
    assert value_of("rouge-lsum", "w1 w2 w3 w4 w5", output) == pytest.approx(expected)


def test_rouge_lsum_minds_no_order_of_lines():
    reference, output = "the cat sat\nit slept", "it slept\nthe cat sat"
    assert value_of("rouge-lsum", reference, output) == pytest.approx(1)
    assert value_of("rouge-l", reference, output) == pytest.approx(3 / 5)


@pytest.mark.parametrize("name", TYPES)
def test_the_best_of_several_references_and_a_field_that_lists_them(name):
    output, texts = "the cat sat on the red mat", ["a dog ran", "the cat sat on the red mat"]
    assert value_of(name, texts, output) == pytest.approx(1)
    assert value_of(name, "{{ answers }}", output, {"answers": texts}) == pytest.approx(1)
    for nothing in ("", " ", [], None, [""], {"a": 1}):
        with pytest.raises(AssertionProblem, match="reference"):
            value_of(name, "{{ answers }}", output, {"answers": nothing})


def test_settings_change_the_score():
    assert value_of("sacrebleu", "The Cat Sat Down", "the cat sat down") < 1
    assert value_of("sacrebleu", {"references": "The Cat Sat Down", "lowercase": True}, "the cat sat down") == 1
    assert value_of("sacrebleu", "猫坐在垫子上", "猫坐在垫子下") == 0
    assert value_of("sacrebleu", {"references": "猫坐在垫子上", "tokenize": "zh"}, "猫坐在垫子下") > 0.5
    assert value_of("chrf", "猫坐在垫子上", "猫坐在垫子下") > 0.5
    assert value_of("chrf", {"references": "the cat sat", "word_order": 2}, "the cat") != value_of(
        "chrf", "the cat sat", "the cat"
    )
    assert value_of("rouge-1", "running", "runs") == 0
    assert value_of("rouge-1", {"references": "running", "stem": True}, "runs") == 1


def test_rouge_says_that_it_cannot_read_other_scripts():
    with pytest.raises(AssertionProblem, match="chrf"):
        value_of("rouge-l", "猫坐在垫子上", "猫")


def test_every_tokenizer_works_without_a_download():
    for name in references._TOKENIZERS:
        assert value_of("sacrebleu", {"references": "a cat sat here", "tokenize": name}, "a cat sat here") == 1


@pytest.mark.parametrize("name", TYPES)
def test_golden_vectors_hold_the_signature_of_what_computed_them(name):
    """Another version is another meaning: its signature changes the vectors' digest, which is bound to `semantics`."""
    signature = json.loads((GOLDEN / f"{name}.json").read_text("utf-8"))["signature"]
    if name == "sacrebleu":
        told = references.bleu("13a", False).get_signature().format()
    elif name == "chrf":
        told = references.chrf(0, False).get_signature().format()
    else:
        told = f"rouge-score {references.VERSIONS['rouge-score']}, use_stemmer=False"
    assert re.sub(r"^nrefs:\d+\|", "", told) == signature


def test_absence_and_other_versions_are_said_with_the_command_that_helps(monkeypatch):
    def missing(name):
        raise references.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(references.metadata, "version", missing)
    with pytest.raises(AssertionConfigError, match=r"rouge-score is not installed; pip install '\.\[metrics\]'"):
        value_of("rouge-1", "x", "x")
    monkeypatch.setattr(references.metadata, "version", lambda name: "2.4.3")
    with pytest.raises(AssertionConfigError, match=r"sacrebleu 2\.4\.3 is installed, 2\.6\.0 is needed"):
        value_of("chrf", "x", "x")


def test_compiling_does_not_import_the_libraries():
    code = (
        "import sys\n"
        "from sluice.assertions import compile_assertion\n"
        "from sluice.schema import Assertion\n"
        f"for name in {TYPES}: compile_assertion(Assertion(metric='m', type=name, value='x', threshold=.5))\n"
        "sys.exit(bool({'sacrebleu', 'rouge_score', 'nltk', 'numpy'} & set(sys.modules)))"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    assert subprocess.run([sys.executable, "-c", code], env=environment).returncode == 0
