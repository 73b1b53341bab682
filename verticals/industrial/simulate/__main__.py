"""Generates a data set of units with scan, image and sound, good and defective, with their truth.

python -m colonnade.verticals.industrial.simulate OUT --part flange --good 40 --bad 40 --seed 3
python -m colonnade.verticals.industrial.simulate OUT --cad my_part.stl --scanner blue-light
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ....core.errors import ColonnadeError, InputError
from .defects import KINDS, SEVERITIES
from .parts import PARTS, part, part_of_mesh
from .sensors import SCANNERS, rig
from .units import Batch
from .write import write


def main(arguments: list[str] | None = None) -> int:
    """Exit code 2 and one sentence where the input is wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--part", default="flange", help=", ".join(PARTS))
    parser.add_argument("--cad", type=Path, help="a mesh of your own, in mm, in place of --part")
    parser.add_argument("--good", type=int, default=40)
    parser.add_argument("--bad", type=int, default=40)
    parser.add_argument("--kinds", nargs="*", default=[], choices=KINDS)
    parser.add_argument("--severity", nargs="*", type=float, default=list(SEVERITIES), help="multiples of the noise")
    parser.add_argument("--scanner", default="laser-line", help=", ".join(SCANNERS))
    parser.add_argument("--spacing", type=float, default=0.7, help="mm between points")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args(arguments)
    try:
        if asked.good < 0 or asked.bad < 0 or not asked.severity or asked.spacing <= 0:
            raise InputError("numbers of units are not negative, the spacing is above 0 mm, and there is a severity")
        chosen = part_of_mesh(asked.cad) if asked.cad is not None else part(asked.part)
        batch = Batch(good=asked.good, bad=asked.bad, kinds=tuple(asked.kinds), severity=tuple(asked.severity))
        made = rig(chosen, spacing=asked.spacing, scanner=asked.scanner)
        count = write(made, batch, asked.out, seed=asked.seed)
    except ColonnadeError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stderr.write(f"{count} units of {chosen.name} in {asked.out}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
