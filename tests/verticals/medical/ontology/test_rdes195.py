from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from colonnade.core.result import Interval
from colonnade.verticals.medical.followup.growth import Change
from colonnade.verticals.medical.ontology.rdes195 import ELEMENTS, schema, to_rdes
from colonnade.verticals.medical.records import Attribute, Finding

jsonschema = pytest.importorskip("jsonschema", reason="jsonschema is part of the extra 'dev'")


def _finding(**values: str) -> Finding:
    attributes = {
        name: Attribute(value=value, probability=0.9, probabilities={value: 0.9}) for name, value in values.items()
    }
    return Finding(
        label=3, center_mm=(0.0, 0.0, 0.0), diameter_mm=7.24, long_axis_mm=8.0, short_axis_mm=6.5,
        diameter_interval=Interval(value=7.24, low=6.0, high=8.0), volume_mm3=198.46, median_hu=20.0, side="left",
        score=0.93, attributes=attributes, slice_index=1, mask=np.zeros((1, 3)),
    )  # fmt: skip


def _elements(finding: Finding, **more: Any) -> dict[str, Any]:
    document = to_rdes(finding, **more)
    jsonschema.validate(document, schema())
    return {name: each["value"] for name, each in document["elements"].items()}


def test_the_schema_is_one():
    jsonschema.Draft202012Validator.check_schema(schema())


def test_a_finding_is_filled_in_with_codes_and_units():
    finding = _finding(texture="part-solid", spiculation="marked", location="left upper lobe")
    document = to_rdes(finding, multiple=False, first=True, solid_part_mm=3.04)
    jsonschema.validate(document, schema())
    assert document["elements"]["RDE1301"] == {"name": "Composition", "code": "RDE1301.2", "value": "part-solid"}
    assert document["elements"]["RDE1302"] == {"name": "Size", "value": 7.2, "unit": "mm"}
    assert document["elements"]["RDE1304"]["code"] == "RDE1304.2"
    assert document["elements"]["RDE1305"]["value"] == "spiculated"
    assert document["elements"]["RDE1706"]["value"] == "no priors"
    assert document["elements"]["RDE1303"]["value"] == 3.0


def test_what_is_not_sure_is_unknown_and_the_side_remains():
    told = _elements(_finding())
    assert (told["RDE1301"], told["RDE1304"], told["RDE1305"]) == ("unknown", "left lung", "unknown")
    assert "RDE1306" not in told
    assert _elements(_finding(texture="solid"), sure=0.95)["RDE1301"] == "unknown"
    assert _elements(_finding(location="left upper zone"))["RDE1304"] == "left lung"


def test_smooth_is_said_only_where_all_else_is_excluded():
    assert _elements(_finding(margin="sharp"))["RDE1305"] == "unknown"
    assert _elements(_finding(margin="sharp", spiculation="none", lobulation="none"))["RDE1305"] == "smooth"
    assert _elements(_finding(margin="ill-defined"))["RDE1305"] == "ill-defined"


@pytest.mark.parametrize("texture", ["solid", "part-solid", "ground-glass"])
@pytest.mark.parametrize("lobe", ["right upper lobe", "right middle lobe", "left lower lobe", "lingula"])
def test_every_value_of_ours_has_one_of_the_set(texture, lobe):
    told = _elements(_finding(texture=texture, location=lobe))
    assert told["RDE1301"] == texture.replace("ground-glass", "ground glass")
    assert told["RDE1304"] == lobe


@pytest.mark.parametrize(
    ("status", "days", "value"),
    [
        ("grown", 90, "larger since prior"), ("shrunk", None, "smaller since prior"), ("unchanged", None, None),
        ("unchanged", 182, "unchanged for less than 6 months"), ("unchanged", 183, "unchanged for 6-12 months"),
        ("unchanged", 366, "unchanged for 12-24 months"), ("unchanged", 731, "unchanged more than 24 months"),
        ("new", 90, None),
    ],
)  # fmt: skip
def test_change_is_told_in_the_words_of_the_set(status, days, value):
    change = Change(status=status, label=3, earlier=1)
    assert _elements(_finding(), change=change, days=days).get("RDE1706") == value


def test_a_size_that_the_set_cannot_say_is_left_out():
    assert "RDE1302" not in _elements(replace(_finding(), diameter_mm=1.4))


@pytest.mark.parametrize(
    ("element", "value"),
    [
        ("RDE1302", {"name": "Size", "value": 101.0, "unit": "mm"}),
        ("RDE1302", {"name": "Size", "value": 7.0, "unit": "cm"}),
        ("RDE1301", {"name": "Composition", "code": "RDE1301.1", "value": "solid"}),
        ("RDE9999", {"name": "Mood", "value": "good"}),
    ],
)
def test_what_the_set_does_not_have_is_no_finding(element, value):
    document = to_rdes(_finding())
    document["elements"][element] = value
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, schema())


def test_codes_are_unique():
    assert len({each.id for each in ELEMENTS}) == len(ELEMENTS)
