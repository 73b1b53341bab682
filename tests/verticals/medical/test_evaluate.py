from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest
import torch

from colonnade.core.errors import FormatError, GeometryError, UnknownName
from colonnade.core.pipeline import FitOptions
from colonnade.core.types import Array, Volume
from colonnade.verticals.medical.adaptation import adapt
from colonnade.verticals.medical.data import Pair, find_pairs, read_case
from colonnade.verticals.medical.pipeline import NodulePipeline
from colonnade.verticals.medical.recipes import recipe


def write_case(folder: Path, volume: Volume, mask: Array, names: tuple[str, str] = ("image", "label")) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, values in zip(names, (volume.voxels, mask), strict=True):
        nibabel.save(nibabel.Nifti1Image(values.astype(np.int16), volume.affine), folder / f"{name}.nii.gz")


@pytest.fixture(scope="module")
def data(chest: tuple[Volume, Array, Array], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scans")
    for name in ("one", "two"):
        write_case(folder / name, chest[0], chest[1])
    (folder / "one" / "indication.txt").write_text("Lung nodule.")
    return folder


@pytest.fixture(scope="module")
def pipeline() -> NodulePipeline:
    return NodulePipeline.from_pretrained()


def test_evaluate_counts_the_found_ball_beside_the_baseline(pipeline: NodulePipeline, data: Path) -> None:
    found = pipeline.evaluate(data)
    assert found.n == 2
    assert found.metrics["n_nodules"] == 2
    assert 0 <= found.metrics["froc_cpm"] <= 1
    assert found.metrics["sensitivity_at_8_fp"] == 1
    assert found.metrics["dice"] > 0.6
    assert set(found.subsets) == {"ct", "ct+indication"}
    assert {"log_blobs", "detector_alone"} == set(found.baselines)
    low, high = found.intervals["froc_cpm"]
    assert low <= found.metrics["froc_cpm"] <= high


@pytest.mark.parametrize("method", ["full", "probe", "lora", "progressive"])
def test_fit_moves_what_its_method_says(
    method: str, pipeline: NodulePipeline, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if method == "lora":
        pytest.importorskip("peft")
    monkeypatch.setattr(adapt, "BATCHES", 1)
    monkeypatch.setattr(adapt, "ROWS", 1)
    before = {name: value.clone() for name, value in pipeline.detector.state_dict().items()}
    fitted = pipeline.fit_on(data, FitOptions(method=method, epochs=1))
    after = fitted.detector.state_dict()
    assert set(after) == set(before)
    moved = {name.split(".")[0] for name in before if not torch.equal(before[name], after[name])}
    assert moved >= {"unfold"}
    assert ("encoder" in moved) == (method in ("full", "lora"))
    assert all(torch.equal(before[name], value) for name, value in pipeline.detector.state_dict().items())
    assert fitted.card["fitted"]["method"] == method


def test_pairs_beside_each_other_are_recognised(data: Path, chest: tuple[Volume, Array, Array], tmp_path: Path) -> None:
    write_case(tmp_path, chest[0], chest[1], ("a_image", "a_label"))
    assert [each.name for each in find_pairs(tmp_path)] == ["a"]
    assert [each.indication for each in find_pairs(data)] == ["Lung nodule.", None]
    with pytest.raises(UnknownName, match="layout"):
        find_pairs(data, "luna")
    with pytest.raises(FormatError, match="fits no layout"):
        find_pairs(data, "pairs")


def test_a_label_map_of_another_frame_is_refused(chest: tuple[Volume, Array, Array], tmp_path: Path) -> None:
    volume, mask, _ = chest
    write_case(tmp_path / "a", volume, mask)
    image = nibabel.load(tmp_path / "a" / "label.nii.gz")
    pair = Pair(name="a", image=tmp_path / "a" / "image.nii.gz", label=tmp_path / "a" / "label.nii.gz")
    nibabel.save(nibabel.Nifti1Image(np.asarray(image.dataobj), image.affine @ np.diag([1, 1, 1.1, 1])), pair.label)
    with pytest.raises(GeometryError, match="lies elsewhere"):
        read_case(pair)
    nibabel.save(nibabel.Nifti1Image(np.asarray(image.dataobj)[:-1], image.affine), pair.label)
    with pytest.raises(GeometryError, match="must share a grid"):
        read_case(pair)


def test_an_unknown_recipe_is_answered_with_the_known_one() -> None:
    with pytest.raises(UnknownName, match="lidc-shapes"):
        recipe("lidc")
