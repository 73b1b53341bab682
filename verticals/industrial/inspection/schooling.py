"""What the point expert is taught on: scans of generated parts with defects, truth cell by cell.

Every scan is rendered, laid on its nominal part, measured and compared with good scans of its part as a unit at the
line would be. It knows no network and no files.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ....core.progress import track
from ....core.random import numpy_generator
from ....core.types import Array
from ..points.cells import CELLS, Cells, cells
from ..points.deviation import Deviation, measure
from ..points.expert import KINDS
from ..points.registration import refined
from ..points.teaching import Shot
from ..records import Nominal
from ..simulate.defects import AT_HOLES
from ..simulate.parts import PARTS, Part, part
from ..simulate.sensors import Rig, Scanned, body, rig, scan
from ..simulate.units import flaw_on
from .places import Ground, Places, fit_places, ground, surface_maps

USUAL = 10  # good scans of a part that say what is usual at each place
GOOD, BAD = 6, 30  # scans of each part that teach
WEAKEST, STRONGEST = 2.5, 25.0  # severities
MARKED = 1.0  # times the scanner's noise: material that is so far out of place is defective
KEPT = 8_000  # places


def school(own: Rig, *, seed: int) -> list[Shot]:
    """Scans of the generated parts, and twice as many of the part that is to be inspected."""
    return [*generated(seed=seed), *of_part(own, good=2 * GOOD, bad=2 * BAD, seed=seed)]


def generated(names: Sequence[str] = tuple(PARTS), *, seed: int) -> list[Shot]:
    """Scans of each of the generated parts."""
    found: list[Shot] = []
    for name in track(list(names), "scanning generated parts"):
        made = part(name)
        spacing = float(np.sqrt(made.nominal.area / CELLS))
        found += of_part(rig(made, spacing=spacing), good=GOOD, bad=BAD, seed=seed)
    return found


def of_part(made: Rig, *, good: int, bad: int, seed: int) -> list[Shot]:
    """Scans of one part, the good ones first; its usual scans are others."""
    nominal, name = made.part.nominal, made.part.name
    around = ground(places_of(nominal))
    usual = []
    for number in range(USUAL):
        generator = numpy_generator(seed, f"usual scan {number} of {name}")
        usual.append(surface_maps(_measured(scan(made, None, body(made.part, generator), generator), nominal), around))
    places = fit_places(usual)
    assert places is not None
    kinds = kinds_on(made.part)
    found = []
    for number in range(good + bad):
        generator = numpy_generator(seed, f"taught scan {number} of {name}")
        kind = None if number < good else kinds[number % len(kinds)]
        found.append(_shot(made, kind, around, places, generator))
    return found


def kinds_on(made: Part) -> tuple[str, ...]:
    """The kinds of KINDS that the part can have."""
    holes = made.solid is not None and bool(made.solid.holes)
    return tuple(kind for kind in KINDS if holes or kind not in AT_HOLES)


def places_of(nominal: Nominal) -> Array:
    """Samples of the nominal part, about KEPT of them."""
    step = max(1, len(nominal.samples) // KEPT)
    return nominal.samples[::step].astype(np.float64)


def usual_at(deviation: Deviation, around: Ground, places: Places) -> tuple[Array, Array]:
    """The place of each scanned point, and how far the scan lies from good ones at each place."""
    place = np.asarray(around.tree.query(deviation.points)[1])
    return place, places.away(surface_maps(deviation, around, place))


def _shot(made: Rig, kind: str | None, around: Ground, places: Places, generator: np.random.Generator) -> Shot:
    severity = float(np.exp(generator.uniform(np.log(WEAKEST), np.log(STRONGEST))))
    shaped = body(made.part, generator)
    flaw = None if kind is None else flaw_on(made, kind, severity, generator)
    scanned = scan(made, flaw, shaped, generator)
    deviation = _measured(scanned, made.part.nominal)
    found = cells(deviation, made.part.nominal, usual_at(deviation, around, places))
    return shot(found, np.abs(scanned.deviation) > MARKED * made.scanner.sigma, kind)


def shot(found: Cells, marked: Array, kind: str | None) -> Shot:
    """Cells with the kind of defect that any of their points `marked [point]` has."""
    number = 0 if kind is None else 1 + KINDS.index(kind)
    return Shot(cells=found.values, labels=found.worst(np.where(marked, number, 0)), kind=number)


def _measured(scanned: Scanned, nominal: Nominal) -> Deviation:
    undo = np.linalg.inv(scanned.pose)
    return measure(refined(scanned.points @ undo[:3, :3].T + undo[:3, 3], nominal), nominal)
