"""How much of an inspector serves camera and sound: what its ladder starts from."""

from __future__ import annotations

import numpy as np

from ..camera.head import trunk
from ..camera.memory import backbone
from ..inspection.model import Inspector
from ..inspection.store import pack

OTHERS = ("shapes", "coverage.", "places.", "naming.", "threshold.")  # of the scan, and of what comes after a score


def weight_of(teacher: Inspector) -> tuple[float, int]:
    """Megabytes and numbers of the tensors behind image and sound, among them the backbone of the camera."""
    tensors = pack(teacher, kind="", card={}, tolerance_mm=0.0).tensors
    mine = [np.asarray(value) for name, value in tensors.items() if not name.startswith(OTHERS)]
    count, size = sum(each.size for each in mine), sum(each.nbytes for each in mine)
    origin = teacher.experts.camera.origin if teacher.experts.camera is not None else "imagenet"
    whole = teacher.experts.patches is not None  # of which the trunk is the first part
    shared = list((backbone(origin) if whole else trunk(origin)).state_dict().values())
    return (size + sum(t.numel() * t.element_size() for t in shared)) / 1e6, count + sum(t.numel() for t in shared)
