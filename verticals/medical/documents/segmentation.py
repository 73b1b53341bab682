"""A DICOM segmentation: one binary segment a finding, on the frames of the source series.

The masks and the geometry are the source's own; nothing is resampled.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ....core.errors import FormatError, GeometryError
from ....core.optional import require
from ....core.types import Array
from ..records import Finding, Nodules
from ..studies.dicom import Stack
from .algorithm import MAKER, NAME, NOTICE, SERIES, Algorithm

SIDES = {"right": ("3341006", "Right lung"), "left": ("44029006", "Left lung")}
LUNG = ("39607008", "Lung")


def segmentation(answer: Nodules, stack: Stack, algorithm: Algorithm) -> Any:
    """The `highdicom` segmentation of an answer, whose segments are its findings in their order.

    Raises:
        FormatError: no finding, or a source that highdicom cannot refer to.
        GeometryError: masks of another geometry than the series.
        MissingExtra: highdicom is not installed.
    """
    highdicom = require("highdicom", "dicom", "writing DICOM segmentations")
    if not answer.findings or answer.labels is None:
        raise FormatError("there is no finding, and a DICOM segmentation holds at least one segment")
    same_geometry(answer, stack)
    try:
        made = highdicom.seg.Segmentation(
            source_images=sources(stack),
            pixel_array=_planes(answer, stack),
            segmentation_type=highdicom.seg.SegmentationTypeValues.BINARY,
            segment_descriptions=[_segment(n, each, algorithm) for n, each in enumerate(answer.findings, start=1)],
            series_instance_uid=highdicom.UID(),
            series_number=9001,
            sop_instance_uid=highdicom.UID(),
            instance_number=1,
            manufacturer=MAKER,
            manufacturer_model_name=NAME,
            software_versions=algorithm.version,
            device_serial_number=algorithm.weights[:16] or "unknown",
            content_label="NODULES",
            content_description=NOTICE,
            series_description=SERIES,
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise FormatError(f"the series lacks what a segmentation must repeat from it: {error}") from error
    made.ImageComments = f"{answer.banner} {'; '.join(algorithm.parameters)}."
    return made


def same_geometry(answer: Nodules, stack: Stack) -> None:
    """Refuse masks that do not lie on the voxels of the series."""
    if answer.labels is None or answer.affine is None:
        raise GeometryError("the answer carries no label map, so nothing can be drawn on the series")
    if answer.labels.shape != stack.shape:
        raise GeometryError(
            f"the masks have {' x '.join(map(str, answer.labels.shape))} voxels and the series "
            f"{' x '.join(map(str, stack.shape))}: they belong to another scan"
        )
    if np.abs(answer.affine - stack.affine).max() > 1e-2:
        raise GeometryError("the masks lie elsewhere than the series (their affines differ): they are of another scan")


def sources(stack: Stack) -> list[Any]:
    """The images of the series by their headers: one a slice, or the one multi-frame image."""
    if stack.slices[0].frame is None:
        return [each.header for each in stack.slices]
    headers = {id(each.header): each.header for each in stack.slices}
    if len(headers) > 1:
        raise FormatError(f"the series is spread over {len(headers)} multi-frame images: convert it to one first")
    return list(headers.values())


def _planes(answer: Nodules, stack: Stack) -> Array:
    """Segment numbers `[frame, row, column]` in the order of the source's images or frames.

    Labels may have gaps where findings were deleted; segment numbers may not.
    """
    labels = np.asarray(answer.labels)
    table = np.zeros(int(labels.max()) + 1, np.uint8)
    for n, each in enumerate(answer.findings, start=1):
        table[each.label] = n
    planes = np.ascontiguousarray(table[labels].transpose(2, 1, 0))
    if stack.slices[0].frame is None:
        return planes
    count = len(stack.slices[0].header.PerFrameFunctionalGroupsSequence)
    whole = np.zeros((count, *planes.shape[1:]), np.uint8)
    whole[[each.frame or 0 for each in stack.slices]] = planes
    return whole


def _segment(number: int, finding: Finding, algorithm: Algorithm) -> Any:
    import highdicom
    from pydicom.sr.codedict import Code

    identified = highdicom.AlgorithmIdentificationSequence(
        name=NAME,
        family=Code("123110", "DCM", "Artificial Intelligence"),
        version=algorithm.version,
        parameters={f"parameter {n}": each for n, each in enumerate(algorithm.parameters, start=1)},
    )
    site, words = SIDES.get(finding.side, LUNG)
    return highdicom.seg.SegmentDescription(
        segment_number=number,
        segment_label=f"Finding {finding.label}",
        segmented_property_category=Code("49755003", "SCT", "Morphologically Altered Structure"),
        segmented_property_type=Code("27925004", "SCT", "Nodule"),
        algorithm_type=highdicom.seg.SegmentAlgorithmTypeValues.AUTOMATIC,
        algorithm_identification=identified,
        tracking_uid=highdicom.UID(),
        tracking_id=f"Finding {finding.label}",
        anatomic_regions=[Code(site, "SCT", words)],
    )
