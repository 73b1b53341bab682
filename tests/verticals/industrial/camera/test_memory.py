"""Memories: what is far from good parts scores high, and nothing is clamped."""

from __future__ import annotations

import numpy as np
import torch

from colonnade.core.random import numpy_generator
from colonnade.verticals.industrial.camera.images import read_image
from colonnade.verticals.industrial.camera.memory import coreset, fit_patches


def surface(seed, scratch=False):
    pixels = np.full((96, 96), 0.5) + np.random.default_rng(seed).normal(size=(96, 96)) * 0.02
    if scratch:
        pixels[40:44, 20:70] = 0.95
    return read_image(np.clip(pixels, 0, 1).astype(np.float32))


def test_a_coreset_covers_better_than_chance():
    generator = numpy_generator(0, "test")
    patches = torch.from_numpy(np.random.default_rng(0).normal(size=(600, 8)).astype(np.float32) ** 3)

    def far(chosen):
        return torch.cdist(patches, patches[chosen]).min(dim=1).values.max()

    chance = np.mean([float(far(generator.choice(600, 60, replace=False))) for _ in range(5)])
    assert float(far(coreset(patches, 60, generator))) < 0.8 * chance


def test_a_scratch_is_stranger_than_good_surfaces_and_in_its_place():
    memory = fit_patches([surface(seed) for seed in range(3)], size=150, seed=0)
    good, bad = memory.map(surface(9)), memory.map(surface(9, scratch=True))
    assert bad.max() > 1.5 * good.max()
    row, column = np.unravel_index(bad.argmax(), bad.shape)
    assert 30 < row < 54
    assert 14 < column < 76


def test_the_memory_is_bounded_and_the_same_for_the_same_seed():
    photos = [surface(seed) for seed in range(2)]
    one, two = (fit_patches(photos, size=50, seed=1).bank for _ in range(2))
    assert one.shape[0] == 50
    assert np.array_equal(one, two)
