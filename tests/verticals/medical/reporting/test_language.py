"""Findings named in real report language; what is denied, only possible, or something else is left out."""

from __future__ import annotations

import pytest

from colonnade.verticals.medical.reporting.language import denied_in, findings_in, keywords_in


@pytest.mark.parametrize(
    ("text", "there"),
    [
        ("There is a 7 mm nodule in the right upper lobe.", {"nodule"}),
        ("No focal consolidation, pneumothorax or large pleural effusion.", set()),
        ("The lungs are clear of focal airspace disease, pneumothorax, or pleural effusion.", set()),
        ("Small bilateral effusions. No pneumothorax.", {"pleural effusion"}),
        ("Pericardial effusion.", set()),
        ("This may represent a small pleural effusion.", set()),
        ("There is an 8 mm calcified nodule in the left midlung.", {"nodule", "granuloma"}),
        ("The heart is enlarged. Bibasilar atelectasis.", {"cardiomegaly", "atelectasis"}),
        ("2 masses within the right chest.", {"mass"}),
        ("", set()),
    ],
)
def test_what_a_text_says_is_there(text: str, there: set[str]) -> None:
    assert findings_in(text) == there


def test_what_is_denied_is_told_apart_from_what_is_not_mentioned() -> None:
    text = "No pneumothorax. Scattered granulomas; no mass."
    assert denied_in(text) == {"pneumothorax", "mass"}
    assert keywords_in(text) == {"pneumothorax", "granuloma", "mass"}
