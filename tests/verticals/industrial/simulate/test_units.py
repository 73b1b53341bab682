"""Generated units: seeded, and a defect shows in the senses that can see it and in no other."""

from __future__ import annotations

import numpy as np
import pytest

from colonnade.core.random import numpy_generator
from colonnade.verticals.industrial.inspection.experts import Seen
from colonnade.verticals.industrial.inspection.metrics import roc_auc
from colonnade.verticals.industrial.inspection.model import Row, mixed
from colonnade.verticals.industrial.inspection.recipes import fit_good, read_unit
from colonnade.verticals.industrial.simulate.defects import AT_HOLES, KINDS, SOUNDS, kinds_of, seen_by
from colonnade.verticals.industrial.simulate.planted import kinds_for, plant
from colonnade.verticals.industrial.simulate.units import Batch, unit, units

PLAIN = Batch(severity=(25.0,))


def one(rig, kind, batch=PLAIN, seed=2):
    return unit(rig, kind, batch, generator=numpy_generator(seed, "same"), name="0")


def test_the_same_seed_gives_the_same_unit(plate):
    first, second = (units(plate, Batch(good=0, bad=1), seed=5)[0].given for _ in range(2))
    for name in ("scan", "image", "sound"):
        field = {"scan": "points", "image": "pixels", "sound": "samples"}[name]
        assert np.array_equal(getattr(first[name], field), getattr(second[name], field))


def test_a_good_unit_has_no_point_no_pixel_and_no_fault_that_is_defective(plate):
    truth = one(plate, None).truth
    assert not truth["deviation"].any()
    assert not truth["lacking"].any()
    assert not truth["mask"].any()
    assert not any(truth["visible"].values())


@pytest.mark.parametrize("kind", KINDS)
def test_a_defect_is_in_the_senses_that_can_see_it_and_in_no_other(plate, kind):
    truth = one(plate, kind).truth
    assert any(truth["visible"].values())
    assert {sense for sense, seen in truth["visible"].items() if seen} <= set(seen_by(kind))
    assert truth["mask"].any() <= ("image" in seen_by(kind))
    assert (truth["flaw"] is None) == (kind in SOUNDS)


def test_the_depth_in_mm_is_what_was_asked_for(plate):
    for kind, sign in (("dent", -1), ("bulge", 1)):
        for severity in (6.0, 12.0):
            truth = one(plate, kind, Batch(severity=(severity,))).truth
            assert truth["flaw"].depth == pytest.approx(severity * plate.scanner.sigma)
            extreme = sign * truth["deviation"].max() if sign > 0 else truth["deviation"].min()
            assert abs(extreme) == pytest.approx(truth["flaw"].depth, rel=0.25)


def test_missing_material_is_labelled_on_the_nominal_surface(plate):
    truth = one(plate, "missing").truth
    gone = truth["lacking"] > truth["tau"]
    assert gone.any()
    far = np.linalg.norm(plate.part.nominal.samples[gone] - truth["flaw"].centre, axis=1)
    assert far.max() < 25
    assert truth["lacking"][gone].max() <= truth["flaw"].depth + 0.01


def test_an_oversize_bore_is_too_large_by_the_millimetres_that_the_truth_says(plate):
    made = one(plate, "oversize")
    flaw, pose = made.truth["flaw"], made.truth["pose"]
    points = (made.given["scan"].points - pose[:3, 3]) @ pose[:3, :3]
    radius = np.hypot(*(points - flaw.centre)[:, :2].T)
    wall = (np.abs(radius - flaw.radius) < 1.2) & (np.abs(points[:, 2] - flaw.centre[2] + 4) < 2.5)
    assert np.median(radius[wall]) == pytest.approx(flaw.radius + flaw.depth, abs=0.08)


def test_what_no_sense_can_see_is_not_told_apart(plate):
    """A fault of the sound leaves scan and image as good units have them; a leak of the label would show here."""
    good = units(plate, Batch(good=14), seed=31)
    bad = units(plate, Batch(good=0, bad=14, kinds=SOUNDS, severity=(25.0,)), seed=32)
    labels = np.repeat([False, True], 14)
    for number in (
        [float(len(each.given["scan"].points)) for each in (*good, *bad)],
        [float(np.asarray(each.given["image"].pixels, float).std()) for each in (*good, *bad)],
    ):
        assert 0.2 < roc_auc(labels, np.array(number)) < 0.8


def test_a_lost_view_leaves_fewer_points(plate):
    assert len(one(plate, None, Batch(lost=3)).given["scan"].points) < 0.9 * len(one(plate, None).given["scan"].points)


def test_a_part_without_named_holes_has_no_defect_of_a_hole(plate):
    assert not set(kinds_of(())) & set(AT_HOLES)
    assert set(kinds_of(plate.part.solid.holes)) == set(KINDS)


def test_planted_defects_change_only_the_senses_that_see_them(good):
    record = read_unit(good[0])
    for kind in kinds_for(("scan", "image", "sound")):
        changed = plant(record, kind, generator=numpy_generator(0, kind))
        moved = {name for name in record if changed[name] is not record[name]}
        assert moved
        assert moved <= set(seen_by(kind))


def seen(value: float) -> Seen:
    return Seen(numbers={"worst": value}, score=value)


def test_recombined_rows_keep_the_defect_in_the_senses_that_see_it(good, bad):
    rows = [
        Row({sense: seen(index / 10) for sense in ("scan", "image", "sound")}, unit) for index, unit in enumerate(good)
    ]
    stained = Row({sense: seen(50.0) for sense in ("scan", "image", "sound")}, bad[1])
    found = [row for row in mixed(rows, [stained], seed=0) if row.unit.defect == "stain"]
    assert len(found) > 1
    for row in found[1:]:
        assert row.observed["image"].score > 15
        assert row.observed["scan"].score < 2
        assert row.observed["sound"].score < 2


def test_good_units_of_all_senses_become_a_fused_inspector(plate, monkeypatch):
    monkeypatch.setattr("colonnade.verticals.industrial.inspection.model.MIXTURES", 1)
    inspector = fit_good(units(plate, Batch(good=10), seed=9), seed=0, epochs=1, patches=200, steps=2)
    assert inspector.fused is not None
    assert inspector.fused.model.modalities == ("scan", "image", "sound")
    assert len(inspector.thresholds) == 7
