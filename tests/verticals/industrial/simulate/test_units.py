"""Generated units: seeded, and a defect shows in the senses that can see it and in no other."""

from __future__ import annotations

import numpy as np
import pytest

from colonnade.core.random import numpy_generator
from colonnade.verticals.industrial.inspection.experts import Seen
from colonnade.verticals.industrial.inspection.model import Row, mixed
from colonnade.verticals.industrial.inspection.recipes import fit_good, read_unit
from colonnade.verticals.industrial.simulate.defects import KINDS, seen_by
from colonnade.verticals.industrial.simulate.parts import PARTS, part
from colonnade.verticals.industrial.simulate.planted import kinds_for, plant
from colonnade.verticals.industrial.simulate.units import Batch, unit, units


@pytest.mark.parametrize("name", list(PARTS))
def test_generated_parts_are_closed_and_face_outwards(name):
    import trimesh

    triangles = part(name).triangles
    mesh = trimesh.Trimesh(triangles.reshape(-1, 3), np.arange(3 * len(triangles)).reshape(-1, 3), process=True)
    mesh.merge_vertices(digits_vertex=6)
    assert mesh.is_watertight
    assert mesh.volume > 0
    assert not part(name).nominal.notes


def test_the_same_seed_gives_the_same_unit(plate):
    one, two = (units(plate, Batch(good=1), seed=5)[0].given for _ in range(2))
    for name in ("scan", "image", "sound"):
        field = {"scan": "points", "image": "pixels", "sound": "samples"}[name]
        assert np.array_equal(getattr(one[name], field), getattr(two[name], field))


@pytest.mark.parametrize("kind", KINDS)
def test_a_defect_is_in_the_senses_that_can_see_it_and_in_no_other(plate, kind):
    bad = unit(plate, kind, Batch(severity=(1.0, 1.0)), generator=numpy_generator(2, "same"), name="0")
    assert bad.truth["mask"].any() <= ("image" in seen_by(kind))
    assert (bad.truth["flaw"] is None) == (seen_by(kind) == ("sound",))


def test_planted_defects_change_only_the_senses_that_see_them(good):
    record = read_unit(good[0])
    for kind in kinds_for(("scan", "image", "sound")):
        changed = plant(record, kind, severity=0.8, generator=numpy_generator(0, kind))
        moved = {name for name in record if changed[name] is not record[name]}
        assert moved
        assert moved <= set(seen_by(kind))


def seen(value: float) -> Seen:
    return Seen(numbers={"worst": value}, score=value)


def test_recombined_rows_keep_the_defect_in_the_senses_that_see_it(good, bad):
    rows = [
        Row({sense: seen(index / 10) for sense in ("scan", "image", "sound")}, unit) for index, unit in enumerate(good)
    ]
    scratched = Row({sense: seen(50.0) for sense in ("scan", "image", "sound")}, bad[1])
    found = [row for row in mixed(rows, [scratched], seed=0) if row.unit.defect == "scratch"]
    assert len(found) > 1
    for row in found[1:]:
        assert row.observed["image"].score > 15
        assert row.observed["scan"].score < 2
        assert row.observed["sound"].score < 2


def test_good_units_of_all_senses_become_a_fused_inspector(plate, monkeypatch):
    monkeypatch.setattr("colonnade.verticals.industrial.inspection.model.MIXTURES", 1)
    inspector = fit_good(units(plate, Batch(good=10), seed=9), seed=0, epochs=1, patches=200)
    assert inspector.fused is not None
    assert inspector.fused.model.modalities == ("scan", "image", "sound")
    assert len(inspector.thresholds) == 7
