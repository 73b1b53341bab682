"""Who found it: the algorithm's name, version and weights, as every document that leaves must say."""

from __future__ import annotations

from dataclasses import dataclass

from ....core.result import Result

MAKER, NAME = "Colonnade", "Colonnade nodules"
NOTICE = "Research use only, not for diagnosis"
SERIES = f"{NOTICE} - AI result, not verified"  # 64 characters at most


@dataclass(frozen=True, kw_only=True)
class Algorithm:
    version: str
    weights: str  # SHA-256, empty where the model was never saved
    threshold: float

    @classmethod
    def of(cls, result: Result) -> Algorithm:
        return cls(
            version=result.version, weights=str(result.model.get("sha256") or ""), threshold=float(result.threshold)
        )

    @property
    def parameters(self) -> tuple[str, ...]:
        return (
            f"weights sha256 {self.weights or 'unknown'}",
            f"operating point: score of at least {self.threshold:.4f}",
            NOTICE,
        )
