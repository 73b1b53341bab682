"""A candlestick chart: read from PNG or JPEG, or drawn from bars by a renderer of our own, always in the same pixels.

It knows nothing of models. Source of the drawing: Jiang, Kelly and Xiu 2023, three pixels a day (open, high to low,
close), volume below, white on black.
"""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from ....core.errors import FileError, FormatError
from ....core.types import Array, Image
from .records import Prices

DAYS = 20  # a month of bars, as the chart that is taught
LEAST_DAYS, MOST_DAYS = 5, 250
HEIGHT, FOOT = 64, 12  # pixels; the foot is where volume stands
GAP = 2  # empty rows between price and volume
LARGEST = 64_000_000  # pixels of a file: a decompression bomb beyond it
SMALLEST = 32  # pixels a side
FLAT = 0.01  # contrast below which nothing is drawn on a picture


@dataclass(frozen=True, kw_only=True, eq=False)
class Chart:
    """A chart in grey, drawn in light on dark whatever it came as; `shows` says in words where it came from."""

    image: Image
    shows: str


def read_chart(value: Any) -> Chart:
    """A path to PNG or JPEG, an array `[height, width(, channel)]`, an Image or a Chart.

    Raises:
        FileError: truncated or unreadable.
        FormatError: not PNG or JPEG, too small, too large, or of one colour.
    """
    if isinstance(value, Chart):
        return value
    image = value if isinstance(value, Image) else Image(pixels=_pixels(value))
    height, width, channels = image.pixels.shape
    if min(height, width) < SMALLEST:
        raise FormatError(f"the chart is {width} by {height} pixels: at least {SMALLEST} by {SMALLEST} are needed")
    grey = image.pixels[:, :, : channels - (channels in (2, 4))].mean(axis=2)
    if float(grey.std()) < FLAT:
        raise FormatError(f"the chart is of one colour (contrast {grey.std():.3f}): nothing is drawn on it")
    dark = 1 - grey if float(np.median(grey)) > 0.5 else grey
    name = Path(value).name if isinstance(value, (str, Path)) else "a picture"
    return Chart(image=Image(pixels=dark.astype(np.float32)), shows=f"{name}, {width} by {height} pixels")


def draw_chart(prices: Prices, *, days: int = DAYS) -> Chart:
    """The last `days` bars as a picture; the same bars give the same pixels.

    Raises:
        FormatError: fewer than 5 days or more than 250, or more than there are bars.
    """
    if not LEAST_DAYS <= days <= MOST_DAYS:
        raise FormatError(f"a chart is drawn of {LEAST_DAYS} to {MOST_DAYS} days, got {days}")
    if days > len(prices):
        raise FormatError(f"a chart of {days} days needs as many bars, {prices.name} has {len(prices)}")
    pixels = pixels_at(prices, len(prices) - 1, days=days)
    return Chart(image=Image(pixels=pixels), shows=f"drawn from the last {days} bars of {prices.name}")


def pixels_at(prices: Prices, row: int, *, days: int = DAYS) -> Float[Array, "height width"]:
    """The picture of the `days` bars up to and with that row, `[64, 3 * days]` in 0..1; none later is read.

    Where opens are not known, the close of the day before stands for them.
    """
    part = slice(row - days + 1, row + 1)
    high, low, close = prices.high[part], prices.low[part], prices.close[part]
    opens = np.concatenate([close[:1], close[:-1]]) if prices.open is None else prices.open[part]
    opens = np.clip(opens, low, high)
    top, bottom = float(np.log(high).max()), float(np.log(low).min())
    rows = HEIGHT - FOOT - GAP

    def place(values: Array) -> Array:
        share = (top - np.log(values)) / max(top - bottom, 1e-9)
        return np.clip(np.rint(share * (rows - 1)), 0, rows - 1).astype(int)

    picture = np.zeros((HEIGHT, 3 * days), np.float32)
    left = 3 * np.arange(days)
    picture[place(opens), left] = 1
    picture[place(np.clip(close, low, high)), left + 2] = 1
    up, down, lines = place(high), place(low), np.arange(HEIGHT)[:, None]
    picture[:, left + 1] = (lines >= up) & (lines <= down)
    picture[:, left + 1] += lines >= HEIGHT - _volumes(prices, part)
    return picture


def png_of(chart: Chart) -> bytes:
    """The chart as a PNG file."""
    from PIL import Image as Pillow

    stream = io.BytesIO()
    Pillow.fromarray((chart.image.pixels[:, :, 0] * 255).round().astype(np.uint8)).save(stream, format="PNG")
    return stream.getvalue()


def _volumes(prices: Prices, part: slice) -> Array:
    """The height of each day's volume bar in pixels; 0 where it is not known."""
    if prices.volume is None:
        return np.zeros(part.stop - part.start, int)
    volume = np.where(np.isfinite(prices.volume[part]), prices.volume[part], 0.0).clip(min=0)
    return np.rint(FOOT * volume / max(float(volume.max()), 1e-9)).astype(int)


def _pixels(value: Any) -> Array:
    if isinstance(value, (str, Path)):
        return _opened(Path(value))
    pixels = np.asarray(value)
    if pixels.dtype.kind not in "uf":
        raise FormatError(f"a chart is a path or an array of uint8 or of floats in 0..1, got {type(value).__name__}")
    return pixels


def _opened(path: Path) -> Array:
    from PIL import Image as Pillow
    from PIL import UnidentifiedImageError

    if path.is_dir():
        raise FileError(f"{path} is a folder: name the one picture of the chart")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the size is checked below, before any pixel is decoded
            with Pillow.open(path, formats=("PNG", "JPEG")) as picture:
                width, height = picture.size
                if width * height > LARGEST:
                    raise FormatError(f"{path} has {width} by {height} pixels, more than {LARGEST}: scale it down")
                return np.asarray(_on_white(picture).convert("RGB"))
    except (UnidentifiedImageError, Pillow.DecompressionBombError) as error:
        raise FormatError(f"{path} is not a PNG or JPEG picture that can be read") from error
    except (OSError, SyntaxError, ValueError) as error:
        if isinstance(error, FormatError):
            raise
        raise FileError(f"{path} is truncated or unreadable as a picture: {error}") from error


def _on_white(picture: Any) -> Any:
    """What is transparent shows the white page that charts are drawn for."""
    from PIL import Image as Pillow

    if "A" not in picture.getbands() and "transparency" not in picture.info:
        return picture
    clear = picture.convert("RGBA")
    return Pillow.alpha_composite(Pillow.new("RGBA", clear.size, "white"), clear)
