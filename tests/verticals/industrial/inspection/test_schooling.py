"""Scans that teach: rendered, laid on the nominal part, with the truth of each cell."""

from __future__ import annotations

import numpy as np
import pytest

from colonnade.verticals.industrial.inspection import schooling
from colonnade.verticals.industrial.points.cells import COLUMNS
from colonnade.verticals.industrial.points.expert import KINDS


@pytest.fixture(scope="module")
def shots(plate):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(schooling, "USUAL", 3)
        patch.setattr(schooling, "kinds_on", lambda part: ("missing", "bulge"))
        return schooling.of_part(plate, good=1, bad=2, seed=0)


def test_good_scans_have_no_defective_cell_and_the_others_have_their_kind(shots):
    assert [each.kind for each in shots] == [0, *(1 + KINDS.index(kind) for kind in ("bulge", "missing"))]
    for each in shots:
        assert set(np.unique(each.labels)) <= {0, each.kind}
        assert len(each.labels) == len(each.cells)
    assert not shots[0].labels.any()
    assert shots[2].labels.any()


def test_what_is_usual_at_each_place_is_known(shots):
    for each in shots:
        assert (each.cells[:, 3 + COLUMNS.index("known")] == 1).all()
        assert each.cells[:, 3 + COLUMNS.index("narrow")].any()


def test_a_part_without_holes_has_no_kind_that_needs_one(plate):
    from dataclasses import replace

    bare = replace(plate.part, solid=None)
    assert "burr" in schooling.kinds_on(plate.part)
    assert not {"burr", "oversize", "feature"} & set(schooling.kinds_on(bare))
