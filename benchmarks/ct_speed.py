"""A 512 x 512 x 300 chest CT from folder to report: every stage timed, beside a plain sliding window of the network.

    python benchmarks/ct_speed.py [--rounds 5] [--threads 2] [--plain 1]

The scan is a drawn chest with noise and six balls, as a DICOM series and as NIfTI. The plain way is MONAI's
`sliding_window_inference` over the whole volume on the same grid in float32, run whole `--plain` times at its default
overlap of .25 and once at the .5 of nnU-Net; candidates, judge and masks after it are the same. Each prediction runs in
a process of its own, so that its peak memory is its own. Processor seconds stand beside wall seconds: others may use
the machine as well.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import results

SHAPE, SPACING = (512, 512, 300), (0.7, 0.7, 1.0)
BALLS = ((6, 30.0), (8, -300.0), (10, 40.0), (12, -600.0), (15, 60.0), (20, 20.0))  # mm, HU
SMOOTH, NOISE = (0.7, 0.7, 0.4), 60.0  # voxels, HU before smoothing
STAGES = (
    "read", "gate", "canonical axes", "lungs", "regrid", "windows", "candidates", "judge", "masks", "report", "save",
    "rest",
)  # fmt: skip
GOALS = ((20.0, "with AMX"), (90.0, "without AMX"))


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--rounds", type=int, default=5)
    asked.add_argument("--threads", type=int, default=2)
    asked.add_argument("--plain", type=int, default=1)
    asked.add_argument("--one", type=Path, help="time one prediction of this scan and print JSON")
    given = asked.parse_args()
    if given.one is not None:
        print(json.dumps(timed(given.one, threads=given.threads)))
        return
    with tempfile.TemporaryDirectory() as place:
        dicom, nifti = written(Path(place))
        rounds = [
            {kind: apart(path, given.threads) for kind, path in (("DICOM", dicom), ("NIfTI", nifti))}
            for _ in range(given.rounds)
        ]
        sides = beside(nifti, threads=given.threads, plain=given.plain) if given.plain else {}
    text = told(rounds, sides, threads=given.threads)
    print(text)
    command = f"python benchmarks/ct_speed.py --rounds {given.rounds} --threads {given.threads} --plain {given.plain}"
    results.write("CT speed", command=command, text=text, packages=("torch", "monai", "scipy", "pydicom"))


def drawn() -> Any:
    """The scan as a Volume, axes RAS."""
    from scipy import ndimage

    from colonnade.core.random import numpy_generator
    from colonnade.core.types import Volume
    from colonnade.verticals.medical.simulation.phantom import draw_chest

    chest = draw_chest(4000, extent=(340.0, 250.0, 300.0))
    generator = numpy_generator(0, "ct speed")
    ratio = np.array(SPACING) / np.array(chest.spacing)
    shift = (np.array(chest.voxels.shape) - 1) / 2 - ratio * (np.array(SHAPE) - 1) / 2
    voxels = ndimage.affine_transform(chest.voxels, ratio, shift, SHAPE, order=1, cval=-1000.0)
    ends = [int(np.ceil(-shift[2] / ratio[2])), int((chest.voxels.shape[2] - 1 - shift[2]) / ratio[2])]
    voxels[:, :, : ends[0]] = voxels[:, :, ends[0], None]  # no air above the neck, nor below the belly
    voxels[:, :, ends[1] + 1 :] = voxels[:, :, ends[1], None]
    smooth = ndimage.uniform_filter(voxels[::4, ::4, ::4], 3)
    inner = ndimage.binary_erosion((smooth < -760) & (smooth > -920), iterations=3)
    places = np.argwhere(inner) * 4
    for diameter, value in BALLS:
        centre = places[int(generator.integers(len(places)))]
        _put_ball(voxels, centre, diameter / 2, value)
    noise = ndimage.gaussian_filter(generator.standard_normal(SHAPE, dtype=np.float32), SMOOTH)
    voxels = np.round(np.clip(voxels + NOISE * noise, -1024, 3071)).astype(np.float32)
    affine = np.diag([*SPACING, 1.0])
    affine[:3, 3] = -np.array(SHAPE) * SPACING / 2
    return Volume(voxels=voxels, affine=affine)


def _put_ball(voxels: Any, centre: Any, radius: float, value: float) -> None:
    reach = np.ceil(radius / np.array(SPACING)).astype(int) + 1
    box = tuple(slice(max(c - r, 0), c + r + 1) for c, r in zip(centre, reach, strict=True))
    grid = np.meshgrid(*(np.arange(s.start, s.start + n) for s, n in zip(box, voxels[box].shape, strict=True)),
                       indexing="ij")  # fmt: skip
    away = np.sqrt(sum(((g - c) * s) ** 2 for g, c, s in zip(grid, centre, SPACING, strict=True)))
    share = np.clip((radius - away) / SPACING[0] + 0.5, 0, 1)
    voxels[box] += share * (value - voxels[box])


def written(folder: Path) -> tuple[Path, Path]:
    """The scan as a DICOM series and as NIfTI."""
    import nibabel

    volume = drawn()
    nifti = folder / "ct.nii.gz"
    nibabel.save(nibabel.Nifti1Image(volume.voxels.astype(np.int16), volume.affine), nifti)
    dicom = folder / "dicom"
    dicom.mkdir()
    for k in range(SHAPE[2]):
        _slice(volume, k).save_as(dicom / f"{k:04d}.dcm", enforce_file_format=True)
    return dicom, nifti


def _slice(volume: Any, k: int) -> Any:
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.TransferSyntaxUID = CTImageStorage, ExplicitVRLittleEndian
    meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=[f"ct speed {k}"])
    data = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
    data.SOPClassUID, data.SOPInstanceUID = CTImageStorage, meta.MediaStorageSOPInstanceUID
    data.Modality, data.ImageType = "CT", ["ORIGINAL", "PRIMARY", "AXIAL"]
    data.SeriesInstanceUID, data.InstanceNumber = generate_uid(entropy_srcs=["ct speed"]), k + 1
    # Rows run to the patient's left and back, as scanners write them: RAS mirrored twice.
    first = np.array([*(SHAPE[:2] - np.ones(2)), k])
    place = volume.affine[:3, :3] @ first + volume.affine[:3, 3]
    data.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    data.ImagePositionPatient = [float(-place[0]), float(-place[1]), float(place[2])]
    data.PixelSpacing, data.SliceThickness = [SPACING[1], SPACING[0]], SPACING[2]
    data.Rows, data.Columns = SHAPE[1], SHAPE[0]
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 16, 16, 15, 0
    data.RescaleSlope, data.RescaleIntercept = 1, -1024
    data.PixelData = np.ascontiguousarray(volume.voxels[::-1, ::-1, k].T + 1024).astype(np.uint16).tobytes()
    return data


class Watch:
    """Seconds by stage, wall and processor; a stage inside another is taken from the outer one."""

    def __init__(self) -> None:
        self.seconds: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
        self._inner: list[list[float]] = []

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        started = time.perf_counter(), time.process_time()
        self._inner.append([0.0, 0.0])
        try:
            yield
        finally:
            took = [time.perf_counter() - started[0], time.process_time() - started[1]]
            inner = self._inner.pop()
            for side in (0, 1):
                self.seconds[name][side] += took[side] - inner[side]
                if self._inner:
                    self._inner[-1][side] += took[side]

    def around(self, owner: Any, name: str, stage: str) -> None:
        """Time every call of a function that `owner` looks up by name."""
        inner: Callable[..., Any] = getattr(owner, name)

        def watched(*given: Any, **named: Any) -> Any:
            with self.stage(stage):
                return inner(*given, **named)

        setattr(owner, name, watched)


def timed(path: Path, *, threads: int) -> dict[str, Any]:
    """One prediction and its saving in this process: seconds by stage, peak memory, findings."""
    import resource

    import torch

    from colonnade.verticals.medical import pipeline
    from colonnade.verticals.medical.detection import detect
    from colonnade.verticals.medical.studies import read as studies

    torch.set_num_threads(threads)
    nodules = pipeline.NodulePipeline.from_pretrained()
    before, watch = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, Watch()
    for owner, name, stage in (
        (pipeline, "read_study", "read"), (studies, "admit", "gate"), (pipeline, "canonical", "canonical axes"),
        (detect, "find_lungs", "lungs"), (detect, "regrid", "regrid"), (detect, "slide", "windows"),
        (pipeline, "candidates_of", "candidates"), (nodules, "judged", "judge"), (pipeline, "findings_of", "masks"),
        (nodules, "concluded", "report"),
    ):  # fmt: skip
        watch.around(owner, name, stage)
    with tempfile.TemporaryDirectory() as place, watch.stage("rest"):
        result = nodules.predict(ct=path)
        with watch.stage("save"):
            result.save(Path(place) / "out")
    return {
        "seconds": dict(watch.seconds),
        "before_mb": before / 1024,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "findings": [[*each.center_mm, each.diameter_mm] for each in result.findings],
    }


def apart(path: Path, threads: int) -> dict[str, Any]:
    """The same in a process of its own."""
    command = [sys.executable, __file__, "--one", str(path), "--threads", str(threads)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"a prediction ended with exit code {done.returncode}:\n{done.stderr}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def beside(path: Path, *, threads: int, plain: int) -> dict[str, Any]:
    """Ours and the plain sliding window, taking turns, from the canonical scan to findings."""
    import torch

    from colonnade.verticals.medical.detection.detect import look
    from colonnade.verticals.medical.pipeline import NodulePipeline
    from colonnade.verticals.medical.studies.geometry import canonical
    from colonnade.verticals.medical.studies.read import read_study

    torch.set_num_threads(threads)
    pipeline = NodulePipeline.from_pretrained()
    volume = canonical(read_study(path).volume)
    look(pipeline.detector, volume)  # warm
    sides: dict[str, Any] = {"ratios": defaultdict(list), "plain": {}, "ours": []}
    for number in range(plain):
        for overlap in (0.25, 0.5) if number == 0 else (0.25,):
            ours = _taken(lambda: look(pipeline.detector, volume))
            theirs = _taken(lambda overlap=overlap: _plain(pipeline, volume, overlap))
            mine = _found(pipeline, ours[0], volume)
            other = _found(pipeline, theirs[0], volume)
            sides["ratios"][overlap].append([theirs[side] / ours[side] for side in (1, 2)])
            sides["ours"].append(ours[1:])
            sides["plain"][overlap] = {"seconds": theirs[1:], "findings": len(other), "agree": agreement(mine, other)}
            sides["findings"] = len(mine)
    return sides


def _taken(work: Callable[[], Any]) -> tuple[Any, float, float]:
    started = time.perf_counter(), time.process_time()
    made = work()
    return made, time.perf_counter() - started[0], time.process_time() - started[1]


def _plain(pipeline: Any, volume: Any, overlap: float) -> Any:
    """What a user of MONAI writes: resample, slide over everything, sigmoid; the lungs only choose among marks."""
    import torch
    from monai.inferers import sliding_window_inference

    from colonnade.verticals.medical.detection.detect import WINDOW_SIZE, Seen, region_on
    from colonnade.verticals.medical.detection.detector import STEP, exportable, windowed
    from colonnade.verticals.medical.detection.lungs import find_lungs
    from colonnade.verticals.medical.studies.geometry import regrid

    detector = exportable(pipeline.detector).eval()  # weights as torch lays them out by itself
    grid = regrid(volume, STEP, low=np.zeros(3, int), high=np.array(volume.voxels.shape))
    x = windowed(torch.from_numpy(grid.values)[None, None])
    with torch.no_grad():
        logits = sliding_window_inference(x, (WINDOW_SIZE,) * 3, 1, detector, overlap=overlap)
    lungs = find_lungs(volume)
    assert lungs is not None, "the drawn chest has lungs"
    heat = torch.sigmoid(logits)[0, 0].numpy() * region_on(lungs, grid)
    return Seen(grid=grid, heat=heat.astype(np.float32), lungs=lungs)


def _found(pipeline: Any, seen: Any, volume: Any) -> Any:
    """Findings as centres in mm and diameters, from one heat map."""
    from colonnade.verticals.medical.detection.detect import candidates_of
    from colonnade.verticals.medical.detection.findings import findings_of
    from colonnade.verticals.medical.studies.geometry import Scan

    judged = pipeline.judged(candidates_of(seen), None)
    kept = [each for each in judged if each.score >= pipeline.operating.threshold]
    found, _ = findings_of(seen, kept, scan=Scan(volume=volume), canonical=volume, operating=pipeline.operating)
    return np.array([[*each.center_mm, each.diameter_mm] for each in found]).reshape(-1, 4)


def agreement(one: Any, other: Any) -> dict[str, float]:
    """How many findings have a counterpart within 3 mm, and how far centres and diameters differ there (median, mm)."""
    if not len(one) or not len(other):
        return {"shared": 0, "centre": float("nan"), "diameter": float("nan")}
    away = np.linalg.norm(one[:, None, :3] - other[None, :, :3], axis=-1)
    rows = np.flatnonzero(away.min(axis=1) < 3)
    pairs = away.argmin(axis=1)[rows]
    return {
        "shared": len(rows),
        "centre": float(np.median(away[rows, pairs])) if len(rows) else float("nan"),
        "diameter": float(np.median(np.abs(one[rows, 3] - other[pairs, 3]))) if len(rows) else float("nan"),
    }


def told(rounds: list[dict[str, Any]], sides: dict[str, Any], *, threads: int) -> str:
    """The section's text."""
    kinds = tuple(rounds[0])
    rows = []
    for stage in STAGES:
        rows.append([stage, *(_stage(rounds, kind, (stage,)) for kind in kinds)])
    rows.append(["**all**", *(_stage(rounds, kind, STAGES) for kind in kinds)])
    peak = max(each[kind]["peak_mb"] for each in rounds for kind in kinds)
    before = statistics.median(each[kind]["before_mb"] for each in rounds for kind in kinds)
    total = statistics.median(_sum(each["DICOM"], 1, STAGES) for each in rounds)
    first = rounds[0]
    same = agreement(np.array(first["DICOM"]["findings"]), np.array(first["NIfTI"]["findings"]))
    lines = [
        f"512 x 512 x 300 voxels of 0.7 x 0.7 x 1 mm, {threads} threads, median of {len(rounds)} rounds; the two kinds "
        "of file take turns, each prediction in a process of its own with the weights already loaded. Wall seconds, "
        "and processor seconds in brackets.",
        results.table(["stage", *kinds], rows),
        f"Peak memory {peak / 1024:.2f} GB, of which {before / 1024:.2f} GB are Python, torch and the weights (goal: 4 "
        f"GB). Processor time of a DICOM folder {total:.1f} s; goals: "
        + ", ".join(f"at most {goal:.0f} s {what}" for goal, what in GOALS)
        + f". This processor {'has' if _amx() else 'has no'} AMX. DICOM and NIfTI share {same['shared']} of "
        f"{len(first['DICOM']['findings'])} findings, centres {same['centre']:.3f} mm apart in the median.",
        _compared(sides),
    ]
    return "\n\n".join(lines) + _busy(threads)


def _compared(sides: dict[str, Any]) -> str:
    if not sides:
        return "The plain sliding window was not run (--plain 0)."
    ours = [statistics.median(each[side] for each in sides["ours"]) for side in (0, 1)]
    rows = [["ours", f"{ours[0]:.1f} ({ours[1]:.1f})", "", "", str(sides["findings"]), "", ""]]
    for overlap, plain in sides["plain"].items():
        times = [statistics.median(each[side] for each in sides["ratios"][overlap]) for side in (0, 1)]
        agree = plain["agree"]
        rows.append([
            f"plain, overlap {overlap:g}", f"{plain['seconds'][0]:.1f} ({plain['seconds'][1]:.1f})",
            f"{times[0]:.1f}", f"{times[1]:.1f}",
            str(plain["findings"]), str(agree["shared"]), f"{agree['centre']:.2f}, {agree['diameter']:.2f}",
        ])  # fmt: skip
    head = ["lungs, grid and windows", "seconds", "times, wall", "times, processor", "findings", "shared with ours",
            "centre, diameter differ by mm"]  # fmt: skip
    return (
        "The same network with MONAI's `sliding_window_inference` over the whole volume on the same grid (float32, "
        "windows of 64, one at a time), run whole; goal: ours 20 times quicker.\n\n" + results.table(head, rows)
    )


def _stage(rounds: list[dict[str, Any]], kind: str, stages: tuple[str, ...]) -> str:
    wall, processor = (statistics.median(_sum(each[kind], side, stages) for each in rounds) for side in (0, 1))
    return f"{wall:.2f} ({processor:.2f})"


def _sum(one: dict[str, Any], side: int, stages: tuple[str, ...]) -> float:
    return float(sum(one["seconds"].get(stage, (0.0, 0.0))[side] for stage in stages))


def _amx() -> bool:
    info = Path("/proc/cpuinfo")
    return info.exists() and "amx_bf16" in info.read_text()


def _busy(threads: int) -> str:
    load, cores = os.getloadavg()[0], os.cpu_count() or 1
    if load <= threads + 0.5:
        return ""
    return (
        f"\n\nThe machine was busy (load {load:.0f} on {cores} cores): wall seconds are those of a shared machine, "
        "processor seconds and their ratios are nearer to a quiet one's."
    )


if __name__ == "__main__":
    main()
