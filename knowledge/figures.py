"""Matplotlib figures and pixel arrays as pictures that stand inside a page. The one owner of Matplotlib."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from .reports import Figure

STYLE: dict[str, Any] = {
    "font.size": 9,
    "font.family": "DejaVu Sans",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#5b6676",
    "axes.labelcolor": "#1c2430",
    "xtick.color": "#5b6676",
    "ytick.color": "#5b6676",
    "svg.hashsalt": "colonnade",
}
COLOURS = ("#2f5d8a", "#c4622d", "#1f7a4d", "#7a4b94", "#9a6700", "#5b6676")


@contextmanager
def canvas(
    width: float, height: float, *, rows: int = 1, columns: int = 1, three_d: bool = False
) -> Iterator[tuple[Any, Any]]:
    """A figure of the house style in inches and its axes, without any global state of Matplotlib's `pyplot`."""
    import matplotlib
    from cycler import cycler
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as Sheet

    style: Any = {**STYLE, "axes.prop_cycle": cycler(color=COLOURS)}
    with matplotlib.rc_context(style):
        sheet = Sheet(figsize=(width, height), layout="constrained")
        FigureCanvasAgg(sheet)
        keywords = {"projection": "3d"} if three_d else {}
        axes = sheet.subplots(rows, columns, subplot_kw=keywords)
        yield sheet, axes


def picture(sheet: Any, caption: str, *, wide: bool = True, vector: bool = False, dpi: int = 110) -> Figure:
    """A Matplotlib figure as PNG, or as SVG where it holds lines and text only."""
    stream = io.BytesIO()
    if vector:
        sheet.savefig(stream, format="svg", metadata={"Date": None})
        text = stream.getvalue().decode()
        return Figure(data=text[text.index("<svg") :], caption=caption, wide=wide)
    sheet.savefig(stream, format="png", dpi=dpi, metadata={"Software": None})
    return Figure(data=_uri(stream.getvalue()), caption=caption, wide=wide)


def pixels(values: np.ndarray, caption: str, *, wide: bool = False) -> Figure:
    """Pixels `[height, width]` or `[height, width, 3]`, uint8 or float in 0..1, as PNG."""
    from PIL import Image

    values = np.asarray(values)
    if values.dtype != np.uint8:
        values = (np.clip(values, 0, 1) * 255).round().astype(np.uint8)
    stream = io.BytesIO()
    Image.fromarray(values).save(stream, format="PNG")
    return Figure(data=_uri(stream.getvalue()), caption=caption, wide=wide)


def _uri(data: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(data).decode()
