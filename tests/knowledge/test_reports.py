from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import numpy as np
import pytest

from colonnade.knowledge.claims import Claim, Evidence, Fact, UnsupportedClaim
from colonnade.knowledge.figures import canvas, picture, pixels
from colonnade.knowledge.reports import Key, Report, Rows, Section


def _report(value: float = 2.0) -> Report:
    with canvas(3, 2) as (sheet, axes):
        axes.plot([0, 1], [0, 1])
        line = picture(sheet, "a line", vector=True)
    claim = Claim(
        template="It weighs {w}.", facts={"w": Fact(value=value, unit="g", evidence="s", measure=lambda: 2.0)}
    )
    return Report(
        title="Parts <b>",
        verdict="pass",
        tone="good",
        keys=(Key(label="weight", value="2.0 g"),),
        sections=(
            Section(
                heading="Scale",
                claims=(claim,),
                figures=(line, pixels(np.zeros((4, 4)), "black")),
                tables=(Rows(header=("what", "g"), rows=(("part", "2.0"),)),),
            ),
        ),
        evidence={"s": Evidence(kind="measurement", shows="scale")},
        provenance={"seed": "0"},
    )


def test_a_report_with_a_number_that_does_not_hold_cannot_be_made():
    with pytest.raises(UnsupportedClaim):
        _report(value=3.0)


def test_a_page_stands_alone(tmp_path: Path):
    page = _report().save(tmp_path / "report.html").read_text(encoding="utf-8")
    assert not re.search(r"(src|href)=\"(?!data:|#)", page)
    assert "<script" not in page
    assert "<svg" in page
    assert "data:image/png;base64," in page


def test_what_users_wrote_is_escaped():
    assert "Parts &lt;b&gt;" in _report().html()


def test_the_same_report_is_the_same_page():
    assert _report().html() == _report().html()


def test_every_sentence_links_to_its_evidence():
    page = _report().html()
    assert 'href="#e1"' in page
    assert 'id="e1"' in page
    assert _report().sentences() == ("It weighs 2.0 g.",)


@pytest.mark.parametrize(("text", "numeric"), [("2.0", True), ("-4.6", True), ("3.1 mm", True), ("2 series, a", False)])
def test_numbers_are_aligned_right_and_words_are_not(text: str, numeric: bool):
    page = Report(
        title="t", verdict="v", sections=(Section(heading="h", tables=(Rows(header=("a",), rows=((text,),)),)),)
    )
    assert (f'<td class="number">{text}</td>' in page.html()) is numeric


def test_a_sentence_links_to_the_figure_that_shows_its_evidence():
    fact = Fact(value="there", evidence="m", measure=lambda: "there")
    claim = Claim(template="It is {x}.", facts={"x": fact})
    figure = pixels(np.zeros((4, 4)), "black")
    figure = dataclasses.replace(figure, key="Finding 1")
    part = Section(heading="One", claims=(claim,), flowing=True, figures=(figure,))
    page = Report(
        title="t", verdict="v", banner="for nobody", sections=(Section(heading="All", parts=(part,)),),
        evidence={"m": Evidence(kind="mask", shows="label 1", detail="by <rule>", figure="Finding 1")},
    ).html()  # fmt: skip
    assert 'href="#f-Finding-1"' in page
    assert 'id="f-Finding-1"' in page
    assert "<h3>One</h3>" in page
    assert "<pre>by &lt;rule&gt;</pre>" in page
    assert page.count("for nobody") == 2  # at the head, and on every sheet that is printed


def test_claims_inside_parts_are_verified_too():
    wrong = Claim(template="It is {x}.", facts={"x": Fact(value="there", evidence="m", measure=lambda: "gone")})
    inner = Section(heading="One", claims=(wrong,))
    with pytest.raises(UnsupportedClaim):
        Report(title="t", verdict="v", sections=(Section(heading="All", parts=(inner,)),),
               evidence={"m": Evidence(kind="mask", shows="label 1")})  # fmt: skip
