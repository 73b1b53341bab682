from __future__ import annotations

import pytest

from colonnade.verticals.finance.notes.figures import figure_of, figures_in, nothing, scale_in, years_in


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("$ 1,452.4", 1452.4), ("(114)", -114), ("$(53)", -53), ("(9.4%)", -9.4), ("(2.1% )", -2.1), ("-3", -3),
        ("(3,709 )", -3709), ("$—", None), ("Men", None), ("23.6%", 23.6), ("€ 41,250", 41250), ("US$5", 5),
        ("(12", None), ("2.5x", 2.5), (".55", 0.55), ("1,2,3", None),
    ],
)  # fmt: skip
def test_a_cell_is_read_as_it_is_printed(text: str, value: float | None):
    figure = figure_of(text)
    assert (figure.value if figure else None) == value


def test_a_dash_is_nothing_and_words_are_not():
    assert nothing("–")
    assert nothing("$—")
    assert not nothing("none of these")


def test_years_are_no_numbers_and_numbers_no_years():
    assert years_in("in FY19 and 2018, of $2,019 and 2,020") == (2019, 2018)
    assert [each.value for each in figures_in("it was $2.5 million in 2019, up 3 %")] == [2.5, 3]
    assert figures_in("it was $2.5 million")[0].scale == "million"


@pytest.mark.parametrize(
    ("text", "scale"),
    [("(in thousands)", "thousand"), ("$ in millions, except shares", "million"), ("US$'000", "thousand"),
     ("€m", "million"),
     ("Years ended", ""), ("minimum payments", "")],
)  # fmt: skip
def test_a_header_says_its_scale(text: str, scale: str):
    assert scale_in(text) == scale
