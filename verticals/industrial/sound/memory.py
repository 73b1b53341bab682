"""What good parts sound like: mean and covariance of the recordings' features. It knows nothing of thresholds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ....core.types import Array


@dataclass(frozen=True, kw_only=True, eq=False)
class SoundMemory:
    """Mean and whitening of the good recordings' features, for each view (spectrum, envelope), and their loudness.

    `level` is the natural logarithm of the root mean square of the samples.
    """

    mean: dict[str, Array]
    white: dict[str, Array]
    level: float = 0.0

    def distances(self, views: dict[str, Array]) -> dict[str, float]:
        """Mahalanobis distance over the root of the number of features, so about 1 for a good recording."""
        answer = {}
        for name, values in views.items():
            away = (values - self.mean[name]) @ self.white[name]
            answer[name] = float(np.sqrt((away**2).mean()))
        return answer


def fit_sounds(recordings: Sequence[dict[str, Array]], *, level: float) -> SoundMemory:
    """Ledoit-Wolf shrinkage keeps the covariance invertible with fewer recordings than features."""
    from sklearn.covariance import LedoitWolf

    mean, white = {}, {}
    for name in recordings[0]:
        rows = np.stack([each[name] for each in recordings])
        mean[name] = rows.mean(axis=0).astype(np.float32)
        if len(rows) < 3:
            white[name] = (np.eye(rows.shape[1]) / max(float(rows.std()), 1e-3)).astype(np.float32)
            continue
        covariance = LedoitWolf().fit(rows).covariance_
        values, vectors = np.linalg.eigh(covariance)
        white[name] = (vectors / np.sqrt(np.maximum(values, 1e-3 * values.max()))).astype(np.float32)
    return SoundMemory(mean=mean, white=white, level=level)
