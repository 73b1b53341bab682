"""The edge inspector at work: a folder that was made for it, an engine, and no torch.

A photograph, a recording or both become a verdict with a promise on false rejects. A sense that cannot be judged (dark,
clipped, silent) makes the unit unmeasurable unless the other rejects it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import numpy as np

from ....core.engine import Engine, open_engine
from ....core.errors import CheckpointError, ColonnadeError, MissingModality
from ....core.types import Array
from ..camera.images import read_image
from ..camera.quality import Quality
from ..inspection.decision import Verdict
from ..records import Photo, Sound
from ..sound.lines import Machine
from ..sound.sounds import read_sound, trouble
from .ear import heard
from .eye import SIDE, seen

CARD = "edge.json"
PROGRAM = "onnx"


@dataclass(frozen=True, kw_only=True, eq=False)
class Glance:
    """The answer for one unit: `map` `[row, column]` are log-odds of a defect by place, None without a photograph."""

    verdict: Verdict
    probability: float
    score: float
    limit: float
    senses: Mapping[str, float]
    refused: Mapping[str, str]
    map: Array | None = None


@final
class EdgeInspector:
    """`card` is `edge.json`: calibration and limits by subset, the limits of photographs, and what was measured."""

    def __init__(self, engine: Engine, card: Mapping[str, Any]) -> None:
        self.engine, self.card = engine, card
        self._quality = Quality(**card["quality"])
        self._machine = Machine(**card["machine"])

    @classmethod
    def open(cls, folder: str | Path, engine: str = "auto", *, threads: int = 1) -> EdgeInspector:
        """The inspector that `colonnade shrink industrial/inspection` wrote.

        Raises:
            CheckpointError: the folder is not whole, or was made by another version.
            UnknownName: an engine that does not exist.
            MissingExtra: no engine that can run it is installed.
        """
        folder = Path(folder)
        try:
            card = json.loads((folder / CARD).read_text(encoding="utf-8"))
            return cls(open_engine(folder / PROGRAM, engine, threads=threads), card)
        except ColonnadeError:
            raise
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise CheckpointError(f"{folder} does not hold an edge inspector of this version: {error}") from error

    def inspect(self, *, image: Any = None, sound: Any = None) -> Glance:
        """Judge a unit by its photograph, its recording (paths or nouns) or both.

        Raises:
            MissingModality: neither was given.
            InputError: one cannot be read.
        """
        if image is None and sound is None:
            raise MissingModality("the edge inspector needs a photograph, a recording or both")
        photo, wave = _read(image, read_image), _read(sound, read_sound)
        refused = self._refused(photo, wave)
        photo = None if "image" in refused else photo
        wave = None if "sound" in refused else wave
        if photo is None and wave is None:
            nothing = float("nan")
            return Glance(
                verdict="unmeasurable", probability=nothing, score=nothing, limit=nothing, senses={}, refused=refused
            )
        made = self.engine.run(self._inputs(photo, wave))
        return self._glance(made, photo, wave, refused)

    def _inputs(self, photo: Photo | None, sound: Sound | None) -> dict[str, Array]:
        """The program's inputs for one unit; zeros where a sense is absent, which presence silences."""
        pixels = np.zeros((SIDE, SIDE), np.uint8) if photo is None else seen(photo)
        shaft = float(self.card["shaft"])
        count = len(self.card["features"])
        features = np.zeros(count, np.float32) if sound is None else heard(sound, self._machine, shaft)
        return {
            "image": (pixels[None, None] / np.float32(255)).astype(np.float32),
            "sound": features[None],
            "presence": np.array([[photo is not None, sound is not None]]),
        }

    def _glance(
        self, made: Mapping[str, Array], photo: Photo | None, sound: Sound | None, refused: Mapping[str, str]
    ) -> Glance:
        given = [name for name, value in (("image", photo), ("sound", sound)) if value is not None]
        by = self.card["calibration"]["+".join(given)]
        score = float(made["score"][0])
        log_odds = by["platt"]["slope"] * score + by["platt"]["offset"]
        verdict: Verdict = "reject" if score > by["limit"] else "unmeasurable" if refused else "pass"
        alone = {name: float(made["senses"][0, index]) for index, name in enumerate(("image", "sound"))}
        return Glance(
            verdict=verdict,
            probability=float(1 / (1 + np.exp(-log_odds))),
            score=score,
            limit=float(by["limit"]),
            senses={name: alone[name] for name in given},
            refused=refused,
            map=made["map"][0, 0] if photo is not None else None,
        )

    def _refused(self, photo: Photo | None, sound: Sound | None) -> dict[str, str]:
        found = {}
        if photo is not None:
            found["image"] = photo.refused or self._quality.refused(photo)
        if sound is not None:
            found["sound"] = trouble(sound)
        return {name: reason for name, reason in found.items() if reason}


def _read(value: Any, reader: Any) -> Any:
    return None if value is None else reader(value)
