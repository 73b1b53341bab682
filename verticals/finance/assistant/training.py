"""How the readings are fitted, mixed and calibrated. Queries and labels in, heads and settings out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, Int

from ....core.data.augmentation.texts import said_otherwise
from ....core.errors import FormatError
from ....core.random import numpy_generator
from ....core.trust.calibration import fit_temperature
from ....core.trust.conformal import quantile
from ....core.types import Array
from . import sentences
from .model import BOTH, Heads, Reach, Settings, familiarity, mixed, scores_of
from .terms import counts, rarity, weighted

if TYPE_CHECKING:
    from .tuning import Lessons

HELD = 0.2  # of the queries, to mix and calibrate on
LEAST = 5  # queries an intent
FEW, VARIANTS = 20, 2  # with fewer texts an intent each is learnt from in two more wordings: validation gains by it
MIXES = np.linspace(0, 1, 21)


def heads_of(
    texts: Sequence[str], labels: Int[Array, " text"], intents: int, vectors: Float[Array, "text width"] | None,
    *, weights: Float[Array, " text"] | None = None,
) -> Heads:  # fmt: skip
    """Linear readings of terms, and of sentence vectors where they are given; `weights`: how far each text counts."""
    found = counts(texts)
    rare = rarity(found).astype(np.float16)
    weight, bias = separated(weighted(found, rare.astype(np.float32)), labels, intents, strength=1.0, weights=weights)
    scale = np.maximum(np.abs(weight).max(axis=1), 1e-9) / 127
    heads = Heads(
        rare=rare,
        terms=np.rint(weight / scale[:, None]).astype(np.int8),
        terms_scale=scale.astype(np.float32),
        terms_bias=bias.astype(np.float32),
    )
    if vectors is None:
        return heads
    weight, bias = likely(vectors, labels, weights=weights)
    return replace(heads, sentence=weight.astype(np.float16), sentence_bias=bias.astype(np.float32))


def separated(
    rows: Array, labels: Int[Array, " text"], intents: int, *, strength: float, weights: Array | None = None
) -> tuple[Float[Array, "intent feature"], Float[Array, " intent"]]:
    """A linear separation of each intent from the rest (hinge loss, squared)."""
    from sklearn.svm import LinearSVC

    fitted = LinearSVC(C=strength, random_state=0).fit(rows, labels, sample_weight=weights)
    if intents == 2:  # one row says both
        return np.concatenate([-fitted.coef_, fitted.coef_]), np.concatenate([-fitted.intercept_, fitted.intercept_])
    return fitted.coef_, fitted.intercept_


def likely(
    vectors: Float[Array, "text width"],
    labels: Int[Array, " text"],
    *,
    strength: float = 30.0,
    steps: int = 120,
    weights: Float[Array, " text"] | None = None,
) -> tuple[Float[Array, "intent width"], Float[Array, " intent"]]:
    """Multinomial logistic regression by L-BFGS, of at most `steps`; `strength` is the inverse of the ridge."""
    from scipy.optimize import minimize

    texts, width = vectors.shape
    intents = int(labels.max()) + 1
    truth = np.eye(intents, dtype=np.float32)[labels]
    ridge = np.float32(1 / (strength * texts))
    heavy = np.ones(texts, np.float32) if weights is None else (weights * texts / weights.sum()).astype(np.float32)

    def loss(flat: Array) -> tuple[float, Array]:
        weight = flat.reshape(width + 1, intents).astype(np.float32)
        logits = vectors @ weight[:-1] + weight[-1]
        logits -= logits.max(axis=1, keepdims=True)
        raised = np.exp(logits)
        whole = raised.sum(axis=1, keepdims=True)
        value = (heavy * (np.log(whole[:, 0]) - logits[np.arange(texts), labels])).mean() + 0.5 * ridge * (
            weight[:-1] ** 2
        ).sum()
        error = heavy[:, None] * (raised / whole - truth) / np.float32(texts)
        gradient = np.concatenate([vectors.T @ error + ridge * weight[:-1], error.sum(axis=0, keepdims=True)])
        return float(value), gradient.ravel().astype(np.float64)

    found = minimize(loss, np.zeros((width + 1) * intents), jac=True, method="L-BFGS-B", options={"maxiter": steps}).x
    weight = found.reshape(width + 1, intents)
    return weight[:-1].T, weight[-1]


def learn(
    texts: Sequence[str],
    names: Sequence[str],
    *,
    lessons: Lessons | None,
    moved: Mapping[str, Array] | None,
    seed: int,
    weights: Float[Array, " text"] | None = None,
) -> tuple[Heads, Settings, dict[str, float]]:
    """Fit on four fifths, mix and calibrate on the rest, then fit on all with what was chosen.

    With `lessons` the sentence encoder is tuned too, twice; else it is used with the adapters in `moved`, where given.

    Raises:
        FormatError: fewer than two intents, or too few queries of one.
    """
    intents = tuple(sorted(set(names)))
    labels = np.array([intents.index(name) for name in names])
    _refuse_few(intents, labels)
    weights = np.ones(len(texts)) if weights is None else weights
    kept, held = _divided(labels, seed)
    tuned = _tuned(texts, labels, kept, lessons) if lessons else moved
    vectors = _vectors(texts, tuned)
    heads = _heads([texts[row] for row in kept], labels[kept], (tuned, vectors, kept), weights[kept], seed=seed)
    settings = Settings(
        intents=intents, reach={}, layers=lessons.layers if lessons else 0, rank=lessons.rank if lessons else 0
    )
    rest = [texts[row] for row in held]
    scores = scores_of(heads, rest, None if vectors is None else vectors[held])
    settings = replace(settings, reach=reaches(scores, labels[held], settings))
    numbers = {
        f"accuracy_{subset}": float((mixed(scores, reach).argmax(axis=1) == labels[held]).mean())
        for subset, reach in settings.reach.items()
    }
    if lessons:
        tuned = _tuned(texts, labels, np.arange(len(texts)), lessons)
        vectors = _vectors(texts, tuned)
    heads = replace(
        _heads(texts, labels, (tuned, vectors, np.arange(len(texts))), weights, seed=seed), adapters=dict(tuned or {})
    )
    return heads, settings, numbers | {"held_back": float(len(held))}


def _heads(
    texts: Sequence[str],
    labels: Int[Array, " text"],
    seen: tuple[Mapping[str, Array] | None, Array | None, Array],
    weights: Float[Array, " text"],
    *,
    seed: int,
) -> Heads:
    """Readings of these texts, whose vectors are some rows of all; few texts are also told otherwise."""
    moved, vectors, rows = seen
    mine = None if vectors is None else vectors[rows]
    intents = int(labels.max()) + 1
    if len(texts) < FEW * intents:
        generator = numpy_generator(seed, "said otherwise")
        more = [said_otherwise(text, generator) for text in texts for _ in range(VARIANTS)]
        again = np.repeat(np.arange(len(texts)), VARIANTS)
        texts, labels, weights = [*texts, *more], np.r_[labels, labels[again]], np.r_[weights, weights[again]]
        added = _vectors(more, moved) if mine is not None else None
        mine = None if mine is None or added is None else np.concatenate([mine, added])
    return heads_of(texts, labels, intents, mine, weights=weights)


def _tuned(texts: Sequence[str], labels: Array, rows: Array, lessons: Lessons) -> dict[str, Array]:
    from .tuning import adapters

    return adapters([texts[row] for row in rows], labels[rows], int(labels.max()) + 1, lessons)


def _vectors(texts: Sequence[str], moved: Mapping[str, Array] | None) -> Array | None:
    """Sentence vectors by the encoder with these adapters (maybe none); None where there is no encoder."""
    return None if moved is None else sentences.vectors(sentences.encoder(moved), texts)


def reaches(scores: Mapping[str, Array], labels: Int[Array, " text"], settings: Settings) -> dict[str, Reach]:
    """Mix, temperature and thresholds of each subset of views, from queries that nothing was learnt from."""
    scales = {view: float(each.std()) for view, each in scores.items()}
    found = {view: _reach({view: 1 / scales[view]}, scores, labels, settings) for view in scores}
    if len(scores) == 2:
        tried = [{"terms": (1 - share) / scales["terms"], "sentence": share / scales["sentence"]} for share in MIXES]
        losses = [_loss(mix, scores, labels) for mix in tried]
        found[BOTH] = _reach(tried[int(np.argmin(losses))], scores, labels, settings)
    return found


def _reach(mix: Mapping[str, float], scores: Mapping[str, Array], labels: Array, settings: Settings) -> Reach:
    raw = mixed(scores, Reach(mix=mix, temperature=1, known=0, set_threshold=1))
    temperature = fit_temperature(raw, labels).value
    reach = Reach(mix=mix, temperature=temperature, known=0, set_threshold=1)
    logits = mixed(scores, reach)
    strange = 1 - np.exp(_logs(logits))[np.arange(len(labels)), labels]
    return replace(
        reach,
        known=float(np.quantile(familiarity(logits), settings.rate)),
        set_threshold=min(1.0, quantile(strange, settings.coverage)),
    )


def _loss(mix: Mapping[str, float], scores: Mapping[str, Array], labels: Array) -> float:
    """The log loss of a mix at its best temperature."""
    raw = mixed(scores, Reach(mix=mix, temperature=1, known=0, set_threshold=1))
    logs = _logs(raw / fit_temperature(raw, labels).value)
    return float(-logs[np.arange(len(labels)), labels].mean())


def _logs(logits: Array) -> Array:
    from scipy.special import log_softmax

    return np.asarray(log_softmax(logits, axis=1))


def _divided(labels: Array, seed: int) -> tuple[Array, Array]:
    """Rows to learn from and rows held back, the same share of each intent."""
    from sklearn.model_selection import StratifiedShuffleSplit

    held = max(HELD, 1.01 * len(np.unique(labels)) / len(labels))  # at least one of each intent
    kept, rest = next(StratifiedShuffleSplit(1, test_size=min(held, 0.5), random_state=seed).split(labels, labels))
    return kept, rest


def _refuse_few(intents: Sequence[str], labels: Array) -> None:
    if len(intents) < 2:
        raise FormatError(f"an assistant tells intents apart: the data have {len(intents)}, at least 2 are needed")
    sizes = np.bincount(labels)
    if sizes.min() < LEAST:
        few = intents[int(sizes.argmin())]
        raise FormatError(f"the intent {few!r} has {sizes.min()} queries: at least {LEAST} of each are needed")
