"""Labelled data as the field lays it out: C-MAPSS folders, fleets as CSV or Parquet, recordings by fault or by name.

    folder/train_FD001.txt, test_FD001.txt, RUL_FD001.txt     C-MAPSS: fit takes the first, evaluate the others
    folder/*.csv or a table                                   run to failure, unless a column `remaining` says how far
    folder/{normal,ball,inner race,outer race}/*.wav          recordings by fault, their speed in the name or speeds.csv
    folder/<rpm>_<B|IR|OR...|Normal>_<mils>_....wav           the names of the Case Western Reserve University data

A machine.json beside the recordings gives their bearing's geometry (else a 6205's). A folder that holds such folders
holds all that they hold. It knows nothing of models.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from ....core.errors import FileError, FormatError, InputError, UnknownName
from .machines import SPEEDS, read_machine
from .records import FAULTS, Bearing, History
from .sources import read_fleet
from .vibrations import speed_in

LAYOUTS = ("cmapss", "fleet", "recordings")
CODES = {"normal": "normal", "b": "ball", "ir": "inner race", "or": "outer race"}
_CWRU = re.compile(r"^(\d{3,5})_(normal|b|ir|or)(?:-at-\d+)?(?:_(\d+))?(?:_.*)?$", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Recording:
    """A labelled recording; `group` names what must not be split apart (a bearing: fault diameter in mils)."""

    path: Path
    fault: str
    rpm: float
    group: str
    bearing: Bearing = field(default_factory=Bearing)


@dataclass(frozen=True, kw_only=True)
class Labelled:
    """What a folder holds: machines that ran to failure, machines cut off with a known life, labelled recordings."""

    failed: Sequence[History] = ()
    cut: Sequence[History] = ()
    recordings: Sequence[Recording] = ()
    layouts: tuple[str, ...] = field(default=())


def read_labelled(data: Path, layout: str | None = None) -> Labelled:
    """Everything labelled under a path.

    Raises:
        InputError: nothing is, or not in that layout.
    """
    if layout is not None and layout not in LAYOUTS:
        raise UnknownName("layout of industrial/maintenance", layout, LAYOUTS)
    folders = [data, *sorted(each for each in data.iterdir() if each.is_dir())] if data.is_dir() else []
    failed: list[History] = []
    cut: list[History] = []
    recordings: list[Recording] = []
    seen: list[str] = []
    for place in folders or [data]:
        if layout in (None, "cmapss"):
            trained, tested = _cmapss(place)
            failed, cut = failed + trained, cut + tested
            seen += ["cmapss"] * bool(trained or tested)
        if layout in (None, "fleet"):
            ended, open_ended = _fleet(place)
            failed, cut = failed + ended, cut + open_ended
            seen += ["fleet"] * bool(ended or open_ended)
        if layout in (None, "recordings") and place.is_dir():
            recordings += _recordings(place)
    if recordings:
        seen.append("recordings")
    if not (failed or cut or recordings):
        raise InputError(
            f"{data} holds no labelled data: looked for C-MAPSS files (train_FD001.txt), tables (.csv, .parquet) "
            "with one "
            "row a cycle, and recordings in folders named normal, ball, inner race, outer race or named like "
            "1797_IR_7.wav"
        )
    return Labelled(failed=failed, cut=cut, recordings=recordings, layouts=tuple(dict.fromkeys(seen)))


def _cmapss(place: Path) -> tuple[list[History], list[History]]:
    failed: list[History] = []
    cut: list[History] = []
    files = sorted(place.glob("*_FD*.txt")) if place.is_dir() else [place]
    several = len([each for each in files if each.name.startswith("train_")]) > 1
    for path in files:
        kind, _, subset = path.stem.partition("_")
        if kind == "train":
            failed += [_named(replace(each, truth=0.0), subset, several) for each in read_fleet(path)]
        elif kind == "test":
            truth = path.with_name(f"RUL_{subset}.txt")
            if truth.is_file():
                cut += [_named(each, subset, several) for each in _with_truth(read_fleet(path), truth)]
    return failed, cut


def _named(history: History, subset: str, several: bool) -> History:
    return replace(history, machine=f"{subset}/{history.machine}") if several else history


def _with_truth(fleet: list[History], place: Path) -> list[History]:
    try:
        lives = [float(line) for line in place.read_text(encoding="ascii").split()]
    except (OSError, ValueError) as error:
        raise FormatError(f"{place} must hold one number a machine: {error}") from error
    if len(lives) != len(fleet):
        raise FormatError(f"{place} holds {len(lives)} remaining lives for {len(fleet)} machines")
    return [replace(history, truth=life) for history, life in zip(fleet, lives, strict=True)]


def _fleet(place: Path) -> tuple[list[History], list[History]]:
    tables = [each for pattern in ("*.csv", "*.parquet") for each in sorted(place.glob(pattern))]
    if not place.is_dir():
        tables = [place] if place.suffix.lower() in (".csv", ".parquet") else []
    failed: list[History] = []
    cut: list[History] = []
    for table in tables:
        if table.name == "speeds.csv":
            continue
        for history in read_fleet(table):
            ended = history.truth is None or history.truth == 0
            (failed if ended else cut).append(replace(history, truth=0.0) if ended else history)
    return failed, cut


def _recordings(place: Path) -> list[Recording]:
    by_folder = place.name.lower().replace("_", " ")
    speeds = _speeds(place / "speeds.csv") | _speeds(place.parent / "speeds.csv")
    described = next((each for each in (place / "machine.json", place.parent / "machine.json") if each.is_file()), None)
    bearing = read_machine(described).bearing if described is not None else Bearing()
    found = []
    for path in _sounds(place):
        named = _CWRU.match(path.stem)
        if by_folder in FAULTS:
            rpm = speeds.get(path.name, speed_in(path))
            if rpm is None:
                raise InputError(
                    f"{path}: no shaft speed; put it into the name (1797_...) or into speeds.csv (columns file, rpm)"
                )
            group = f"{by_folder} {named.group(3)}" if named and named.group(3) else path.stem
            found.append(Recording(path=path, fault=by_folder, rpm=rpm, group=group, bearing=bearing))
        elif named:
            fault = CODES[named.group(2).lower()]
            mils = named.group(3) or "0"
            found.append(Recording(path=path, fault=fault, rpm=float(named.group(1)), group=mils, bearing=bearing))
    return found


def _sounds(place: Path) -> Iterator[Path]:
    for pattern in ("*.wav", "*.flac"):
        yield from sorted(place.glob(pattern))


def _speeds(path: Path) -> dict[str, float]:
    if not path.is_file():
        return {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            found = {row["file"]: float(row["rpm"]) for row in csv.DictReader(stream)}
    except (OSError, KeyError, TypeError, ValueError, csv.Error) as error:
        raise FileError(f"{path} must have the columns file and rpm, with a number a row: {error}") from error
    wrong = [name for name, rpm in found.items() if not (np.isfinite(rpm) and SPEEDS[0] <= rpm <= SPEEDS[1])]
    if wrong:
        raise FormatError(f"{path}: {wrong[0]} turns at {found[wrong[0]]:g} a minute, outside {SPEEDS}")
    return found
