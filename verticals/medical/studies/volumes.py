"""Scans from one file: NIfTI, NRRD and MetaImage, with the affine in RAS. DICOM is in dicom.py.

It trusts nothing: what a header leaves out or says twice and differently is refused. It knows no Hounsfield units.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ....core.errors import FileError, FormatError, GeometryError
from ....core.types import Array, Volume

FLIP = np.diag([-1.0, -1.0, 1.0, 1.0])  # LPS to RAS and back


def read_volume(path: Path) -> Volume:
    """Voxels and affine (RAS) of a file.

    Raises:
        FormatError: not one of the formats, or not three-dimensional numbers.
        FileError: truncated or unreadable.
        GeometryError: no affine, or two that differ.
    """
    name = path.name.lower()
    for suffixes, reader in READERS:
        if name.endswith(suffixes):
            return reader(path)
    known = ", ".join(suffix for suffixes, _ in READERS for suffix in suffixes)
    raise FormatError(f"{path} is no scan by its name: a DICOM folder, or a file ending in {known}, is read")


def _nifti(path: Path) -> Volume:
    import nibabel
    from nibabel.filebasedimages import ImageFileError
    from nibabel.spatialimages import HeaderDataError

    try:
        image: Any = nibabel.load(path)
        header = image.header
        values = np.asarray(image.dataobj)
    except (ImageFileError, HeaderDataError) as error:
        raise FormatError(f"{path} is not a NIfTI file: {error}") from error
    except (OSError, EOFError, ValueError, TypeError, OverflowError, zlib.error) as error:
        raise FileError(f"{path} is truncated or unreadable: {error}") from error
    if not int(header["sform_code"]) and not int(header["qform_code"]):
        raise GeometryError(f"{path} has neither sform nor qform, so its orientation is not known: convert it again")
    if int(header["sform_code"]) and int(header["qform_code"]):
        one, other = image.get_sform(), image.get_qform()
        if not np.allclose(one[:3, :3], other[:3, :3], atol=0.01) or not np.allclose(
            one[:3, 3], other[:3, 3], atol=1.0
        ):
            raise GeometryError(f"{path} has an sform and a qform that differ: keep the one that is right")
    unit = header.get_xyzt_units()[0]
    if unit not in ("mm", "unknown"):
        raise GeometryError(f"{path} measures in {unit}; millimetres are read: write it again in mm")
    return _volume(values, np.asarray(image.affine), path)


def _nrrd(path: Path) -> Volume:
    import nrrd

    try:
        values, header = nrrd.read(str(path))
    except nrrd.NRRDError as error:
        raise _broken(path, error) from error
    except (OSError, EOFError, ValueError, KeyError, TypeError, IndexError, zlib.error) as error:
        raise FileError(f"{path} is truncated or unreadable: {error}") from error
    space = str(header.get("space", "")).lower()
    directions, origin = header.get("space directions"), header.get("space origin")
    known = {"left-posterior-superior": FLIP, "lps": FLIP, "right-anterior-superior": np.eye(4), "ras": np.eye(4),
             "left-anterior-superior": np.diag([-1.0, 1, 1, 1]), "las": np.diag([-1.0, 1, 1, 1])}  # fmt: skip
    if space not in known or directions is None or origin is None:
        raise GeometryError(f"{path} must say its space (LPS, RAS or LAS), space directions and space origin")
    if any(
        str(unit).strip('"').lower() not in ("mm", "millimeter", "millimeters", "")
        for unit in header.get("space units", ())
    ):
        raise GeometryError(f"{path} measures in {header['space units']}; millimetres are read: write it again in mm")
    directions = np.asarray(directions, float)
    if directions.shape != (3, 3):
        raise FormatError(f"{path} has {directions.shape[0]} axes; a scan has three")
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = directions.T, np.asarray(origin, float)
    return _volume(values, known[space] @ affine, path)


def _broken(path: Path, error: Exception) -> FileError | FormatError:
    """A NRRD error as ours: a file that begins as one is broken, any other is something else."""
    with path.open("rb") as stream:
        begins = stream.read(4) == b"NRRD"
    return (
        FileError(f"{path} is truncated or unreadable: {error}")
        if begins
        else FormatError(f"{path} is not a NRRD file: {error}")
    )


_TYPES = {"MET_SHORT": "i2", "MET_USHORT": "u2", "MET_INT": "i4", "MET_UINT": "u4", "MET_FLOAT": "f4",
          "MET_DOUBLE": "f8",
          "MET_CHAR": "i1", "MET_UCHAR": "u1"}  # fmt: skip


def _meta(path: Path) -> Volume:
    """MetaImage: a header of `Key = value` lines, then the voxels in the same file (LOCAL) or in the file named."""
    raw = path.read_bytes()
    header, rest = {}, raw
    while b"\n" in rest and "ElementDataFile" not in header:
        line, rest = rest.split(b"\n", 1)
        key, mark, value = line.decode("latin-1").partition("=")
        if not mark:
            raise FormatError(f"{path} is not a MetaImage file: the line {key[:40]!r} is no 'Key = value'")
        header[key.strip()] = value.strip()
    try:
        shape = [int(each) for each in header["DimSize"].split()]
        kind = np.dtype(_TYPES[header["ElementType"]])
        spacing = np.array([float(each) for each in header["ElementSpacing"].split()])
        turn = np.array([float(each) for each in header.get("TransformMatrix", "1 0 0 0 1 0 0 0 1").split()]).reshape(
            3, 3
        )
        origin = [float(each) for each in (header.get("Offset") or header["Position"]).split()]
        if len(shape) != 3 or len(spacing) != 3 or len(origin) != 3 or min(shape) < 1:
            raise ValueError(f"it has {shape} voxels, and a scan has three axes")
    except (KeyError, ValueError) as error:
        raise FormatError(f"{path} is not a whole MetaImage header: {error}") from error
    if header["ElementDataFile"] != "LOCAL":
        data = path.parent / Path(header["ElementDataFile"]).name
        if not data.is_file():
            raise FileError(f"{path} names the voxels {data.name}, which is not beside it")
        rest = data.read_bytes()
    values = _unpacked(rest, header, shape, kind, path)
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = turn.T * spacing, origin
    return _volume(values, FLIP @ affine, path)


def _unpacked(data: bytes, header: dict[str, str], shape: list[int], kind: np.dtype[Any], path: Path) -> Array:
    try:
        if header.get("CompressedData", "False").lower() == "true":
            data = zlib.decompress(data)
    except zlib.error as error:
        raise FileError(f"{path} is truncated or unreadable: {error}") from error
    if header.get("BinaryDataByteOrderMSB", "False").lower() == "true":
        kind = kind.newbyteorder(">")
    needed = int(np.prod(shape)) * kind.itemsize
    if len(data) < needed:
        raise FileError(f"{path} holds {len(data)} bytes of voxels where its header promises {needed}: it is truncated")
    return np.frombuffer(data[:needed], kind).reshape(shape, order="F")


def _volume(values: Array, affine: Array, path: Path) -> Volume:
    if values.ndim == 4 and values.shape[3] == 1:
        values = values[..., 0]
    if values.ndim != 3 or values.dtype.kind not in "iuf":
        raise FormatError(f"{path} holds {values.dtype} of shape {values.shape}; a scan is three axes of numbers")
    try:
        return Volume(voxels=values.astype(np.float32), affine=affine)
    except (FormatError, GeometryError) as error:
        raise type(error)(f"{path}: {error}") from error


READERS: tuple[tuple[tuple[str, ...], Callable[[Path], Volume]], ...] = (
    ((".nii", ".nii.gz"), _nifti),
    ((".nrrd", ".nhdr"), _nrrd),
    ((".mha", ".mhd"), _meta),
)
