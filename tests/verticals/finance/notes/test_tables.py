from __future__ import annotations

from colonnade.verticals.finance.notes.tables import grid_of

LINES = [
    ["", "", "Fiscal", ""],
    ["", "2019", "2018", "2017"],
    ["", "", "(in millions)", ""],
    ["Transportation:", "", "", ""],
    ["Automotive", "$ 5,686", "$ 6,092", "$  5,228"],
    ["Loss (1)", "(12)", "–", "7"],
    ["Margin %", "41.1%", "42.3%", "41.2%"],
    ["Total", "5,674", "6,092", "5,235"],
]


def test_header_rows_periods_scale_and_sections_are_found():
    grid = grid_of(LINES, number=1)
    cell = grid.at(4, 2)
    assert grid.heads == (0, 1, 2)
    assert grid.scale == "million"
    assert cell is not None
    assert (cell.label, cell.section, cell.period, cell.scale, cell.unit) == (
        "Automotive", "Transportation", "2018", "million", "$",
    )  # fmt: skip
    assert cell.absolute == 6092e6


def test_brackets_are_negative_dashes_are_nil_and_percent_rows_keep_their_own_scale():
    grid = grid_of(LINES, number=1)
    loss, dash, margin = grid.at(5, 1), grid.at(5, 2), grid.at(6, 1)
    assert loss is not None
    assert dash is not None
    assert margin is not None
    assert (loss.value, loss.label) == (-12, "Loss")
    assert (dash.value, dash.nil) == (0, True)
    assert (margin.value, margin.scale) == (41.1, "percent")


def test_a_header_stands_over_the_blanks_to_its_right():
    lines = [
        ["", "2019", "", "2018", ""],
        ["", "Men", "Women", "Men", "Women"],
        ["Aged 65", "86.8", "88.9", "87.3", "89.3"],
    ]
    grid = grid_of(lines, number=1)
    assert [cell.header for cell in grid.cells] == ["2019 Men", "2019 Women", "2018 Men", "2018 Women"]


def test_the_text_around_says_the_scale_where_the_table_does_not():
    grid = grid_of([["", "2019"], ["Sales", "12"]], number=1, context="as follows (in thousands):")
    assert grid.scale == "thousand"
    assert grid_of([["", "2019"], ["Sales", "12"]], number=1).scale == ""
