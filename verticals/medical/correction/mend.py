"""What becomes of an outline after a click: how far the network's drawing is followed. It knows no network.

The rules bound what a click can spoil, whatever the network says: beyond the ball that a click is the middle of, it
cannot cost a good outline more than 0.02 of Dice, except where a reader's first two clicks say that it is bad.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from ....core.types import Array
from .clicks import Click
from .outline import Outline
from .redraw import Drawing

DEPTHS, LEAST = 2.0, 1.5  # about a click: times its depth, and at least so many voxels
SURE = (0.027, 0.04)  # of an outline's voxels, to take away and to add: if all are wrong, a Dice of 0.8 falls by 0.02
GUESSED = (1.0, 0.1)  # the same of an outline that one click has drawn
AGREED = 0.7  # Dice of the network's drawing and an outline that is not in doubt
AROUND = 12.0  # mm about a first click that are weighed
SMALLEST = 4.0  # mm, the diameter of the smallest nodule


def mended(
    before: Outline, drawing: Drawing, clicks: Sequence[Click], spacing: Sequence[float], *, fresh: bool = False
) -> Outline:
    """The outline after the newest click, from the one before and what the network drew.

    A positive click only adds and a negative one only takes away; every click holds at its own voxel. It speaks of its
    neighbourhood alone. But an outline that is `fresh`, which the click or box before drew where there was none, is a
    guess: about its click, all that the network takes away goes, and more is added. And a second click of the first
    one's sense has an outline drawn anew on that side where the network still disagrees.
    """
    places = np.round([each.at for each in clicks]).astype(int)
    low = np.minimum(drawing.low, places.min(axis=0))
    high = np.maximum(drawing.low + drawing.logits.shape, places.max(axis=0) + 1)
    if before.mask.any():
        low, high = np.minimum(low, before.low), np.maximum(high, before.low + before.mask.shape)
    places, old, logits = places - low, before.on(low, high), drawing.on(low, high)
    positive = clicks[-1].positive
    if old.any():
        wanted = ((logits > 0) == positive) & (old != positive)
        most = int(old.sum())
        if fresh or not _doubted(old, logits > 0, clicks, spacing):
            own, beyond = _near(wanted, old, places[-1], spacing, positive=positive)
            most = int((GUESSED if fresh else SURE)[positive] * most)
            beyond = _surest(beyond, np.abs(logits), most)
            wanted, most = own | beyond, most - int(beyond.sum())
        mask = old ^ wanted
    else:
        mask, most = _first(logits, _away(old.shape, places[-1], spacing), float(np.prod(spacing))), 0
    for click, place in zip(clicks, places, strict=True):
        mask[tuple(place)] = click.positive
    kept = [tuple(place) for click, place in zip(clicks, places, strict=True) if click.positive]
    return Outline.of(np.argwhere(_pieces(mask, old, kept, None if positive else most)) + low)


def _doubted(old: Array, new: Array, clicks: Sequence[Click], spacing: Sequence[float]) -> bool:
    """Whether the program's outline is to be drawn anew: the reader's first two clicks have one sense, and the network
    would still draw another. Of what is smaller than `SMALLEST`, one voxel is too much for a judgement."""
    again = len(clicks) == 2 and clicks[0].positive == clicks[1].positive
    large = old.sum() * np.prod(spacing) > np.pi / 6 * SMALLEST**3
    return bool(again and large and 2 * (old & new).sum() < AGREED * (old.sum() + new.sum()))


def _near(wanted: Array, old: Array, place: Array, spacing: Sequence[float], *, positive: bool) -> tuple[Array, Array]:
    """Of the voxels that the network would change, those in the ball that a click is the middle of, and those about it.

    The ball ends before the outline's surface, in mm and in voxels: a thick slice is far away, and says nothing of how
    wide the error is in its plane. About it is up to `DEPTHS` times as far.
    """
    other = np.pad(~old if positive else old, 1, constant_values=positive)
    inside, one = (slice(1, -1),) * 3, (1.0, 1.0, 1.0)
    depth, steps = (
        float(ndimage.distance_transform_edt(other, sampling=each)[inside][tuple(place)]) for each in (spacing, one)
    )
    away = _away(old.shape, place, spacing)
    own = wanted & (away < depth - 1e-6) & (_away(old.shape, place, one) < steps - 1e-6)
    return own, wanted & ~own & (away <= max(DEPTHS * depth, LEAST * max(spacing)))


def _surest(among: Array, sure: Array, most: int) -> Array:
    """As many of some voxels at most, those first of which the network is surest."""
    if among.sum() <= most:
        return among
    ranked = np.argsort(np.where(among, -sure, np.inf), axis=None, kind="stable")
    chosen = np.zeros(among.size, bool)
    chosen[ranked[:most]] = True
    return chosen.reshape(among.shape)


def _first(logits: Array, away: Array, voxel_mm3: float) -> Array:
    """The outline around a first click: as many of the likeliest voxels as give the highest Dice to be expected, and no
    fewer than the smallest nodule has. The reader says that there is one, however faint it is."""
    chance = np.where(away < AROUND, 1 / (1 + np.exp(-logits)), 0.0)
    order = np.sort(chance, axis=None)[::-1]
    counts = np.arange(1, order.size + 1)
    best = int(np.argmax(2 * np.cumsum(order) / (counts + order.sum())))
    beyond = (logits > 0) & (away >= AROUND)  # a nodule that is wider than what is weighed
    mask = (chance >= order[best]) | beyond
    fewest = int(np.pi / 6 * SMALLEST**3 / voxel_mm3)
    if mask.sum() < fewest:
        near = np.where(away < 1.5 * SMALLEST, chance, 0.0)
        mask = (near >= np.sort(near, axis=None)[::-1][min(fewest, near.size) - 1]) & (near > 0)
    return mask


def _away(shape: Sequence[int], place: Array, spacing: Sequence[float]) -> Array:
    """From every voxel to a place, in mm."""
    lines = [((np.arange(n) - at) * step) ** 2 for n, at, step in zip(shape, place, spacing, strict=True)]
    return np.asarray(np.sqrt(lines[0][:, None, None] + lines[1][:, None] + lines[2]))


def _pieces(mask: Array, old: Array, kept: Sequence[tuple[int, ...]], most: int | None) -> Array:
    """What is left when pieces fall away that nobody asked for: of what is new, what hangs together neither with the
    outline before nor with a positive click; after a negative click (which may take `most` voxels more), what was cut
    off from the largest piece and holds no positive click."""
    labels, count = ndimage.label(mask)
    if count < 2:
        return mask
    wanted = {int(labels[place]) for place in kept if labels[place]}
    sizes = np.bincount(labels[old & mask], minlength=count + 1)
    sizes[0] = 0
    if most is None:
        wanted |= set(np.flatnonzero(sizes).tolist())
    elif sizes.any():
        loose = [int(each) for each in np.argsort(sizes)[:-1] if sizes[each] and int(each) not in wanted]
        fallen = {each for each, total in zip(loose, np.cumsum(sizes[loose]), strict=True) if total <= most}
        wanted |= set(np.flatnonzero(sizes).tolist()) - fallen
    return np.isin(labels, sorted(wanted or {1 + int(np.argmax(np.bincount(labels.ravel())[1:]))}))
