"""Formulas of derived metrics: arithmetic, what is not defined, and what is refused."""

import pytest

from sluice.stats.formula import Formula, FormulaError


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2 * p * r / (p + r)", 0.48),
        ("p ^ 2 + __count", 10.36),
        ("-p + max(p, r, 1) % 0.3", -0.5),
        ("sqrt(p / r) - log(exp(1))", 0.22474487),
        ("p / (r - r)", None),
        ("sqrt(-p)", None),
        ("exp(10000)", None),
        ("9 ^ 9 ^ 9", None),
        ("missing + 1", None),
    ],
)
def test_values(text, value):
    found = Formula(text)({"p": 0.6, "r": 0.4, "__count": 10})
    assert found == (None if value is None else pytest.approx(value))


def test_names():
    assert Formula("2 * p + max(q, __count)").names == {"p", "q", "__count"}


@pytest.mark.parametrize(
    "text", ["", "p +", "p.q", "open('x')", "[1]", "p if q else r", "'a'", "True", "max()", "p < q", "x" * 501]
)
def test_more_than_arithmetic_is_refused(text):
    with pytest.raises(FormulaError):
        Formula(text)
