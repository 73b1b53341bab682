"""Numbers become comparable between senses without losing the order of any."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from colonnade.verticals.industrial.inspection.experts import (
    COLUMNS,
    LIKE,
    LINES,
    POINT,
    SCORE,
    SURPRISE,
    Experts,
    Seen,
    fit_scale,
    standing,
)
from colonnade.verticals.industrial.inspection.recipes import fit_experts, read_unit
from colonnade.verticals.industrial.points.clouds import read_scan
from colonnade.verticals.industrial.points.expert import PointExpert, Reader
from colonnade.verticals.industrial.points.memory import ShapeConfig, fit_shapes
from colonnade.verticals.industrial.simulate.parts import part
from colonnade.verticals.industrial.sound.expert import STANDS_OUT
from colonnade.verticals.industrial.sound.lines import Line

SENSE = "sound"


def seen(value, score=None):
    return Seen(numbers=dict.fromkeys(COLUMNS[SENSE], value), score=value if score is None else score)


def scale_of(values):
    return fit_scale({SENSE: [seen(float(value)) for value in values]})


def test_surprise_rises_strictly_with_the_number_and_keeps_its_order():
    scale = scale_of(np.random.default_rng(0).normal(size=80))
    values = np.linspace(-4, 40, 300)
    found = [scale.surprise(SENSE, seen(float(value))) for value in values]
    assert (np.diff(found) > 0).all()


def test_surprise_is_about_minus_the_logarithm_of_how_rare_a_good_unit_is():
    generator = np.random.default_rng(1)
    for draw in (generator.normal, generator.exponential, generator.gumbel):
        scale = scale_of(draw(size=4_000))
        beyond = [scale.surprise(SENSE, seen(float(value))) > np.log(50) for value in draw(size=4_000)]
        assert np.mean(beyond) == pytest.approx(0.02, abs=0.015)


def test_one_strange_number_is_enough():
    scale = scale_of(np.random.default_rng(2).normal(size=80))
    usual = seen(0.0)
    odd = Seen(numbers={**usual.numbers, COLUMNS[SENSE][0]: 12.0}, score=0.0)
    assert scale.surprise(SENSE, odd) > scale.surprise(SENSE, usual) + 5
    table = scale.table(SENSE, odd)
    assert set(table.numbers) == {*COLUMNS[SENSE], SCORE, SURPRISE}


def test_a_number_that_never_moves_surprises_nobody():
    scale = fit_scale({SENSE: [seen(1.0, score=float(value)) for value in range(20)]})
    assert set(scale.tail[SENSE]) == {SCORE}


def test_a_scan_without_a_nominal_part_is_judged_by_its_shapes_alone(good, bad):
    scans = [read_scan(each.given["scan"]) for each in good]
    experts = Experts(shapes=fit_shapes(scans, seed=0, config=ShapeConfig(points=3_000, groups=500, scales=(40,))))
    seen = experts.look({"scan": read_scan(bad[0].given["scan"])})["scan"]
    assert seen.usable
    assert seen.score == seen.numbers["shape"] > 0
    assert seen.shown is None
    assert set(seen.numbers) == set(COLUMNS["scan"])


def test_what_the_mirror_or_the_wrong_part_gives_is_refused_with_a_sentence(good):
    scan, nominal = good[0].given["scan"], good[0].given["nominal"]
    mirrored = read_scan(scan.points * [-1.0, 1.0, 1.0])
    seen = Experts().look({"scan": mirrored, "nominal": nominal})["scan"]
    assert not seen.usable
    assert seen.refused


@pytest.fixture(scope="module")
def experts(good):
    records = [read_unit(replace(each, given={k: each.given[k] for k in ("scan", "nominal")})) for each in good]
    return fit_experts(records, seed=0, points=PointExpert(reader=Reader()))


def test_where_the_nominal_part_is_given_points_are_read_and_no_shapes_remembered(experts, bad):
    assert experts.shapes is None
    seen = experts.look(read_unit(replace(bad[0], given={k: bad[0].given[k] for k in ("scan", "nominal")})))["scan"]
    assert set(seen.numbers) == set(COLUMNS["scan"])
    assert seen.numbers[POINT] != 0.0
    assert all(seen.numbers[name] != 0.0 for name in LIKE)
    assert seen.shown.odds.shape == (len(seen.shown.deviation.points),)


def test_another_part_is_not_read_by_places_that_are_not_its_own(experts):
    other = part("ring")
    seen = experts.look({"scan": read_scan(other.nominal.samples[::3]), "nominal": other.nominal})["scan"]
    assert seen.numbers[POINT] == 0.0
    assert seen.shown.odds is None


def test_lines_of_the_sound_are_told_apart_by_name():
    heard = [Line(name="BPFO", order=3.6, hertz=90.0, spreads=STANDS_OUT + 2.5)]
    numbers = standing(heard)
    assert set(numbers) == set(LINES)
    assert {name: value for name, value in numbers.items() if value} == {"line BPFO": 2.5}
