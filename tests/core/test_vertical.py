from __future__ import annotations

import pytest

from colonnade.core.errors import ConfigError, MissingModality, UnknownName
from colonnade.core.vertical import Modality, Task, Vertical, find, tasks

CAMERA = Modality(name="image", noun="image", takes="PNG")
SCAN = Modality(name="scan", noun="points", takes="PLY")
PLAN = Modality(name="nominal", noun="points", takes="STL")


def _task(**more) -> Task:
    settled = {
        "name": "a/b",
        "summary": "s",
        "answer": "x",
        "modalities": (CAMERA, SCAN, PLAN),
        "minimum": (("scan", "nominal"), ("image",)),
        "pipeline": lambda: object,
    }
    return Task(**{**settled, **more})


@pytest.mark.parametrize("given", [["image"], ["scan", "nominal"], ["scan", "image"], ["scan", "nominal", "image"]])
def test_any_superset_of_a_minimum_is_answered(given):
    _task().check(given)


@pytest.mark.parametrize("given", [[], ["scan"], ["nominal"]])
def test_below_the_minimum_says_what_is_needed(given):
    with pytest.raises(MissingModality, match="needs at least scan with nominal or image"):
        _task().check(given)


def test_an_unknown_modality_names_the_nearest():
    with pytest.raises(UnknownName, match="did you mean 'image'"):
        _task().check(["imge"])


def test_a_minimum_of_foreign_modalities_is_a_config_error():
    with pytest.raises(ConfigError, match="ct"):
        _task(minimum=(("ct",),))


def test_a_task_carries_its_verticals_name():
    with pytest.raises(ConfigError, match="must be named"):
        Vertical(name="other", summary="s", tasks=(_task(),))


def test_the_three_verticals_are_found_by_their_entry_points():
    assert {"finance/market-risk", "industrial/inspection", "medical/nodules"} <= set(tasks())
    assert find("medical/nodules").modality_names == ("ct", "indication", "patient", "earlier")
