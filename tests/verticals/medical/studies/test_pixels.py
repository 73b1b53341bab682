"""Every encoding of pixels, made and real, gives the same Hounsfield units or a sentence."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import data_store
import numpy as np
import pydicom
import pytest
from pydicom.uid import (
    MPEG2MPML,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEGLSLossless,
    RLELossless,
)

from colonnade.core.errors import ColonnadeError, FormatError, GeometryError
from colonnade.core.types import Volume
from colonnade.verticals.medical.studies.dicom import read_series
from colonnade.verticals.medical.studies.geometry import canonical
from colonnade.verticals.medical.studies.read import read_study

Writer = Callable[..., Path]
quiet = pytest.mark.filterwarnings("ignore::UserWarning")


def same(found: Volume, block: Volume) -> None:
    turned = canonical(found)
    np.testing.assert_array_equal(turned.voxels, np.maximum(block.voxels, -1024))
    np.testing.assert_allclose(turned.affine, block.affine, atol=1e-6)


def recoded(folder: Path, syntax: Any) -> Path:
    for each in folder.iterdir():
        data = pydicom.dcmread(each)
        if syntax.is_encapsulated:
            data.compress(syntax)
        elif syntax == ExplicitVRBigEndian:
            data.file_meta.TransferSyntaxUID = syntax
            data.PixelData = np.frombuffer(data.PixelData, "<u2").astype(">u2").tobytes()
        else:
            data.file_meta.TransferSyntaxUID = syntax
        pydicom.dcmwrite(
            each, data, implicit_vr=syntax.is_implicit_VR, little_endian=syntax.is_little_endian,
            force_encoding=True, enforce_file_format=False,
        )  # fmt: skip
    return folder


@quiet
@pytest.mark.parametrize(
    "syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian, RLELossless, JPEGLSLossless]
)
def test_every_transfer_syntax_gives_the_same_volume(
    syntax: Any, block: Volume, write_series: Writer, tmp_path: Path
) -> None:
    if syntax == JPEGLSLossless:
        pytest.importorskip("jpeg_ls", reason="pyjpegls is part of the extra 'dicom'")
    same(read_study(recoded(write_series(block, tmp_path / "ct"), syntax)).volume, block)


def test_a_missing_decoder_is_told_with_the_package_that_cures_it(
    block: Volume, write_series: Writer, tmp_path: Path, monkeypatch: Any
) -> None:
    from pydicom.pixels.decoders.base import Decoder

    folder = recoded(write_series(block, tmp_path / "ct"), RLELossless)
    monkeypatch.setattr(Decoder, "is_available", False)
    with pytest.raises(FormatError, match="RLE Lossless, which nothing here decodes: pip install pylibjpeg-rle"):
        read_study(folder)


def test_a_film_is_no_ct(block: Volume, write_series: Writer, tmp_path: Path) -> None:
    def film(k: int, data: Any) -> Any:
        data.file_meta.TransferSyntaxUID = MPEG2MPML
        data.PixelData = pydicom.encaps.encapsulate([bytes(10)])
        data["PixelData"].VR = "OB"
        return data

    with pytest.raises(FormatError, match="no compression of CT images"):
        read_study(write_series(block, tmp_path / "ct", film))


def stored_as(block: Volume, bits: int, signed: bool, junk: int = 0) -> Callable[[int, Any], Any]:
    """Pixels in the low `bits` of 16, the bits above filled with `junk`."""

    def change(k: int, data: Any) -> Any:
        values = np.round(block.voxels[:, :, k].T).astype(np.int32)
        data.BitsStored, data.HighBit, data.PixelRepresentation = bits, bits - 1, int(signed)
        data.RescaleIntercept = 0 if signed else -1024
        stored = (values if signed else values + 1024).clip(-(2 ** (bits - 1)) if signed else 0)
        data.PixelData = ((stored & (2**bits - 1)) | (junk << bits)).astype("<u2").tobytes()
        return data

    return change


@pytest.mark.parametrize(("bits", "signed", "junk"), [(12, True, 0), (12, True, 5), (12, False, 9), (16, True, 0)])
def test_only_the_stored_bits_are_read_with_their_sign(
    bits: int, signed: bool, junk: int, block: Volume, write_series: Writer, tmp_path: Path
) -> None:
    found = canonical(read_series(write_series(block, tmp_path / "ct", stored_as(block, bits, signed, junk)))[0])
    np.testing.assert_array_equal(found.voxels, np.maximum(block.voxels, -1024 if not signed else -2048))


def test_a_whole_range_of_padding_becomes_air(block: Volume, write_series: Writer, tmp_path: Path) -> None:
    def pad(k: int, data: Any) -> Any:
        pixels = np.frombuffer(data.PixelData, "<u2").copy()
        pixels[:3] = (63536, 63540, 65000)  # -2000 and more, written without a sign
        data.PixelData, data.PixelPaddingValue, data.PixelPaddingRangeLimit = pixels.tobytes(), 63536, 65535
        return data

    scan = read_study(write_series(block, tmp_path / "ct", pad))
    assert scan.volume.voxels.max() < 1000
    assert "values below -1100 HU were read as padding" in scan.flags


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"RescaleType": "OD"}, "rescales to OD"),
        ({"RescaleSlope": 0}, "rescale slope of 0"),
        ({"SamplesPerPixel": 3}, "screen capture"),
        ({"PixelSpacing": [0, 0]}, "without extent"),
    ],
)
def test_what_gives_no_hounsfield_units_is_refused(
    values: dict[str, Any], says: str, block: Volume, write_series: Writer, tmp_path: Path
) -> None:
    def change(k: int, data: Any) -> Any:
        for name, value in values.items():
            setattr(data, name, value)
        return data

    with pytest.raises((FormatError, GeometryError), match=says):
        read_study(write_series(block, tmp_path / "ct", change))


@quiet
@pytest.mark.parametrize("seed", range(25))
def test_damaged_bytes_are_refused_in_a_sentence_or_read(
    seed: int, block: Volume, write_series: Writer, tmp_path: Path
) -> None:
    folder = write_series(block, tmp_path / "ct")
    generator = np.random.default_rng(seed)
    for file in folder.iterdir():
        content = bytearray(file.read_bytes())
        for place in generator.integers(132, 1000, 3):
            content[place] = int(generator.integers(256))
        file.write_bytes(content)
    told = ""
    try:
        read_study(folder)
    except ColonnadeError as error:
        told = str(error)
    assert "\n" not in told


@pytest.fixture(scope="session")
def real() -> Path:
    """Files of pydicom's own test data, as they left the scanners."""
    return Path(data_store.__file__).parent / "data"


@quiet
@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("693_UNCR.dcm", "holds one slice"),
        ("693_J2KR.dcm", "holds one slice"),
        ("693_UNCI.dcm", "holds one slice"),
        ("bad_sequence.dcm", "holds one slice"),
        ("eCT_Supplemental.dcm", "2 derived"),
        ("liver.dcm", "of modality SEG"),
        ("SC_rgb_expb_16bit.dcm", "of modality OT"),
        ("emri_small_big_endian.dcm", "of modality MR"),
        ("RG1_J2KR.dcm", "of modality CR"),
    ],
)
def test_a_real_file_that_is_no_study_is_refused_with_the_reason(name: str, says: str, real: Path) -> None:
    with pytest.raises((FormatError, GeometryError), match=says):
        read_study(real / name)


@quiet
def test_a_real_slice_has_the_same_hounsfield_units_in_every_encoding(real: Path) -> None:
    from colonnade.verticals.medical.studies.pixels import hounsfield

    found = {}
    for name in ("693_UNCR.dcm", "693_J2KR.dcm", "693_UNCI.dcm"):
        data = pydicom.dcmread(real / name)
        found[name] = hounsfield(data, (float(data.RescaleSlope), float(data.RescaleIntercept)), frame=0, name=name)
    plain = found["693_UNCR.dcm"]
    np.testing.assert_array_equal(found["693_J2KR.dcm"], plain)
    inside = plain > -1024  # compression with loss smears the padding
    assert np.corrcoef(found["693_UNCI.dcm"][inside], plain[inside])[0, 1] > 0.95
    assert plain.max() == 1468


@quiet
def test_the_whole_collection_is_refused_in_one_sentence(real: Path) -> None:
    with pytest.raises(ColonnadeError) as caught:
        read_study(real)
    assert "\n" not in str(caught.value)
