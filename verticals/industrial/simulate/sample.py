"""Writes the sample of the repository: the nut that pyvista ships (MIT), and one generated unit of it with a chip.

pip download --no-deps pyvista && unzip -j pyvista-*.whl pyvista/examples/nut.ply
python -m colonnade.verticals.industrial.simulate.sample nut.ply samples/industrial
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

from ....core.random import numpy_generator
from ....core.types import Array
from .defects import Flaw
from .machine import RATE, run
from .parts import part_of_mesh
from .sensors import body, photograph, rig, scan

CHIP = (0.55, 0.2, 0.9)  # the way that the chipped corner faces


def write(mesh: Path, folder: Path, *, seed: int = 7) -> None:
    """Files nominal.stl, scan.ply, image.png and sound.wav."""
    import soundfile
    import trimesh
    from PIL import Image

    folder.mkdir(parents=True, exist_ok=True)
    loaded: Any = trimesh.load(mesh)
    vertices = np.asarray(loaded.vertices) - np.asarray(loaded.bounds).mean(axis=0)
    upright = np.stack([vertices[:, 0], -vertices[:, 2], vertices[:, 1]], axis=1)  # its axis is y: turn it to z
    trimesh.Trimesh(upright, loaded.faces, process=False).export(folder / "nominal.stl")
    made = rig(part_of_mesh(folder / "nominal.stl"))
    generator = numpy_generator(seed, "sample")
    flaw = chip(made.part.nominal.samples)
    points = scan(made, flaw, body(made.part.nominal.size, generator), generator)
    pixels, _ = photograph(made, flaw, generator)
    trimesh.PointCloud(points.astype(np.float32)).export(folder / "scan.ply")
    Image.fromarray(pixels).save(folder / "image.png")
    soundfile.write(folder / "sound.wav", run("imbalance", 0.4, generator), RATE, subtype="PCM_16")


def chip(points: Array, depth: float = 1.6) -> Flaw:
    """A corner knocked off: all that lies beyond a slanted plane, `depth` mm below the outermost point."""
    way = np.array(CHIP) / np.linalg.norm(CHIP)
    centre = points[int((points @ way).argmax())]
    along = np.array([0.0, 0.0, 1.0])
    return Flaw(kind="missing", severity=0.7, centre=centre, normal=way, along=along, radius=3.0, depth=depth)


if __name__ == "__main__":
    write(Path(sys.argv[1]), Path(sys.argv[2]))
