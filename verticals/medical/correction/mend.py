"""What becomes of an outline after a click: how far the network's drawing is followed. It knows no network.

The rules bound what a click can spoil, whatever the network says.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from ....core.types import Array
from .clicks import Click
from .outline import Outline
from .redraw import Drawing

AGREED = 0.7  # Dice of the network's drawing and the outline from which the outline counts as good
DEPTHS, LEAST, SHARE = 2.0, 1.5, 0.04
AROUND = 12.0  # mm about a first click that are weighed
SMALLEST = 4.0  # mm, the diameter of the smallest nodule; of what is smaller, one voxel is too much for a judgement


def mended(before: Outline, drawing: Drawing, clicks: Sequence[Click], spacing: Sequence[float]) -> Outline:
    """The outline after the newest click, from the one before and what the network drew.

    A positive click only adds and a negative one only takes away; every click holds at its own voxel. Where the network
    would draw nearly the same as before, the outline is good: then a click speaks of its neighbourhood alone.
    """
    places = np.round([each.at for each in clicks]).astype(int)
    low = np.minimum(drawing.low, places.min(axis=0))
    high = np.maximum(drawing.low + drawing.logits.shape, places.max(axis=0) + 1)
    if before.mask.any():
        low, high = np.minimum(low, before.low), np.maximum(high, before.low + before.mask.shape)
    places, old, logits = places - low, before.on(low, high), drawing.on(low, high)
    positive = clicks[-1].positive
    if old.any():
        mask = old ^ _change(old, logits, positive, places[-1], spacing)
    else:
        mask = _first(logits, _away(old.shape, places[-1], spacing), float(np.prod(spacing)))
    for click, place in zip(clicks, places, strict=True):
        mask[tuple(place)] = click.positive
    kept = [tuple(place) for click, place in zip(clicks, places, strict=True) if click.positive]
    return Outline.of(np.argwhere(_pieces(mask, old, kept, positive=positive)) + low)


def _change(old: Array, logits: Array, positive: bool, place: Array, spacing: Sequence[float]) -> Array:
    """The voxels that a click changes: those where the network agrees with it, on a good outline only near it.

    An outline counts as bad if it is large enough to judge and the network would draw another. Near is the ball that
    reaches from the click to the outline's surface, all of it wrong if the reader clicked at the middle of an error;
    and beyond it, up to `DEPTHS` times as far, the surest voxels, up to `SHARE` of the outline.
    """
    wanted = ((logits > 0) == positive) & (old != positive)
    new = logits > 0
    large = old.sum() * np.prod(spacing) > np.pi / 6 * SMALLEST**3
    if large and 2 * (old & new).sum() < AGREED * (old.sum() + new.sum()):
        return wanted
    other = np.pad(~old if positive else old, 1, constant_values=positive)
    depth = float(ndimage.distance_transform_edt(other, sampling=spacing)[1:-1, 1:-1, 1:-1][tuple(place)])
    away = _away(old.shape, place, spacing)
    own = wanted & (away <= depth)
    beyond = wanted & ~own & (away <= max(DEPTHS * depth, LEAST * max(spacing)))
    most = int(SHARE * old.sum())
    if beyond.sum() > most:
        sure = np.sort(np.abs(logits[beyond]))[::-1]
        beyond &= np.abs(logits) > sure[most]
    return own | beyond


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


def _pieces(mask: Array, old: Array, kept: Sequence[tuple[int, ...]], *, positive: bool) -> Array:
    """What is left when pieces fall away that nobody asked for: of what is new, what hangs together neither with the
    outline before nor with a positive click; after a negative click, what was cut off from the largest piece and holds
    no positive click."""
    labels, count = ndimage.label(mask)
    if count < 2:
        return mask
    wanted = {int(labels[place]) for place in kept if labels[place]}
    sizes = np.bincount(labels[old & mask], minlength=count + 1)
    sizes[0] = 0
    if positive:
        wanted |= set(np.flatnonzero(sizes).tolist())
    elif sizes.any():
        wanted.add(int(sizes.argmax()))
    return np.isin(labels, sorted(wanted or {1 + int(np.argmax(np.bincount(labels.ravel())[1:]))}))
