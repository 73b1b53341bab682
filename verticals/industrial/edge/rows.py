"""Units as the edge network meets them, with what its teacher says of each: arrays, ready to be dealt and mixed.

It knows nothing of networks: a teacher is an inspector that has learned image and sound.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ....core.errors import InputError
from ....core.progress import track
from ....core.random import numpy_generator
from ....core.types import Array
from ..inspection.experts import Seen
from ..inspection.model import Inspector
from ..records import Photo, Sound
from ..simulate.planted import kinds_for, plant
from ..simulate.sensors import Rig
from ..simulate.units import Batch, glimpse
from ..simulate.units import kinds_for as kinds_of
from ..sound.sounds import trouble
from .ear import heard
from .eye import placed, seen

SENSES = ("image", "sound")
BATCH = 64  # units whose teacher's answer is asked at once
CHANGED = 0.03  # grey by which a planted defect must change a pixel to count


class Shown(NamedTuple):
    """One unit before anyone has looked: both senses, where its defect is, and which sense could tell."""

    photo: Photo
    sound: Sound
    mask: Array
    visible: tuple[bool, bool]
    kind: str


@dataclass(frozen=True, kw_only=True, eq=False)
class Rows:
    """Units by row. `teacher` holds log-odds of a defect by (both senses, image, sound); `sight` and `hearing` are the
    numbers that it judged by."""

    picture: Array  # [row, side, side] uint8
    sound: Array  # [row, feature]
    place: Array  # [row, cell, cell] bool
    visible: Array  # [row, sense] bool
    teacher: Array  # [row, 3]
    sight: Array  # [row, number]
    hearing: Array  # [row, number]
    kind: Array  # [row] str

    def __len__(self) -> int:
        return len(self.sound)

    @property
    def bad(self) -> Array:
        """Whether either sense could tell a defect."""
        return np.asarray(self.visible.any(axis=1))

    def take(self, index: Array) -> Rows:
        return Rows(**{each.name: getattr(self, each.name)[index] for each in fields(self)})

    def save(self, path: Path) -> None:
        np.savez(path, **{each.name: getattr(self, each.name) for each in fields(self)})

    @staticmethod
    def load(path: Path) -> Rows:
        with np.load(path, allow_pickle=False) as found:
            return Rows(**{each.name: found[each.name] for each in fields(Rows)})

    @staticmethod
    def joined(parts: Sequence[Rows]) -> Rows:
        return Rows(**{each.name: np.concatenate([getattr(p, each.name) for p in parts]) for each in fields(Rows)})


def generated(rig: Rig, *, good: int, bad: int, seed: int, purpose: str) -> Iterable[Shown]:
    """Units of a part by the generator: good ones first, then defects that camera or microphone can tell, in turn."""
    from ..camera.images import read_image
    from ..sound.sounds import read_sound

    batch, made = Batch(), 0
    kinds = kinds_of(rig, batch)
    for number in range(good + 2 * bad):
        if made == good + bad:
            return
        kind = None if number < good else kinds[(number - good) % len(kinds)]
        generator = numpy_generator(seed, f"{purpose} {number} of {rig.part.name}")
        unit = glimpse(rig, kind, batch, generator=generator, name=f"{number:05d}")
        visible = (unit.truth["visible"]["image"], unit.truth["visible"]["sound"])
        if kind is not None and not any(visible):
            continue
        made += 1
        photo, sound = read_image(unit.given["image"]), read_sound(unit.given["sound"])
        yield Shown(photo, sound, np.asarray(unit.truth["mask"], bool), visible, unit.defect)


def planted(good: Sequence[dict[str, Any]], *, versions: int, seed: int) -> Iterable[Shown]:
    """Good units of one's own (photo and sound), and as many times `versions` with a defect planted in one sense."""
    kinds = kinds_for(SENSES)
    for number, record in enumerate(good):
        photo, sound = record["image"], record["sound"]
        blank = np.zeros(photo.pixels.shape[:2], bool)
        yield Shown(photo, sound, blank, (False, False), "good")
        for version in range(versions):
            kind = kinds[(number * versions + version) % len(kinds)]
            bad = plant(record, kind, generator=numpy_generator(seed, f"planted {version} in {number}"))
            mask = np.abs(bad["image"].pixels - photo.pixels).max(axis=2) > CHANGED
            visible = (bool(mask.any()), bad["sound"] is not sound)
            if any(visible):
                yield Shown(bad["image"], bad["sound"], mask, visible, kind)


def observe(teacher: Inspector, units: Iterable[Shown], *, count: int) -> Rows:
    """What the network will meet of each unit, and what the teacher says; units that it refuses are left out.

    Raises:
        InputError: the teacher has not learned both senses, or could judge none of the units.
    """
    expert = teacher.experts.sounds
    if expert is None or teacher.experts.camera is None:
        raise InputError("the inspector has not learned both image and sound: fit it on units with both first")
    found: list[dict[str, Any]] = []
    waiting: list[dict[str, Seen]] = []
    answers: list[Array] = []
    for unit in track(units, "asking the teacher", total=count):
        observed = teacher.experts.look({"image": unit.photo, "sound": unit.sound})
        if trouble(unit.sound) or not all(observed[sense].usable for sense in SENSES):
            continue
        found.append(
            {
                "picture": seen(unit.photo),
                "sound": heard(unit.sound, expert.machine, expert.shaft),
                "place": placed(unit.mask),
                "visible": np.array(unit.visible),
                "sight": _numbers(teacher, observed, "image"),
                "hearing": _numbers(teacher, observed, "sound"),
                "kind": unit.kind,
            }
        )
        waiting.append({sense: _bare(each) for sense, each in observed.items()})
        if len(waiting) == BATCH:
            answers.append(asked(teacher, waiting))
            waiting = []
    if waiting:
        answers.append(asked(teacher, waiting))
    if not found:
        raise InputError("the inspector could judge none of the units: are photographs and recordings usable?")
    columns = {name: np.stack([each[name] for each in found]) for name in found[0] if name != "kind"}
    return Rows(**columns, kind=np.array([each["kind"] for each in found]), teacher=np.concatenate(answers))


def asked(teacher: Inspector, observed: Sequence[dict[str, Seen]]) -> Array:
    """`[row, 3]`: the teacher's log-odds by both senses, by the image alone, by the sound alone."""
    parts: tuple[Callable[[dict[str, Seen]], dict[str, Seen]], ...] = (
        lambda each: each,
        lambda each: {"image": each["image"]},
        lambda each: {"sound": each["sound"]},
    )
    return np.stack([teacher.scores([part(each) for each in observed]) for part in parts], axis=1).astype(np.float32)


def _numbers(teacher: Inspector, observed: dict[str, Seen], sense: str) -> Array:
    return np.array(list(teacher.scale.table(sense, observed[sense]).numbers.values()), np.float32)


def _bare(seen: Seen) -> Seen:
    return Seen(numbers=seen.numbers, score=seen.score)
