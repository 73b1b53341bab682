"""A report as PDF: its words can be selected, its banner is on every page, the same report is the same file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from colonnade.core.errors import MissingExtra
from colonnade.knowledge.claims import Claim, Evidence, Fact
from colonnade.knowledge.figures import canvas, picture, pixels
from colonnade.knowledge.pdf import pdf_of
from colonnade.knowledge.reports import Figure, Key, Report, Rows, Section

pytest.importorskip("fpdf", reason="the extra 'pdf' is not installed")
BANNER = "Research use only, not for diagnosis."


def report(parts: int = 1) -> Report:
    with canvas(3, 2) as (sheet, axes):
        axes.plot([0, 1], [0, 1])
        line = picture(sheet, "a line ≥ 1", vector=True)
    shown = pixels(np.zeros((40, 40)), "black")
    fact = Fact(value=2.0, unit="mm³", evidence="s", measure=lambda: 2.0)
    claim = Claim(template="It weighs {w}.", facts={"w": fact})
    part = Section(heading="Part", claims=(claim,) * 20, flowing=True)
    figure = Figure(data=shown.data, caption="black", wide=False, key="black")
    rows = Rows(header=("what", "g"), rows=(("part", "2.0"),), caption="weights")
    return Report(
        title="Parts", verdict="pass", tone="good", banner=BANNER, keys=(Key(label="weight", value="2"),),
        sections=(
            Section(heading="Scale", claims=(claim,), parts=(part,) * parts, figures=(line, figure), tables=(rows,)),
        ),
        evidence={"s": Evidence(kind="rule", shows="scale", detail="because\n└── of it", figure="black")},
        warnings=("light",), provenance={"seed": "0"},
    )  # fmt: skip


def pages(data: bytes) -> list[str]:
    pdfium = pytest.importorskip("pypdfium2", reason="pypdfium2 is not installed")
    document = pdfium.PdfDocument(data)
    return [document[n].get_textpage().get_text_range() for n in range(len(document))]


def test_words_can_be_selected_and_the_banner_is_on_every_page() -> None:
    told = pages(pdf_of(report(parts=12)))
    assert len(told) > 2
    assert all(BANNER in page for page in told)
    whole = " ".join(told)
    for words in ("It weighs 2.0 mm³.", "a line ≥ 1", "weights", "Evidence", "└── of it", "light", "seed: 0"):
        assert words in whole


def test_the_same_report_is_the_same_file() -> None:
    assert pdf_of(report()) == pdf_of(report())


def test_the_ending_of_the_name_decides(tmp_path: Path) -> None:
    assert report().save(tmp_path / "a.PDF").read_bytes().startswith(b"%PDF")
    assert report().save(tmp_path / "a.html").read_text().startswith("<!doctype html>")


def test_a_missing_library_is_named_with_its_cure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "fpdf", None)
    with pytest.raises(MissingExtra, match=r"colonnade\[pdf\]"):
        report().save(tmp_path / "a.pdf")
    assert not (tmp_path / "a.pdf").exists()
