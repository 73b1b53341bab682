"""A DICOM structured report by TID 1500: each finding's segment and measurements, observed by a device, unverified.

It repeats what the answer measured and adds no judgement of its own.
"""

from __future__ import annotations

from typing import Any

from ....core.errors import FormatError
from ....core.optional import require
from ..records import Finding, Nodules
from ..studies.dicom import Stack
from .algorithm import MAKER, NAME, SERIES, Algorithm
from .segmentation import LUNG, sources

SIDES = {"right": ("24028007", "Right"), "left": ("7771000", "Left")}


def structured_report(answer: Nodules, stack: Stack, segmented: Any, algorithm: Algorithm) -> Any:
    """The `highdicom` report of an answer; `segmented` is its segmentation, whose segments and tracking it refers to.

    Raises:
        FormatError: no finding, or a source that highdicom cannot refer to.
        MissingExtra: highdicom is not installed.
    """
    sr = require("highdicom", "dicom", "writing DICOM structured reports").sr
    if not answer.findings:
        raise FormatError("there is no finding, and a measurement report holds at least one measurement")
    images = sources(stack)
    try:
        content = sr.MeasurementReport(
            observation_context=_observer(algorithm),
            procedure_reported=_code("169069000", "SCT", "CT of chest"),
            imaging_measurements=[
                _group(n, each, segmented, algorithm) for n, each in enumerate(answer.findings, start=1)
            ],
            title=_code("126000", "DCM", "Imaging Measurement Report"),
            referenced_images=images,
        )
        _comment(content[0], f"{answer.banner} {'; '.join(algorithm.parameters)}.")
        made = sr.ComprehensiveSR(
            evidence=[*images, segmented],
            content=content[0],
            series_instance_uid=_uid(),
            series_number=9002,
            sop_instance_uid=_uid(),
            instance_number=1,
            manufacturer=MAKER,
            is_complete=False,
            is_final=False,
            is_verified=False,
            series_description=SERIES,
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise FormatError(f"the series lacks what a structured report must repeat from it: {error}") from error
    return made


def _code(value: str, scheme: str, meaning: str) -> Any:
    from pydicom.sr.codedict import Code

    return Code(value, scheme, meaning)


def _uid(*entropy: str) -> Any:
    from highdicom import UID
    from pydicom.uid import generate_uid

    return UID(generate_uid(entropy_srcs=list(entropy))) if entropy else UID()


def _observer(algorithm: Algorithm) -> Any:
    from highdicom import sr

    device = sr.DeviceObserverIdentifyingAttributes(
        uid=_uid(NAME, algorithm.version, algorithm.weights),  # the same device for the same weights
        name=NAME,
        manufacturer_name=MAKER,
        model_name=f"{NAME} {algorithm.version}",
        serial_number=algorithm.weights or "unknown",
    )
    return sr.ObservationContext(
        observer_device_context=sr.ObserverContext(
            observer_type=_code("121007", "DCM", "Device"), observer_identifying_attributes=device
        )
    )


def _group(number: int, finding: Finding, segmented: Any, algorithm: Algorithm) -> Any:
    from highdicom import sr

    segment = segmented.SegmentSequence[number - 1]
    side = SIDES.get(finding.side)
    return sr.VolumetricROIMeasurementsAndQualitativeEvaluations(
        tracking_identifier=sr.TrackingIdentifier(uid=segment.TrackingUID, identifier=segment.TrackingID),
        referenced_segment=_referenced(segmented, number),
        finding_type=_code("27925004", "SCT", "Nodule"),
        finding_sites=[
            sr.FindingSite(
                anatomic_location=_code(LUNG[0], "SCT", LUNG[1]), laterality=_code(side[0], "SCT", side[1]) if side
                else None,
            )
        ],
        algorithm_id=sr.AlgorithmIdentification(
            name=NAME, version=algorithm.version, parameters=list(algorithm.parameters)
        ),
        measurements=_measurements(finding),
    )  # fmt: skip


def _referenced(segmented: Any, number: int) -> Any:
    """The segment and the slices it was drawn on. highdicom looks for a segment's number in each frame; where there is
    one segment only, it stands once for all of them."""
    from highdicom import sr

    if "SegmentIdentificationSequence" not in segmented.SharedFunctionalGroupsSequence[0]:
        return sr.ReferencedSegment.from_segmentation(segmented, number)
    images = {
        source.ReferencedSOPInstanceUID: source.ReferencedSOPClassUID
        for frame in segmented.PerFrameFunctionalGroupsSequence
        for derived in frame.DerivationImageSequence
        for source in derived.SourceImageSequence
    }
    sources = [sr.SourceImageForSegmentation(kind, instance) for instance, kind in images.items()]
    return sr.ReferencedSegment(segmented.SOPClassUID, segmented.SOPInstanceUID, number, source_images=sources)


def _measurements(finding: Finding) -> list[Any]:
    from highdicom import sr

    millimetre, cubic = _code("mm", "UCUM", "mm"), _code("mm3", "UCUM", "mm3")
    interval = finding.diameter_interval
    bounds = sr.MeasurementProperties(
        upper_measurement_uncertainty=round(interval.high - interval.value, 3),
        lower_measurement_uncertainty=round(interval.value - interval.low, 3),
    )
    return [
        sr.Measurement(_code("81827009", "SCT", "Diameter"), finding.diameter_mm, millimetre,
                       derivation=_code("373098007", "SCT", "Mean"), properties=bounds),
        sr.Measurement(_code("103339001", "SCT", "Long axis"), finding.long_axis_mm, millimetre),
        sr.Measurement(_code("103340004", "SCT", "Short axis"), finding.short_axis_mm, millimetre),
        sr.Measurement(_code("118565006", "SCT", "Volume"), finding.volume_mm3, cubic),
        sr.Measurement(_code("112031", "DCM", "Attenuation Coefficient"), finding.median_hu,
                       _code("[hnsf'U]", "UCUM", "Hounsfield unit"), derivation=_code("373099004", "SCT", "Median")),
        sr.Measurement(_code("111012", "DCM", "Certainty of Finding"), round(100 * finding.score, 2),
                       _code("%", "UCUM", "Percent")),
    ]  # fmt: skip


def _comment(root: Any, words: str) -> None:
    """The banner as a comment of the report itself: TID 1500 may be extended by content items."""
    from highdicom import sr

    root.ContentSequence.append(
        sr.TextContentItem(
            name=_code("121106", "DCM", "Comment"), value=words, relationship_type=sr.RelationshipTypeValues.CONTAINS
        )
    )
