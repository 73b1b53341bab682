"""Charts: the same bars give the same pixels, no later bar is drawn, and bad pictures are refused in a sentence."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from colonnade.core.errors import FileError, FormatError
from colonnade.core.types import Image
from colonnade.verticals.finance.market_risk.charts import FOOT, HEIGHT, draw_chart, pixels_at, png_of, read_chart
from colonnade.verticals.finance.market_risk.records import Prices

DAYS = 60


def made_up(*, volume: bool = True) -> Prices:
    generator = np.random.default_rng(0)
    close = 100 * np.exp(np.cumsum(0.01 * generator.standard_normal(DAYS)))
    width = np.exp(0.002 + 0.01 * generator.random(DAYS))
    return Prices(
        name="made up",
        dates=np.busday_offset("2015-01-05", np.arange(DAYS), roll="forward"),
        open=close,
        high=close * width,
        low=close / width,
        close=close,
        volume=1 + generator.random(DAYS) if volume else None,
    )


def test_the_same_bars_give_the_same_picture_and_later_ones_are_not_in_it() -> None:
    prices = made_up()
    assert np.array_equal(pixels_at(prices, 40), pixels_at(prices.until(41), 40))
    assert png_of(draw_chart(prices)) == png_of(draw_chart(made_up()))
    assert not np.array_equal(pixels_at(prices, 40), pixels_at(prices, 41))


def test_a_day_is_three_pixels_wide_and_its_high_stands_above_its_low() -> None:
    picture = pixels_at(made_up(), DAYS - 1, days=20)
    assert picture.shape == (HEIGHT, 60)
    assert set(np.unique(picture)) == {0.0, 1.0}
    body, foot = picture[: HEIGHT - FOOT], picture[HEIGHT - FOOT :]
    assert (body[:, 0::3].sum(axis=0) == 1).all()
    assert (body[:, 2::3].sum(axis=0) == 1).all()
    assert body[0].any()  # the highest high touches the top
    assert foot[:, 1::3].sum(axis=0).max() == FOOT
    assert not pixels_at(made_up(volume=False), DAYS - 1)[HEIGHT - FOOT :].any()


def test_the_scale_of_prices_does_not_matter() -> None:
    one = made_up()
    many = Prices(
        name="x", dates=one.dates, high=7 * one.high, low=7 * one.low, close=7 * one.close, open=7 * one.close,
        volume=one.volume,
    )  # fmt: skip
    assert np.array_equal(pixels_at(one, 50), pixels_at(many, 50))


@pytest.mark.parametrize("days", [4, 251, 61])
def test_charts_of_too_few_or_too_many_days_are_refused(days: int) -> None:
    with pytest.raises(FormatError, match=r"a chart (is drawn of 5 to 250 days|of 61 days needs as many bars)"):
        draw_chart(made_up(), days=days)


def test_a_picture_reads_alike_from_every_form(tmp_path: Path) -> None:
    drawn = draw_chart(made_up())
    (tmp_path / "dark.png").write_bytes(png_of(drawn))
    grey = Pillow.open(io.BytesIO(png_of(drawn)))
    Pillow.fromarray(255 - np.asarray(grey)).save(tmp_path / "light.png")
    grey.convert("RGB").save(tmp_path / "colour.png")
    clear = np.zeros((*np.asarray(grey).shape, 4), np.uint8)
    clear[..., 3] = np.asarray(grey)  # black ink on nothing
    Pillow.fromarray(clear).save(tmp_path / "clear.png")
    for name in ("dark", "light", "colour", "clear"):
        found = read_chart(tmp_path / f"{name}.png").image.pixels
        assert np.allclose(found, drawn.image.pixels, atol=1e-6), name
    assert read_chart(drawn) is drawn
    assert np.array_equal(read_chart(Image(pixels=drawn.image.pixels)).image.pixels, drawn.image.pixels)
    grey.convert("RGB").save(tmp_path / "a.jpg", quality=95)
    assert np.abs(read_chart(tmp_path / "a.jpg").image.pixels - drawn.image.pixels).mean() < 0.1


def test_what_is_no_chart_is_refused_in_a_sentence(tmp_path: Path) -> None:
    whole = png_of(draw_chart(made_up()))
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(FileError, match="truncated"):
        read_chart(tmp_path / "cut.png")
    (tmp_path / "text.png").write_text("no picture")
    with pytest.raises(FormatError, match="not a PNG or JPEG"):
        read_chart(tmp_path / "text.png")
    Pillow.new("RGB", (64, 64), "white").save(tmp_path / "blank.png")
    with pytest.raises(FormatError, match="of one colour"):
        read_chart(tmp_path / "blank.png")
    Pillow.new("L", (10, 64)).save(tmp_path / "small.png")
    with pytest.raises(FormatError, match="10 by 64 pixels"):
        read_chart(tmp_path / "small.png")
    Pillow.new("L", (64, 64)).save(tmp_path / "a.gif")
    with pytest.raises(FormatError, match="not a PNG or JPEG"):
        read_chart(tmp_path / "a.gif")
    with pytest.raises(FileError, match="is a folder"):
        read_chart(tmp_path)
    with pytest.raises(FormatError, match="a chart is a path"):
        read_chart({"a": 1})
