from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pydicom
import pytest

from colonnade.core.errors import FileError, FormatError, GeometryError
from colonnade.core.types import Array, Volume
from colonnade.verticals.medical.data import find_pairs, read_case
from colonnade.verticals.medical.studies.geometry import to_world

RATINGS = ("subtlety", "internalStructure", "calcification", "sphericity", "margin", "lobulation", "spiculation",
           "texture", "malignancy")  # fmt: skip


def circle(middle: tuple[float, float], radius: float) -> Array:
    """A closed line of pixels just outside a disc, as readers drew them."""
    angle = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    points = np.round(np.column_stack([np.cos(angle), np.sin(angle)]) * (radius + 1) + middle).astype(int)
    return np.array(list(dict.fromkeys(map(tuple, points))))


def roi(k: int, points: Array, scan: Mapping[int, tuple[str, float]], *, inclusion: bool = True) -> str:
    edges = "".join(f"<edgeMap><xCoord>{x}</xCoord><yCoord>{y}</yCoord></edgeMap>" for x, y in points)
    return (
        f"<roi><imageZposition>{scan[k][1]}</imageZposition><imageSOP_UID>{scan[k][0]}</imageSOP_UID>"
        f"<inclusion>{str(inclusion).upper()}</inclusion>{edges}</roi>"
    )


def nodule(name: str, rois: list[str], *, rated: bool = True) -> str:
    rated_as = "".join(f"<{each}>4</{each}>" for each in RATINGS)
    ratings = f"<characteristics>{rated_as}</characteristics>" if rated else ""
    return f"<unblindedReadNodule><noduleID>{name}</noduleID>{ratings}{''.join(rois)}</unblindedReadNodule>"


def message(uid: str, sessions: list[str]) -> str:
    read = "".join(
        f"<readingSession><annotationVersion>3.12</annotationVersion>"
        f"<servicingRadiologistID>anon</servicingRadiologistID>{each}</readingSession>"
        for each in sessions
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?><LidcReadMessage uid="1.3.6.1.4.1.14519.5.2.1.6279.6001.1307390" '
        'xmlns="http://www.nih.gov" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
        f"<ResponseHeader><Version>1.8.1</Version><SeriesInstanceUid>{uid}</SeriesInstanceUid>"
        f"<TaskDescription>Second unblinded read</TaskDescription></ResponseHeader>{read}</LidcReadMessage>"
    )


@pytest.fixture
def wide(block: Volume) -> Volume:
    """Room for an outline: 64 x 60 x 12 voxels of 0.8 mm, 2 mm apart."""
    voxels = np.full((64, 60, 12), -850, np.float32)
    voxels[:, :8] = 40
    affine = np.diag([0.8, 0.8, 2.0, 1.0])
    affine[:3, 3] = (-30.0, 12.5, 100.0)
    return Volume(voxels=voxels, affine=affine)


@pytest.fixture
def study(
    wide: Volume, tmp_path: Path, write_series: Callable[..., Path]
) -> tuple[Path, str, dict[int, tuple[str, float]]]:
    """A series without its XML; its uid, and by slice the SOP instance and height."""
    folder = write_series(wide, tmp_path / "LIDC-IDRI-0001" / "study" / "series")
    headers = sorted(
        (pydicom.dcmread(each) for each in folder.iterdir()), key=lambda each: each.ImagePositionPatient[2]
    )
    scan = {k: (str(each.SOPInstanceUID), float(each.ImagePositionPatient[2])) for k, each in enumerate(headers)}
    return folder, str(headers[0].SeriesInstanceUID), scan


def sessions(scan: Mapping[int, tuple[str, float]]) -> list[str]:
    """Nodule A by four readers (of other widths, one with a hole), B by two, a small one and a non-nodule by one."""
    found = []
    for reader in range(4):
        rois = [roi(k, circle((30, 30), 6 + (reader == 3)), scan) for k in (5, 6, 7)]
        rois += [roi(6, circle((30, 30), 1.2), scan, inclusion=False)]
        text = nodule(f"A{reader}", rois)
        if reader < 2:
            text += nodule(f"B{reader}", [roi(3, circle((50, 40), 4), scan)])
        if reader == 0:
            text += nodule("small", [roi(2, np.array([[12, 45]]), scan)], rated=False)
            text += (
                "<nonNodule><nonNoduleID>1</nonNoduleID>"
                f"<imageZposition>{scan[9][1]}</imageZposition><imageSOP_UID>{scan[9][0]}</imageSOP_UID>"
                "<locus><xCoord>40</xCoord><yCoord>20</yCoord></locus></nonNodule>"
            )
        found.append(text)
    return found


def test_what_three_readers_outlined_is_a_nodule_and_the_rest_is_set_aside(
    study: tuple[Path, str, dict[int, tuple[str, float]]], wide: Volume
) -> None:
    folder, uid, scan = study
    (folder / "069.xml").write_text(message(uid, sessions(scan)))
    (pair,) = find_pairs(folder.parents[2])
    case, read = read_case(pair)
    (truth,) = case.truths
    grid = np.stack(np.meshgrid(np.arange(64), np.arange(60), indexing="ij"), axis=-1)
    disc = np.linalg.norm(grid - [30, 30], axis=-1)
    assert set(np.flatnonzero((case.labels == 1).any(axis=(0, 1)))) == {5, 6, 7}
    mask = case.labels[:, :, 5] == 1
    assert mask[disc <= 5].all()
    assert not mask[disc > 7].any(), "an outline runs outside: the widest reader alone is no majority"
    assert not case.labels[30, 30, 6], "what is outlined as excluded is a hole"
    np.testing.assert_allclose(truth.centre, to_world(wide.affine, np.array([30, 30, 6])), atol=0.5)
    places = to_world(wide.affine, np.array([[50, 40, 3], [12, 45, 2], [40, 20, 9], [30, 30, 6]]))
    assert list(case.asked(places)) == [False, False, False, True]
    assert read.volume.voxels.shape == wide.voxels.shape


def test_outlines_lie_by_height_where_the_slices_were_given_new_names(
    study: tuple[Path, str, dict[int, tuple[str, float]]],
) -> None:
    folder, uid, scan = study
    renamed = {k: (f"1.2.3.{k}", z) for k, (_, z) in scan.items()}
    (folder / "069.xml").write_text(message(uid, sessions(renamed)))
    case, _ = read_case(find_pairs(folder.parents[2])[0])
    assert set(np.flatnonzero((case.labels == 1).any(axis=(0, 1)))) == {5, 6, 7}


@pytest.mark.parametrize(
    ("spoilt", "said"),
    [
        (lambda scan: {k: (f"1.2.3.{k}", z + 100) for k, (_, z) in scan.items()}, "that the series lacks"),
        (lambda scan: {k: (uid, z + 10) for k, (uid, z) in scan.items()}, "that the series has at"),
    ],
)
def test_outlines_of_another_series_are_refused(
    spoilt: Callable[[object], dict[int, tuple[str, float]]], said: str,
    study: tuple[Path, str, dict[int, tuple[str, float]]],
) -> None:  # fmt: skip
    folder, uid, scan = study
    (folder / "069.xml").write_text(message(uid, sessions(spoilt(scan))))
    with pytest.raises(GeometryError, match=said):
        read_case(find_pairs(folder.parents[2])[0])


def test_pixels_outside_the_image_are_refused(study: tuple[Path, str, dict[int, tuple[str, float]]]) -> None:
    folder, uid, scan = study
    far = nodule("far", [roi(5, circle((90, 30), 6), scan)])
    (folder / "069.xml").write_text(message(uid, [far] * 3))
    with pytest.raises(GeometryError, match="outside 64 x 60"):
        read_case(find_pairs(folder.parents[2])[0])


def test_an_xml_that_is_broken_or_unfolds_is_refused(study: tuple[Path, str, dict[int, tuple[str, float]]]) -> None:
    folder, uid, scan = study
    whole = message(uid, sessions(scan))
    (folder / "069.xml").write_text(whole[:-40])
    with pytest.raises(FileError, match="cannot be read as XML"):
        find_pairs(folder.parents[2])
    bomb = '<!DOCTYPE a [<!ENTITY b "b">]>'
    (folder / "069.xml").write_text(whole.replace("?>", f"?>{bomb}", 1))
    with pytest.raises(FileError, match="document type"):
        find_pairs(folder.parents[2])
    (folder / "069.xml").write_text(whole.replace("<xCoord>", "<xCoord>left", 1))
    with pytest.raises(FormatError, match="cannot be read"):
        read_case(find_pairs(folder.parents[2])[0])


def test_xml_without_its_series_is_told_and_radiographs_are_passed_over(
    study: tuple[Path, str, dict[int, tuple[str, float]]],
) -> None:
    folder, uid, scan = study
    (folder / "070.xml").write_text('<IdriReadMessage xmlns="http://www.nih.gov/idri"></IdriReadMessage>')
    with pytest.raises(FormatError, match="fits no layout"):
        find_pairs(folder.parents[2])
    (folder / "069.xml").write_text(message("1.2.3", sessions(scan)))
    with pytest.raises(FileError, match="none of the CT series"):
        find_pairs(folder.parents[2])
    (folder / "071.xml").write_text(message(uid, sessions(scan)))
    assert len(find_pairs(folder.parents[2], "lidc")) == 1
