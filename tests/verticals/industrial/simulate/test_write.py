"""A generated data set is read by the inspector's own reader, with its truth beside it."""

from __future__ import annotations

import csv
import json

import numpy as np

from colonnade.verticals.industrial.inspection.data import read_parts
from colonnade.verticals.industrial.inspection.recipes import read_unit
from colonnade.verticals.industrial.simulate.__main__ import main


def test_a_written_data_set_reads_back_with_its_truth(tmp_path, capsys):
    out = tmp_path / "parts"
    wanted = ["--part", "ring", "--good", "3", "--bad", "2", "--kinds", "missing", "stain", "--spacing", "2"]
    assert main([str(out), *wanted, "--severity", "25", "--seed", "3"]) == 0
    parts = read_parts(out)
    assert (len(parts.train), len(parts.test), parts.senses) == (2, 3, ("scan", "image", "sound"))
    told = (out / "labels.csv").read_text().splitlines()
    rows = {row["unit_id"]: row for row in csv.DictReader(told)}
    assert [row["defect"] for row in rows.values()] == ["good", "good", "good", "missing", "stain"]
    assert rows["0004"]["visible_scan"] == "0"
    chipped = next(unit for unit in parts.test if unit.defect == "missing")
    record = read_unit(chipped)
    with np.load(out / "scan" / "ground_truth" / "missing" / "0003.npz") as file:
        truth = dict(file)
    assert len(truth["deviation_mm"]) == len(record["scan"].points)
    assert truth["defect"].any()
    assert json.loads((out / "nominal.json").read_text())["tolerances"]["inner"] == 0.05
    assert main([str(out), *wanted]) == 2
    assert "not empty" in capsys.readouterr().err


def test_an_unknown_part_is_refused_with_one_sentence(tmp_path, capsys):
    assert main([str(tmp_path / "x"), "--part", "flangee"]) == 2
    assert "flange" in capsys.readouterr().err
    assert not (tmp_path / "x").exists()
