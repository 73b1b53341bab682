from __future__ import annotations

import numpy as np
import torch

from colonnade.core.random import numpy_generator
from colonnade.core.shrink.ladder import auroc
from colonnade.verticals.industrial.edge import teaching
from colonnade.verticals.industrial.edge.network import EdgeNet, Widths
from colonnade.verticals.industrial.edge.recipe import better, calibrated
from colonnade.verticals.industrial.edge.rows import Rows
from colonnade.verticals.industrial.edge.teaching import Plan, scores, teach

SIDE, CELLS = 32, 4


def rows(count: int = 96, seed: int = 0) -> Rows:
    """Dark dots that the eye can tell, a loud feature that the ear can."""
    generator = numpy_generator(seed, "edge rows")
    picture = generator.integers(100, 130, (count, SIDE, SIDE)).astype(np.uint8)
    sound = generator.normal(size=(count, 12)).astype(np.float32)
    visible = np.stack([np.arange(count) % 3 == 0, np.arange(count) % 3 == 1], axis=1)
    place = np.zeros((count, CELLS, CELLS), bool)
    for row in np.flatnonzero(visible[:, 0]):
        top, left = generator.integers(0, CELLS, 2)
        picture[row, 8 * top : 8 * top + 8, 8 * left : 8 * left + 8] = 10
        place[row, top, left] = True
    sound[visible[:, 1], 0] += 4
    teacher = np.stack([visible.any(axis=1), visible[:, 0], visible[:, 1]], axis=1) * 4.0 - 2.0
    noise = generator.normal(size=(count, 3)) * 0.5
    return Rows(
        picture=picture, sound=sound, place=place, visible=visible, teacher=(teacher + noise).astype(np.float32),
        sight=generator.normal(size=(count, 5)).astype(np.float32), hearing=visible[:, 1:].astype(np.float32),
        kind=np.where(visible.any(axis=1), "dot", "good"),
    )  # fmt: skip


def network() -> EdgeNet:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return EdgeNet(side=SIDE, features=12, widths=Widths(blocks=(16, 16, 16, 16), hearing=16))


def test_the_network_learns_what_each_sense_can_tell_and_where() -> None:
    known, made = rows(), network()
    teach(made, known, Plan(epochs=12, rate=1e-2, batch=16), seed=0)
    test = rows(seed=1)
    found = scores(made, test)
    for column, label in enumerate((test.bad, test.visible[:, 0], test.visible[:, 1])):
        assert auroc(label, found[:, column]) > 0.9
    with torch.no_grad():
        where = made(*teaching.plain(test))[2].numpy()[:, 0]
    shown = test.visible[:, 0]
    assert auroc(test.place[shown].ravel(), where[shown].ravel()) > 0.9


def test_teaching_is_the_same_for_the_same_seed() -> None:
    found = []
    for _ in range(2):
        made = network()
        teach(made, rows(32), Plan(epochs=1), seed=3)
        found.append(scores(made, rows(32)))
    np.testing.assert_array_equal(*found)


def test_every_subset_is_calibrated_on_what_it_can_tell() -> None:
    held = rows(200)
    by = calibrated(held.teacher, held, false_alarms=0.1)
    assert set(by) == {"image+sound", "image", "sound"}
    for column, (name, label) in enumerate(zip(by, (held.bad, held.visible[:, 0], held.visible[:, 1]), strict=True)):
        assert (held.teacher[~label, column] > by[name].limit).mean() <= 0.1


def test_of_two_ways_to_int8_the_better_one_is_kept_and_the_rehearsed_one_of_equals() -> None:
    held = rows(60)
    worse = held.teacher + numpy_generator(0, "worse").normal(size=held.teacher.shape) * 9
    assert better(held, {"int8 rehearsed": worse, "int8 after training": held.teacher}) == "int8 after training"
    assert better(held, {"int8 after training": held.teacher, "int8 rehearsed": held.teacher}) == "int8 rehearsed"
