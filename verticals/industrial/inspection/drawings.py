"""Pictures of an inspection: deviation in colour from several sides, its histogram, what is strange in the photograph,
the spectra of the sound. Draws, decides nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import overload

import numpy as np

from ....core.types import Array
from ....knowledge.figures import COLOURS, canvas, picture
from ....knowledge.reports import Figure
from ..records import Photo, Sound
from ..sound.expert import Heard
from ..sound.spectrum import envelope, log_mel
from .answers import Inspected, colours
from .experts import Surface

SIDES = (
    ("from above", (0.35, -0.5, 0.79)),
    ("from the other side", (-0.35, 0.5, 0.79)),
    ("from below", (0.35, -0.5, -0.79)),
)
MARK = "#111827"


class Later(Sequence[Figure]):
    """Figures that are drawn when a page is made of them, and not while a unit waits for its verdict."""

    def __init__(self, *drawings: Callable[[], Figure]) -> None:
        self.drawings = drawings

    @cached_property
    def drawn(self) -> tuple[Figure, ...]:
        return tuple(drawing() for drawing in self.drawings)

    def __len__(self) -> int:
        return len(self.drawings)

    @overload
    def __getitem__(self, index: int) -> Figure: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Figure, ...]: ...
    def __getitem__(self, index: int | slice) -> Figure | tuple[Figure, ...]:
        return self.drawn[index]


def deviations(surface: Surface, answer: Inspected) -> Figure:
    """The scanned points on the part, seen from three sides, coloured from missing (blue) to extra (red) material."""
    found, nominal = surface.deviation, surface.nominal
    normals = nominal.normals[nominal.tree.query(found.points)[1]]
    limit = max(answer.tolerance_mm, 1e-6)
    tint = colours(found.local, limit)
    size = (7.4 * 72 / 3 / max(float(np.ptp(found.points, axis=0).max()), 1e-9) * found.spacing * 1.35) ** 2
    with canvas(7.6, 2.9, columns=3) as (sheet, axes):
        for axis, (name, eye) in zip(axes, SIDES, strict=True):
            way = np.array(eye) / np.linalg.norm(eye)
            right = np.cross([0.0, 0.0, 1.0], way)
            right /= np.linalg.norm(right)
            up = np.cross(way, right)
            facing = normals @ way
            seen = np.flatnonzero(facing > 0.0)
            seen = seen[np.argsort(found.points[seen] @ way)]
            shade = np.clip(tint[seen] * (0.45 + 0.6 * facing[seen, None]), 0, 1)
            axis.scatter(found.points[seen] @ right, found.points[seen] @ up, s=size, c=shade, marker="s", linewidths=0)
            _ringed(axis, answer, right=right, up=up, way=way)
            axis.set(aspect="equal", title=name)
            axis.set_axis_off()
        _bar(sheet, axes, limit)
        caption = f"Signed deviation from nominal, mean of 13 neighbours: blue lacks, red is extra (±{limit:g} mm)."
        return picture(sheet, caption, dpi=130)


def _ringed(axis: object, answer: Inspected, *, right: Array, up: Array, way: Array) -> None:
    """A ring and a number for each of the first regions that faces this side."""
    shown = [each for each in answer.defects if each.centroid_mm is not None][:5]
    for number, defect in enumerate(shown, start=1):
        centre = np.array(defect.centroid_mm)
        if answer.surface is None:
            return
        nearest = answer.surface.nominal.tree.query(centre)[1]
        if answer.surface.nominal.normals[nearest] @ way <= 0:
            continue
        x, y = float(centre @ right), float(centre @ up)
        axis.scatter(x, y, s=170, facecolors="none", edgecolors=MARK, linewidths=1.2)  # type: ignore[attr-defined]
        axis.annotate(str(number), (x, y), xytext=(7, 7), textcoords="offset points", weight="bold")  # type: ignore[attr-defined]


def _bar(sheet: object, axes: Array, limit: float) -> None:
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import ListedColormap, Normalize

    palette = ListedColormap(colours(np.linspace(-limit, limit, 64), limit))
    mappable = ScalarMappable(norm=Normalize(-limit, limit), cmap=palette)
    sheet.colorbar(mappable, ax=list(axes), shrink=0.75, label="mm", pad=0.01)  # type: ignore[attr-defined]


def histogram(surface: Surface, answer: Inspected) -> Figure:
    """How the deviation is distributed, with the tolerance, on a logarithmic count."""
    values = surface.deviation.local
    reach = max(float(np.abs(values).max()), answer.tolerance_mm) * 1.05
    with canvas(3.6, 2.4) as (sheet, axis):
        axis.hist(values, bins=np.linspace(-reach, reach, 61), color=COLOURS[0], log=True)
        for side in (-1, 1):
            axis.axvline(side * answer.tolerance_mm, color=COLOURS[1], linewidth=1, linestyle="--")
        axis.set(xlabel="deviation, mm", ylabel="points")
        return picture(sheet, "All points; dashed: the tolerance.", wide=False, vector=True)


def strangeness(photo: Photo, anomaly: Array, limit: float) -> Figure:
    """The photograph, and over it the distance to what good photographs show, from the limit of good ones on."""
    with canvas(7.2, 3.4, columns=2) as (sheet, axes):
        pixels = photo.pixels if photo.pixels.shape[2] == 3 else photo.pixels[:, :, 0]
        for axis in axes:
            axis.imshow(pixels, cmap="gray", vmin=0, vmax=1)
            axis.set_axis_off()
        top = max(float(anomaly.max()), limit if np.isfinite(limit) else 0.0, 1e-9)
        low = 0.6 * limit if np.isfinite(limit) else 0.0
        haze = np.clip((anomaly - low) / max(top - low, 1e-9), 0, 1)
        axes[1].imshow(anomaly, cmap="inferno", vmin=low, vmax=top, alpha=0.75 * haze)
        if np.isfinite(limit) and anomaly.max() > limit:
            axes[1].contour(anomaly, levels=[limit], colors=["#35c2ff"], linewidths=1)
        axes[0].set_title("photograph")
        axes[1].set_title("what good photographs do not show")
        return picture(
            sheet, "Distance of each patch to the nearest one in the memory; the line is the limit of good units."
        )


def spectra(sound: Sound, heard: Heard) -> Figure:
    """The log-mel spectrum over time, and the envelope's spectrum with the lines that stand out."""
    rates, lines = envelope(sound)
    with canvas(7.2, 2.6, columns=2) as (sheet, axes):
        axes[0].imshow(log_mel(sound).T, origin="lower", aspect="auto", cmap="magma")
        axes[0].set(xlabel="frame", ylabel="mel band")
        axes[1].plot(rates, lines, color=COLOURS[1])
        for line in heard.lines[:4]:
            if rates[0] <= line.hertz <= rates[-1]:
                axes[1].axvline(line.hertz, color=COLOURS[5], linewidth=0.8)
                axes[1].annotate(line.name, (line.hertz, float(lines.max())), fontsize=6, rotation=90, va="top")
        axes[1].set(xlabel="rate of the envelope, Hz", ylabel="above its surroundings", xscale="log")
        return picture(sheet, "Left: spectrogram. Right: how the loudness of the ringing band repeats.", vector=False)
