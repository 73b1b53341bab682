"""Reads the truth of a cloud: a list of points with a label, or only of those that are defective."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from .....core.errors import FileError, FormatError
from .....core.types import Array


def read_truth(path: Path) -> tuple[Array, Array]:
    """Points `[point, xyz]` and whether each is defective `[point]`; a file without labels lists defective points.

    Raises:
        FileError: there is no such file.
        FormatError: its lines are not numbers, or fewer than three.
    """
    if not path.is_file():
        raise FileError(f"{path} is not there: the truth of a cloud is a text file beside it")
    rows = [row for row in path.read_text(errors="replace").replace(",", " ").splitlines() if row.strip()]
    try:
        values = np.loadtxt(rows, ndmin=2)
    except ValueError as error:
        raise FormatError(f"{path} is not a list of x y z label: {error}") from error
    if not len(rows) or values.shape[1] < 3:
        raise FormatError(f"{path} has {len(rows)} lines: each should be x, y, z and a label of 0 or 1")
    labels = values[:, 3] > 0.5 if values.shape[1] > 3 else np.ones(len(values), bool)
    return values[:, :3], labels


def labels_at(points: Array, path: Path) -> Array:
    """Whether each of other points `[point, xyz]` of the same cloud is defective: as the nearest point of the truth.

    Where the truth lists defective points alone, a point is defective within two of their spacings.
    """
    from scipy.spatial import cKDTree

    known, labels = read_truth(path)
    distance, near = cKDTree(known).query(points)
    if not labels.all():
        return np.asarray(labels[near])
    step = cKDTree(known).query(known, k=min(2, len(known)))[0].reshape(len(known), -1)[:, -1]
    return np.asarray(distance <= 2 * max(float(np.median(step)), 1e-9))
