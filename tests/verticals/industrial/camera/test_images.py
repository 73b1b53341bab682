"""Photographs at the border."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image as Pillow

from colonnade.core.errors import FileError, FormatError
from colonnade.verticals.industrial.camera.images import read_image


def test_grey_colour_and_sixteen_bit_pictures_are_read(tmp_path):
    values = np.linspace(0, 255, 40 * 50).reshape(40, 50).astype(np.uint8)
    Pillow.fromarray(values).save(tmp_path / "a.png")
    Pillow.fromarray(np.stack([values] * 3, axis=2)).save(tmp_path / "b.bmp")
    Pillow.fromarray(values.astype(np.uint16) * 257).save(tmp_path / "c.png")
    grey, colour, deep = (read_image(tmp_path / name).pixels for name in ("a.png", "b.bmp", "c.png"))
    assert grey.shape == (40, 50, 1)
    assert colour.shape == (40, 50, 3)
    assert np.allclose(grey, deep, atol=1e-3)


def test_a_decompression_bomb_is_refused_before_it_is_decoded(tmp_path, monkeypatch):
    Pillow.new("L", (400, 400)).save(tmp_path / "a.png")
    monkeypatch.setattr("colonnade.verticals.industrial.camera.images.LARGEST", 100_000)
    with pytest.raises(FormatError, match="400 by 400"):
        read_image(tmp_path / "a.png")


def test_a_truncated_or_foreign_picture_is_refused(tmp_path):
    Pillow.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64), np.uint8)).save(tmp_path / "a.png")
    (tmp_path / "a.png").write_bytes((tmp_path / "a.png").read_bytes()[:900])
    (tmp_path / "b.png").write_text("not a picture")
    for name in ("a.png", "b.png"):
        with pytest.raises((FileError, FormatError)):
            read_image(tmp_path / name)


def test_a_black_picture_is_said(tmp_path):
    assert "uniform" in read_image(np.zeros((64, 64), np.uint8)).notes[0]
