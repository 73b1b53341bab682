"""Writes the sample: one engine of the published data, and a generated run of a bearing with a damaged outer race.

python -m colonnade.verticals.industrial.maintenance.sample CMAPSS_FOLDER samples/industrial/maintenance
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

from ....core.random import numpy_generator
from ..simulate.machine import RATE, SHAFT, run

ENGINE = 34  # of the test engines: far enough gone for a warning
SEED = 11


def write(source: Path, folder: Path) -> None:
    """`sensors.txt`, `vibration.wav` (generated) and `machine.json`."""
    import soundfile

    folder.mkdir(parents=True, exist_ok=True)
    lines = (source / "test_FD001.txt").read_text(encoding="ascii").splitlines()
    chosen = [line.strip() for line in lines if line.split()[:1] == [str(ENGINE)]]
    (folder / "sensors.txt").write_text("\n".join(chosen) + "\n", encoding="ascii")
    samples = run("outer_race", 0.8, numpy_generator(SEED, "sample"), snr=3.0)
    loud = 0.9 * samples / np.abs(samples).max()
    soundfile.write(folder / "vibration.wav", loud, RATE, subtype="PCM_16")
    machine = {"name": "sample", "rpm": round(60 * SHAFT), "balls": 9, "ball_mm": 7.94, "pitch_mm": 39.04}
    (folder / "machine.json").write_text(json.dumps(machine, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]), Path(sys.argv[2]))
