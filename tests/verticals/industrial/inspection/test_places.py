"""What is strange at its place is found where the whole would drown it, and good places stay quiet."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, shift

from colonnade.core.types import Image
from colonnade.verticals.industrial.inspection.places import (
    SIDE,
    all_round,
    fit_places,
    picture,
    picture_maps,
    steady_limit,
    strangest,
)
from colonnade.verticals.industrial.records import Photo


def maps_of(generator, count, places=400):
    """Good units: the first fifty places vary ten times as much as the others."""
    spread = np.where(np.arange(places) < 50, 1.0, 0.1)
    return [np.stack([generator.normal(size=places) * spread] * 2) for _ in range(count)]


def test_a_place_that_never_varies_is_strange_sooner_than_one_that_does():
    generator = np.random.default_rng(0)
    known = fit_places(maps_of(generator, 40))
    assert known is not None
    new = np.zeros((2, 400))
    new[:, 10], new[:, 200] = 0.6, 0.6
    away = known.away(new)
    assert abs(away[0, 200]) > 3 * abs(away[0, 10])


def test_places_that_were_not_met_say_nothing():
    generator = np.random.default_rng(0)
    known = fit_places(maps_of(generator, 10))
    assert known is not None
    new = np.full((2, 400), np.nan)
    assert not known.away(new).any()
    assert strangest(known.away(new)) == (0.0, 0.0, 0.0, 0.0)


def test_too_few_units_teach_no_places():
    assert fit_places(maps_of(np.random.default_rng(0), 2)) is None


def test_the_sign_says_extra_or_missing():
    away = np.zeros((2, 100))
    away[0, :8], away[1, :3] = 5.0, -4.0
    assert strangest(away) == pytest.approx((5.0, 0.0, 0.0, 4.0))


def test_a_picture_that_was_moved_and_lit_otherwise_is_laid_on_the_reference():
    generator = np.random.default_rng(1)
    scene = gaussian_filter(generator.normal(size=(160, 160)), 6) * 8 + 0.5

    def photo(pixels):
        return Photo(image=Image(pixels=np.clip(pixels, 0, 1)[:, :, None].astype(np.float32)))

    reference = picture(photo(scene * 0.8))
    moved = picture(photo(shift(scene, (1.3, -0.8), order=1, mode="nearest") * 0.6))
    plain = np.abs(moved - reference)[20:-20, 20:-20].mean()
    laid = picture_maps(moved, reference)[0].reshape(160, 160)
    goal = picture_maps(reference, reference)[0].reshape(160, 160)
    assert np.abs(laid - goal)[20:-20, 20:-20].mean() < 0.3 * plain


def ring(generator, *, lamp=0.0, spot=0.0):
    """A bright ring lit evenly, or more from the right; with a spot, if one is wanted."""
    rows, columns = np.mgrid[:SIDE, :SIDE] - SIDE / 2
    radius = np.hypot(rows, columns)
    picture = np.where((radius > 30) & (radius < 70), 1.0, 0.05) * (1 + lamp * columns / SIDE)
    picture[50:60, 20:30] += spot
    return picture + generator.normal(size=picture.shape) * 0.01


def test_another_light_is_strange_all_round_and_a_defect_is_not():
    generator = np.random.default_rng(5)
    good = [ring(generator) for _ in range(20)]
    mean = np.mean(good, axis=0)
    maps = [picture_maps(each, mean) for each in good]
    places, limit = fit_places(maps), steady_limit(maps, mean)

    def seen(small):
        return all_round(places.away(picture_maps(small, mean))[0], mean)

    assert seen(ring(generator)) < limit
    assert seen(ring(generator, spot=0.8)) < limit
    assert seen(ring(generator, lamp=0.4)) > limit


def test_too_few_pictures_set_no_limit():
    mean = ring(np.random.default_rng(0))
    assert steady_limit([picture_maps(mean, mean)] * 2, mean) == np.inf


def test_an_eighth_that_is_missing_hardly_moves_place_and_gain():
    generator = np.random.default_rng(6)
    reference = ring(generator)
    broken = reference.copy()
    broken[:, : SIDE // 5] = 0.05
    away = picture_maps(broken, reference)[0].reshape(SIDE, SIDE) - gaussian_filter(reference, 0.8)
    flat = np.abs(gaussian_filter(reference, 0.8) - 1) < 0.05
    flat[:, : SIDE // 5 + 4] = False
    assert np.median(np.abs(away[flat])) < 0.001
    assert np.abs(away[:, SIDE // 5 + 4 :]).max() < 0.1
