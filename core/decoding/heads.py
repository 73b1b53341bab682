"""What a task asks for: the configuration of each kind of head, and the contract that all kinds keep.

A head turns raw numbers into answers, combines the answers of several experts into the late product, shifts that by a
residual (0 = no change), says how unsure an answer is, and measures its loss. It knows nothing of modalities but their
count, and learns nothing itself beyond its prior.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeAlias

from jaxtyping import Bool, Float
from torch import Tensor, nn

from ..errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class ClassHead:
    """One of `classes` classes. Answer: log-probabilities `[batch, class]`. Target: long `[batch]`, -1 = not known.

    With `gentle` the raw numbers start at zero: before training the answer is the prior or the offset, no matter what.
    """

    classes: int
    gentle: bool = False
    kind: Literal["class"] = "class"


@dataclass(frozen=True, kw_only=True)
class NumberHead:
    """A number as a Gaussian. Answer: mean and log of the scale `[batch, 2]`. Target: `[batch]`, NaN = not known."""

    kind: Literal["number"] = "number"


@dataclass(frozen=True, kw_only=True)
class QuantileHead:
    """A number by its quantiles, which never cross. Answer: `[batch, level]`. Target: `[batch]`, NaN = not known."""

    levels: tuple[float, ...] = (0.05, 0.5, 0.95)
    kind: Literal["quantile"] = "quantile"

    def __post_init__(self) -> None:
        inside = all(0 < level < 1 for level in self.levels)
        if not inside or list(self.levels) != sorted(set(self.levels)) or len(self.levels) < 2:
            raise ConfigError(f"quantile levels rise strictly between 0 and 1, at least two of them: got {self.levels}")


@dataclass(frozen=True, kw_only=True)
class SetHead:
    """Up to `queries` things, each with a class and a `box` of numbers in 0..1 (any vector of that length).

    Answer: `[batch, query, classes + 1 + box]`, log-probabilities first, the last class meaning "nothing". Target: a
    list with one pair a row: classes, long `[thing]`, and boxes `[thing, box]`; None = not known.
    """

    queries: int
    classes: int
    box: int = 4
    kind: Literal["set"] = "set"


@dataclass(frozen=True, kw_only=True)
class MaskHead:
    """`queries` masks over the tokens of one `modality`, by dot product of query and token.

    Answer: logits `[batch, query, token]`. Target: `[batch, query, token]` in 0..1, NaN = not known.
    """

    modality: str
    queries: int = 1
    kind: Literal["mask"] = "mask"


HeadConfig: TypeAlias = ClassHead | NumberHead | QuantileHead | SetHead | MaskHead


class Loss(NamedTuple):
    """Loss by row, and which rows have a target."""

    value: Float[Tensor, " batch"]
    known: Bool[Tensor, " batch"]


class Head(nn.Module, ABC):
    """The contract. Rows of one expert, and rows of all experts `[batch, modality, ...]`, have the same last axes."""

    queries: int = 1  # how many decoder queries the head asks
    size: int  # how many raw numbers come of each
    modality: str | None = None  # whose tokens the answer is about, for dense answers
    gentle: bool = False  # True: raw numbers start at zero, so that the first answer is the prior or offset

    @abstractmethod
    def answer(self, raw: Tensor, offset: Tensor | None, dense: Tensor | None) -> Tensor:
        """Raw numbers `[batch, query, size]` to the answer of one expert; `dense` are tokens to be masked."""

    @abstractmethod
    def combine(self, experts: Tensor, weights: Float[Tensor, "batch modality"], offset: Tensor | None) -> Tensor:
        """The product of the experts' answers, each to the power of its weight; without any, the prior."""

    @abstractmethod
    def shift(self, answer: Tensor, raw: Tensor, scale: Float[Tensor, " batch"], dense: Tensor | None) -> Tensor:
        """The answer moved by `scale` times the raw residual `[batch, query, size]`; at zero it is unchanged."""

    @abstractmethod
    def uncertainty(self, experts: Tensor) -> Float[Tensor, "batch modality"]:
        """How unsure each expert is of its answer; greater means less sure."""

    @abstractmethod
    def loss(self, answer: Tensor, target: Any) -> Loss:
        """A negative log-likelihood, or what stands for one, by row."""

    @abstractmethod
    def fit_prior(self, target: Any, offset: Tensor | None) -> None:
        """Set the prior from the targets of the training data."""


def build_head(config: HeadConfig, *, width: int) -> Head:
    """The head that a configuration describes, over fused tokens of that width."""
    if isinstance(config, ClassHead):
        from .classes import Classes

        return Classes(config)
    if isinstance(config, NumberHead):
        from .numbers import Numbers

        return Numbers()
    if isinstance(config, QuantileHead):
        from .quantiles import Quantiles

        return Quantiles(config)
    if isinstance(config, SetHead):
        from .sets import Sets

        return Sets(config)
    from .masks import Masks

    return Masks(config, width=width)
