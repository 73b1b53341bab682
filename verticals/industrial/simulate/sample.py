"""Writes the sample of the repository: the nut that pyvista ships (MIT), and one generated unit of it with a chip.

pip download --no-deps pyvista && unzip -j pyvista-*.whl pyvista/examples/nut.ply
python -m colonnade.verticals.industrial.simulate.sample samples/industrial nut.ply
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

from ....core.random import numpy_generator
from ....core.types import Array
from .camera import photograph
from .defects import Flaw
from .machine import RATE, run
from .parts import part_of_mesh
from .sensors import body, rig, scan

CHIP = (0.55, 0.2, 0.9)  # the way that the chipped corner faces


def write(folder: Path, mesh: Path | None = None, *, seed: int = 7) -> None:
    """Files scan.ply, image.png and sound.wav of a unit of nominal.stl; it is made of the mesh where one is given."""
    import soundfile
    import trimesh
    from PIL import Image

    folder.mkdir(parents=True, exist_ok=True)
    if mesh is not None:
        nominal(mesh, folder / "nominal.stl")
    made = rig(part_of_mesh(folder / "nominal.stl"))
    generator = numpy_generator(seed, "sample")
    flaw = chip(made.part.nominal.samples)
    shaped = body(made.part, generator)
    points = scan(made, flaw, shaped, generator).points
    pixels, _ = photograph(made.camera, flaw, shaped.field(made.part, made.camera.view), generator)
    trimesh.PointCloud(points.astype(np.float32)).export(folder / "scan.ply")
    Image.fromarray(pixels).save(folder / "image.png")
    soundfile.write(folder / "sound.wav", run("imbalance", 0.4, generator), RATE, subtype="PCM_16")


def nominal(mesh: Path, file: Path) -> None:
    """The nut with its axis upright and its box about the origin."""
    import trimesh

    loaded: Any = trimesh.load(mesh)
    vertices = np.asarray(loaded.vertices) - np.asarray(loaded.bounds).mean(axis=0)
    upright = np.stack([vertices[:, 0], -vertices[:, 2], vertices[:, 1]], axis=1)  # its axis is y: turn it to z
    trimesh.Trimesh(upright, loaded.faces, process=False).export(file)


def chip(points: Array, depth: float = 1.6) -> Flaw:
    """A corner knocked off: all that lies beyond a slanted plane, `depth` mm below the outermost point."""
    way = np.array(CHIP) / np.linalg.norm(CHIP)
    centre = points[int((points @ way).argmax())]
    along = np.array([0.0, 0.0, 1.0])
    return Flaw(kind="missing", severity=12.0, centre=centre, normal=way, along=along, radius=3.0, depth=depth)


if __name__ == "__main__":
    write(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else None)
