import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.assertions.similarity import bleu, gleu, rouge_1
from sluice.assertions.treebank import treebank_tokens

sacrebleu = pytest.importorskip("sacrebleu")
nltk_gleu = pytest.importorskip("nltk.translate.gleu_score")
rouge_scorer = pytest.importorskip("rouge_score.rouge_scorer")

WORDS = st.lists(st.sampled_from(["cat", "dog", "sat", "ran", "mat", "big", "red"]), min_size=4, max_size=14)


@given(WORDS, WORDS)
def test_bleu_equals_sacrebleu(found, wanted):
    ours = bleu(" ".join(found), [" ".join(wanted)])
    theirs = sacrebleu.metrics.BLEU(
        tokenize="none", smooth_method="floor", smooth_value=1e-7, effective_order=True, lowercase=True
    )
    precisions = theirs.sentence_score(" ".join(found), [" ".join(wanted)])
    if min(precisions.precisions) > 1e-3:
        assert ours == pytest.approx(precisions.score / 100, abs=1e-9)
    else:
        assert ours < 0.02


@given(WORDS, WORDS)
def test_gleu_equals_nltk(found, wanted):
    assert gleu(" ".join(found), [" ".join(wanted)]) == pytest.approx(
        nltk_gleu.sentence_gleu([wanted], found), abs=1e-12
    )


@given(WORDS, WORDS)
def test_rouge_equals_rouge_score(found, wanted):
    theirs = rouge_scorer.RougeScorer(["rouge1"]).score(" ".join(wanted), " ".join(found))["rouge1"].fmeasure
    assert rouge_1(" ".join(found), " ".join(wanted)) == pytest.approx(theirs, abs=1e-12)


TEXT = st.text(max_size=40)


@given(TEXT, TEXT)
def test_measures_stay_in_range_and_a_text_equals_itself(found, wanted):
    for score in (bleu(found, [wanted]), gleu(found, [wanted]), rouge_1(found, wanted)):
        assert 0 <= score <= 1
    if treebank_tokens(wanted.lower()):
        assert rouge_1(wanted, wanted) == 1


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("see [doc-12].", ["see", "[", "doc-12", "]", "."]),
        ("it costs $5, or 5,000.50", ["it", "costs", "$", "5", ",", "or", "5,000.50"]),
        ("don't; we'll", ["do", "n't", ";", "we", "'ll"]),
        ("cannot gonna", ["can", "not", "gon", "na"]),
        ('"yes" - no...', ['"', "yes", '"', "-", "no", "..."]),
        ("one. two.", ["one.", "two", "."]),
        ("", []),
    ],
)
def test_treebank_tokens(text, tokens):
    assert treebank_tokens(text) == tokens
