"""The ear, the eye and the rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from colonnade.core.random import numpy_generator
from colonnade.core.types import Image, Waveform
from colonnade.verticals.industrial.camera.images import read_image
from colonnade.verticals.industrial.edge.ear import heard, names
from colonnade.verticals.industrial.edge.eye import CELL, SIDE, placed, seen
from colonnade.verticals.industrial.edge.rows import Rows, generated, planted
from colonnade.verticals.industrial.records import Sound
from colonnade.verticals.industrial.simulate.machine import RATE, SHAFT, run
from colonnade.verticals.industrial.simulate.parts import part
from colonnade.verticals.industrial.simulate.sensors import rig
from colonnade.verticals.industrial.sound.lines import Machine


def sound(fault: str | None, seed: int = 0) -> Sound:
    return Sound(wave=Waveform(samples=run(fault, 0.6, numpy_generator(seed, "sound"), snr=3.0), rate=RATE))


@pytest.mark.parametrize(
    ("fault", "line"), [("outer_race", "BPFO in 3000 Hz"), ("imbalance", "shaft 1x"), ("inner_race", "BPFI in 3000 Hz")]
)
def test_a_fault_raises_the_line_of_its_order(fault: str, line: str) -> None:
    machine = Machine()
    at = names(machine).index(line)
    good = np.array([heard(sound(None, seed), machine, SHAFT)[at] for seed in range(5)])
    assert heard(sound(fault), machine, SHAFT)[at] > good.mean() + 3 * good.std()


def test_every_feature_has_a_name_and_is_finite() -> None:
    for samples in (sound(None).wave.samples, sound(None).wave.samples[:5_000]):
        found = heard(Sound(wave=Waveform(samples=samples, rate=RATE)), Machine(), SHAFT)
        assert found.shape == (len(names(Machine())),)
        assert np.isfinite(found).all()


@pytest.mark.parametrize("shape", [(320, 320), (960, 640), (100, 240)])
def test_a_photograph_of_any_size_becomes_the_square(shape: tuple[int, int]) -> None:
    pixels = numpy_generator(0, "photo").uniform(0.2, 0.8, shape).astype(np.float32)
    picture = seen(read_image(pixels))
    assert picture.shape == (SIDE, SIDE)
    assert picture.dtype == np.uint8


def test_exposure_is_evened_out() -> None:
    pixels = numpy_generator(0, "photo").uniform(0.3, 0.5, (320, 320)).astype(np.float32)
    bright, dim = (seen(read_image(Image(pixels=pixels * gain))).astype(int) for gain in (1.0, 0.6))
    assert np.abs(bright - dim).max() <= 1


def test_a_defect_lies_in_its_cells() -> None:
    mask = np.zeros((640, 640), bool)
    mask[320:340, 160:180] = True
    cells = placed(mask)
    assert cells[160 // CELL, 80 // CELL]
    assert cells.sum() <= 9


def test_generated_defects_can_be_told_by_a_sense_and_good_units_by_none() -> None:
    units = list(generated(rig(part("plate")), good=2, bad=4, seed=1, purpose="test"))
    assert [any(unit.visible) for unit in units[:2]] == [False, False]
    assert len(units) == 6
    assert all(any(unit.visible) for unit in units[2:])
    assert all(unit.mask.any() == unit.visible[0] or not unit.visible[0] for unit in units)


def test_a_planted_defect_lies_where_the_photograph_changed() -> None:
    pixels = numpy_generator(0, "photo").uniform(0.3, 0.7, (160, 160)).astype(np.float32)
    record = {"image": read_image(pixels), "sound": sound(None)}
    units = list(planted([record], versions=12, seed=0))
    assert units[0].kind == "good"
    for unit in units[1:]:
        changed = np.abs(unit.photo.pixels - record["image"].pixels).max(axis=2) > 0.03
        np.testing.assert_array_equal(unit.mask, changed)
        assert unit.visible == (bool(changed.any()), unit.sound is not record["sound"])
    assert {unit.visible for unit in units[1:]} >= {(True, False), (False, True)}


def test_rows_are_kept_in_a_file(tmp_path: Path) -> None:
    rows = Rows(
        picture=np.zeros((2, 4, 4), np.uint8), sound=np.ones((2, 3), np.float32), place=np.zeros((2, 1, 1), bool),
        visible=np.array([[True, False], [False, False]]), teacher=np.zeros((2, 3), np.float32),
        sight=np.zeros((2, 2), np.float32), hearing=np.zeros((2, 1), np.float32), kind=np.array(["stain", "good"]),
    )  # fmt: skip
    rows.save(tmp_path / "rows.npz")
    again = Rows.load(tmp_path / "rows.npz")
    assert again.kind.tolist() == ["stain", "good"]
    assert again.bad.tolist() == [True, False]
    assert len(Rows.joined([rows, again]).take(np.array([0, 3]))) == 2
