"""The point expert learns a dent from a few scans, shows where it is, and is the same wherever it is read back."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from colonnade.core.errors import InputError
from colonnade.verticals.industrial.points import expert as reading
from colonnade.verticals.industrial.points import teaching
from colonnade.verticals.industrial.points.cells import COLUMNS, Cells
from colonnade.verticals.industrial.points.expert import KINDS, PointExpert, Reader, any_defect, strongest
from colonnade.verticals.industrial.points.teaching import Shot, teach

SIDE = 16  # cells


def flat(seed, *, kind=None):
    """A square of noisy cells with a dent (or a bulge) in it; cell i holds points 2 i and 2 i + 1."""
    draw = np.random.default_rng(seed)
    x, y = (each.ravel().astype(np.float64) for each in np.meshgrid(np.arange(SIDE), np.arange(SIDE)))
    values = np.zeros((SIDE * SIDE, 3 + len(COLUMNS)), np.float32)
    values[:, :3] = np.stack([x, y, 0.05 * draw.normal(size=len(x))], axis=1)
    values[:, 3 : 3 + 5] = draw.normal(size=(len(x), 1)) * 0.5
    values[:, -1] = 1.0
    centre = draw.uniform(4, 12, 2)
    near = np.hypot(x - centre[0], y - centre[1]) < 2.5
    labels = np.zeros(len(x), int)
    if kind is not None:
        labels[near] = 1 + KINDS.index(kind)
        values[near, 3 : 3 + 5] += 2.5 if kind == "bulge" else -2.5
    found = Cells(values=values, of=np.repeat(np.arange(len(x)), 2), cell=1.0)
    return found, labels


def shots(count):
    kinds = [None, "dent", "bulge"]
    made = [(number, kinds[number % 3], *flat(number, kind=kinds[number % 3])) for number in range(count)]
    return [
        Shot(cells=cells.values, labels=labels, kind=0 if kind is None else 1 + KINDS.index(kind))
        for _, kind, cells, labels in made
    ]


@pytest.fixture(scope="module")
def taught():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(teaching, "BATCH", 6)
        return teach(shots(12), seed=0, steps=60)


def test_it_orders_scans_names_the_kind_and_shows_the_place(taught):
    good = max(taught.read(flat(100 + seed)[0]).score for seed in range(3))
    for kind in ("dent", "bulge"):
        found, labels = flat(200, kind=kind)
        read = taught.read(found)
        assert read.score > good
        assert max(read.kinds, key=read.kinds.get) == kind
        assert read.odds.shape == found.of.shape
        bad = labels[found.of] > 0
        assert read.odds[bad].min() > np.quantile(read.odds[~bad], 0.9)


def test_it_reads_back_to_the_same_score(taught):
    found, _ = flat(300, kind="dent")
    again = PointExpert.of(taught.config(), {name: value.copy() for name, value in taught.tensors().items()})
    assert again.read(found).score == taught.read(found).score
    with pytest.raises(ValueError, match="reads"):
        PointExpert.of({**taught.config(), "columns": ["mean"]}, taught.tensors())


def test_the_same_seed_gives_the_same_weights_bit_for_bit():
    one, two = (teach(shots(3), seed=5, steps=2).tensors() for _ in range(2))
    assert all((one[name] == two[name]).all() for name in one)
    other = teach(shots(3), seed=6, steps=2).tensors()
    assert any((one[name] != other[name]).any() for name in one)


def test_what_was_learned_can_be_gone_on_from(taught):
    further = teach(shots(3), seed=1, steps=1, rate=0.0, start=taught)
    assert all((further.tensors()[name] == value).all() for name, value in taught.tensors().items())


def test_it_wants_good_and_defective_scans():
    with pytest.raises(InputError, match="good and on defective"):
        teach([each for each in shots(6) if each.kind], seed=0, steps=1)


def test_padding_is_never_among_the_strangest():
    logits = torch.full((1, 8, 1 + len(KINDS)), -3.0)
    logits[0, :, 0] = 3.0
    logits[0, 4:, 1:] = 9.0
    mask = torch.tensor([[True] * 4 + [False] * 4])
    top = strongest(logits, mask)
    assert top[0, 0] < 0
    assert (any_defect(logits)[0, :4] < 0).all()


def test_a_cloud_with_too_many_cells_is_thinned_and_every_point_has_odds(monkeypatch):
    monkeypatch.setattr(reading, "MOST_CELLS", 100)
    found, _ = flat(0)
    read = PointExpert(reader=Reader()).read(found)
    assert read.odds.shape == found.of.shape
    assert np.isfinite(read.odds).all()
