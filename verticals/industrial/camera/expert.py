"""The camera expert: a detector taught on planted defects, the limits of a photograph that can be judged, one score.

The score is the mean logit of the ten strangest places at stride 4, as measured: nothing is clamped or normalised by
test data. It knows nothing of thresholds and verdicts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch

from ....core.errors import InputError
from ....core.random import numpy_generator
from ....core.types import Array
from ..records import Photo
from .canvas import SIDE, canvas, fitted, prepared
from .head import SIDES, STRIDE, Detector, Head
from .quality import Quality, fit_quality, unusable
from .runner import Runner
from .teaching import Lesson, teach

COLUMNS = ("worst", "strange", "mean")
TOP = 10  # places
SHARE = 0.01  # of all places, for the column "mean"
MOST_PICTURES = 400  # that are held in memory while the head is taught


@dataclass(frozen=True, kw_only=True, eq=False)
class Look:
    """Numbers by COLUMNS, the score, and the map `[height, width]` of logits at the photograph's size.

    `refused` is the sentence that says why the photograph cannot be judged; the rest is empty then.
    """

    numbers: Mapping[str, float]
    score: float
    map: Array
    refused: str = ""


@dataclass(frozen=True, kw_only=True, eq=False)
class CameraExpert:
    """A taught head on the backbone of `origin`, the channels it looks at, and what good photographs are like."""

    head: Head
    quality: Quality
    channels: int = 1
    origin: str = "imagenet"
    side: int = SIDE
    precision: str = "f32"

    def look(self, photo: Photo) -> Look:
        """How strange a photograph is, and where."""
        picture = prepared(photo, self.channels, self.side)
        reason = self.quality.refused(photo, picture)
        if reason:
            return Look(
                numbers={}, score=float("nan"), map=np.zeros(photo.pixels.shape[:2], np.float32), refused=reason
            )
        logits = self._logits(picture)
        height, width = photo.pixels.shape[:2]
        shown = fitted(logits[:, :, None], height, width)[:, :, 0]
        worst = np.sort(np.partition(logits.ravel(), -min(TOP, logits.size))[-TOP:])
        many = max(1, int(SHARE * logits.size))
        numbers = {
            "worst": float(worst[-1]),
            "strange": float(worst.mean()),
            "mean": float(np.partition(logits.ravel(), -many)[-many:].mean()),
        }
        return Look(numbers=numbers, score=numbers["strange"], map=shown)

    def map(self, photo: Photo) -> Array:
        """The map alone, also of a photograph that would be refused."""
        return fitted(self.logits(photo)[:, :, None], *photo.pixels.shape[:2])[:, :, 0]

    def logits(self, photo: Photo) -> Array:
        """`[row, column]` at stride 4 of the prepared photograph."""
        return self._logits(prepared(photo, self.channels, self.side))

    def _logits(self, picture: Array) -> Array:
        height, width = picture.shape[:2]
        whole = canvas(picture, -(-height // SIDES) * SIDES, -(-width // SIDES) * SIDES)
        made = self._run(np.ascontiguousarray(whole.transpose(2, 0, 1))[None])
        return np.asarray(made[0, 0, : -(-height // STRIDE), : -(-width // STRIDE)])

    @cached_property
    def _run(self) -> Runner:
        return Runner(Detector(self.head, self.origin), self.precision)

    def serve(self) -> None:
        """From now on requests wait for the answers: whatever takes seconds is done beside them."""
        self._run.beside = True

    def config(self) -> dict[str, Any]:
        """What `of` needs beside the tensors, as plain values."""
        return {
            "quality": asdict(self.quality),
            "channels": self.channels,
            "origin": self.origin,
            "side": self.side,
            "precision": self.precision,
        }

    def tensors(self) -> dict[str, Array]:
        return {name: value.numpy() for name, value in self.head.state_dict().items()}

    @staticmethod
    def of(config: Mapping[str, Any], tensors: Mapping[str, Array]) -> CameraExpert:
        """The expert whose `config` and `tensors` these are."""
        head = Head()
        head.load_state_dict({name: torch.from_numpy(np.array(value)) for name, value in tensors.items()})
        return CameraExpert(
            head=head.eval(),
            quality=Quality(**config["quality"]),
            channels=int(config["channels"]),
            origin=str(config["origin"]),
            side=int(config["side"]),
            precision=str(config["precision"]),
        )


def fit_camera(
    photos: Sequence[Photo],
    *,
    seed: int,
    steps: int | None = None,
    origin: str = "imagenet",
    side: int = SIDE,
    precision: str = "f32",
) -> CameraExpert:
    """From good photographs of one part: about three minutes of one core, however many there are.

    `steps` is how long the head is taught (None: as long as measured to be enough).

    Raises:
        InputError: none of the photographs can be judged.
    """
    clear = [photo for photo in photos if not unusable(photo)]
    if not clear:
        raise InputError(f"none of the {len(photos)} photographs can be judged: they are black, uniform or overexposed")
    order = numpy_generator(seed, "camera pictures").permutation(len(clear))[:MOST_PICTURES]
    channels = 3 if any(_coloured(photo) for photo in clear) else 1
    pictures = [prepared(clear[index], channels, side) for index in order]
    lesson = Lesson() if steps is None else Lesson(steps=steps)
    return CameraExpert(
        head=teach(pictures, lesson=lesson, seed=seed, origin=origin),
        quality=fit_quality(clear),
        channels=channels,
        origin=origin,
        side=side,
        precision=precision,
    )


def _coloured(photo: Photo) -> bool:
    pixels = photo.pixels
    return pixels.shape[2] >= 3 and float(np.abs(pixels[:, :, 0] - pixels[:, :, 2]).mean()) > 0.005
