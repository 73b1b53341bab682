from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from colonnade.core.errors import CheckpointError, UnknownName
from colonnade.core.result import Interval
from colonnade.core.trust.calibration import Platt
from colonnade.core.types import Array, Volume
from colonnade.verticals.medical.attributes.crop import SIDE, Crop
from colonnade.verticals.medical.attributes.describe import CLASSES, Describer, DescriberConfig, Scaling, sizes, stratum
from colonnade.verticals.medical.attributes.heads import Heads
from colonnade.verticals.medical.attributes.measures import measured
from colonnade.verticals.medical.detection.detect import Seen
from colonnade.verticals.medical.detection.lungs import find_lungs
from colonnade.verticals.medical.records import Finding
from colonnade.verticals.medical.studies.geometry import Grid


def ball(radius: float = 6.0, *, hu: float = 40.0) -> Crop:
    away = np.linalg.norm(np.stack(np.indices((SIDE,) * 3), axis=-1) - SIDE / 2, axis=-1)
    return Crop(values=np.where(away < radius, hu, -850).astype(np.int16), mask=away < radius)


MEASURES = tuple(measured(ball()))


@pytest.fixture
def describer() -> Describer:
    """Networks with weights by chance: three members."""
    generator = np.random.default_rng(0)
    count, outputs = len(MEASURES), sum(sizes().values())
    shapes = [(count, 8), (8, 8), (8, outputs)]
    heads = Heads(
        measures=MEASURES, sizes=sizes(), mean=np.zeros(count), scale=np.full(count, 50.0),
        weights=tuple(generator.normal(0, 0.5, (3, *shape)) for shape in shapes),
        biases=tuple(generator.normal(0, 0.1, (3, shape[1])) for shape in shapes),
    )  # fmt: skip
    config = DescriberConfig(
        measures=MEASURES, scalings={"texture": Scaling(scale=0.7, shifts=(0.1, 0.0, -0.1))},
        suspicion=Platt(slope=3.0, offset=0.2), margins={"": (1.0, 1.0), "below 6 mm": (0.5, 0.7)},
    )  # fmt: skip
    return Describer(config, heads)


def finding(label: int, centre: tuple[float, float, float]) -> Finding:
    return Finding(
        label=label, center_mm=centre, diameter_mm=14.0, long_axis_mm=14.0, short_axis_mm=14.0,
        diameter_interval=Interval(value=14, low=12, high=16), volume_mm3=1400.0, median_hu=40.0, side="left",
        score=0.9, slice_index=0, mask=np.zeros((0, 3), int),
    )  # fmt: skip


def test_every_attribute_is_told_with_its_chances_and_a_place(
    describer: Describer, chest: tuple[Volume, Array, Array]
) -> None:
    volume, mask, centre = chest
    lungs = find_lungs(volume)
    assert lungs is not None
    seen = Seen(grid=Grid(values=mask, low=np.zeros(3), ratio=np.ones(3)), heat=mask, lungs=lungs)
    given = (finding(1, tuple(centre)), finding(2, tuple(centre)))  # the second has no voxel
    first, second = describer.describe(volume, given, seen, labels=mask.astype(np.uint8))
    assert set(first.attributes) == {*CLASSES, "location"}
    for name, attribute in first.attributes.items():
        assert sum(attribute.probabilities.values()) == pytest.approx(1, abs=2e-3)
        assert (
            attribute.probability == max(attribute.probabilities.values()) == attribute.probabilities[attribute.value]
        )
        assert name == "location" or tuple(attribute.probabilities) == CLASSES[name]
    assert first.attributes["location"].value.startswith("left")
    assert first.malignancy is not None
    assert 0 <= first.malignancy.low <= first.malignancy.value <= first.malignancy.high <= 1
    assert second == given[1]
    assert describer.describe(volume, (), seen, labels=mask.astype(np.uint8)) == ()


def test_a_describer_reads_the_same_after_a_round_trip_through_a_checkpoint(describer: Describer) -> None:
    rows = [measured(ball(radius, hu=hu)) for radius, hu in ((3.0, 40), (9.0, -600))]
    again = Describer.from_tensors(describer.plain(), describer.tensors())
    for one, other in zip(describer.read(rows), again.read(rows), strict=True):
        assert other.rating == pytest.approx(one.rating, abs=1e-5)
        assert other.malignancy.value == pytest.approx(one.malignancy.value, abs=1e-5)
        assert other.attributes["texture"].probability == pytest.approx(one.attributes["texture"].probability, abs=1e-3)


def test_tensors_and_configuration_that_do_not_belong_together_are_refused(describer: Describer) -> None:
    tensors = describer.tensors()
    with pytest.raises(CheckpointError, match=r"lack bias\.1"):
        Describer.from_tensors(describer.plain(), {name: each for name, each in tensors.items() if name != "bias.1"})
    fewer = replace(describer.config, measures=MEASURES[:-1])
    with pytest.raises(CheckpointError, match="different checkpoints"):
        Describer.from_tensors(Describer(fewer, describer.heads).plain(), tensors)
    with pytest.raises(UnknownName, match="margins"):
        Describer.from_tensors({**describer.plain(), "margin": {}}, tensors)


def test_suspicion_rises_with_the_rating_and_the_way_back_holds(describer: Describer) -> None:
    chances = describer.chance(np.linspace(1, 5, 9))
    assert (np.diff(chances) > 0).all()
    for rating in (1.5, 3.0, 4.2):
        assert describer.rating(float(describer.chance(np.array([rating]))[0])) == pytest.approx(rating)
    interval = describer.suspicion(3.0, (2.0, 4.0))
    assert describer.rating(interval.low) == pytest.approx(2.0)
    assert describer.rating(interval.high) == pytest.approx(4.0)
    assert describer.suspicion(4.9, (4.0, 5.0)).high == pytest.approx(float(describer.chance(np.array([5.0]))[0]))


def test_bounds_are_those_of_the_size_and_of_what_is_not_solid() -> None:
    row = {"log_diameter": float(np.log(7.0))}
    assert stratum(row, "solid") == "below 10 mm"
    assert stratum(row, "ground-glass") == "not solid"
    assert stratum({"log_diameter": float(np.log(12.0))}, "solid") == "10 mm and more"
