"""Zipped studies, honest and hostile."""

from __future__ import annotations

import io
import stat
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from colonnade.core.errors import ColonnadeError, FileError, FormatError
from colonnade.core.types import Volume
from colonnade.verticals.medical.studies.geometry import canonical
from colonnade.verticals.medical.studies.read import read_study

Writer = Callable[..., Path]


def same(found: Volume, block: Volume) -> None:
    turned = canonical(found)
    np.testing.assert_array_equal(turned.voxels, np.maximum(block.voxels, -1024))
    np.testing.assert_allclose(turned.affine, block.affine, atol=1e-6)


def zipped(folder: Path, path: Path) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for each in sorted(folder.rglob("*")):
            archive.write(each, each.relative_to(folder))
    return path


def test_a_zipped_folder_reads_as_the_folder(block: Volume, write_series: Writer, tmp_path: Path) -> None:
    folder = write_series(block, tmp_path / "study" / "deep" / "ct").parents[1]
    (folder / "__MACOSX").mkdir()
    (folder / "__MACOSX" / "._im0990.dcm").write_bytes(b"resource fork")
    same(read_study(zipped(folder, tmp_path / "study.zip")).volume, block)


def bomb() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.dcm", bytes(20_000_000))
    return stream.getvalue()


def packed(name: str, data: bytes = b"x", mode: int = 0, flag: int = 0) -> bytes:
    info, stream = zipfile.ZipInfo(name), io.BytesIO()
    info.external_attr = mode << 16
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr(info, data)
    whole = bytearray(stream.getvalue())
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        where = whole.index(mark) + place
        whole[where : where + 2] = struct.pack("<H", struct.unpack("<H", whole[where : where + 2])[0] | flag)
    return bytes(whole)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (packed("../../etc/passwd.dcm"), "leads out of the archive"),
        (packed("/etc/passwd.dcm"), "leads out of the archive"),
        (packed("..\\..\\windows.dcm"), "leads out of the archive"),
        (packed("C:/windows.dcm"), "leads out of the archive"),
        (bomb(), "zip bomb"),
        (packed("inner.zip", bomb()), "another archive"),
        (packed("study.tar.gz"), "another archive"),
        (packed("link.dcm", b"/etc/passwd", stat.S_IFLNK | 0o777), "holds a link"),
        (packed("secret.dcm", flag=1), "unpack it with its password"),
        (packed("notes.txt"), "no DICOM files"),
        (packed("notes.dcm"), "not DICOM"),
        (packed("a.dcm")[:40], "truncated"),
        (b"PK\x05\x06" + bytes(18), "no DICOM files"),
    ],
)
def test_a_hostile_zip_is_refused_and_nothing_is_unpacked(content: bytes, says: str, tmp_path: Path) -> None:
    path = tmp_path / "in" / "study.zip"
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises((FormatError, FileError), match=says):
        read_study(path)
    assert [each.name for each in tmp_path.rglob("*")] == ["in", "study.zip"]


def test_too_many_files_and_two_of_one_name_are_refused(tmp_path: Path, monkeypatch: Any) -> None:
    path = tmp_path / "study.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.dcm", b"1")
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("a.dcm", b"2")
    with pytest.raises(FormatError, match="two files of one name"):
        read_study(path)
    monkeypatch.setattr("colonnade.verticals.medical.studies.archive.MEMBERS", 1)
    with pytest.raises(FormatError, match="holds 2 files"):
        read_study(path)


def test_a_zip_cut_or_damaged_inside_is_refused(block: Volume, write_series: Writer, tmp_path: Path) -> None:
    path = zipped(write_series(block, tmp_path / "ct"), tmp_path / "study.zip")
    whole = bytearray(path.read_bytes())
    whole[len(whole) // 3 : len(whole) // 3 + 400] = bytes(400)
    for content in (bytes(whole), bytes(whole[: len(whole) // 2])):
        path.write_bytes(content)
        with pytest.raises(ColonnadeError):
            read_study(path)
