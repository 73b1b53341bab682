"""A noun as a few plain numbers that a person knows: how long, how bright, how loud, how rough.

They serve the look at data before training (quality.py), where the question is whether records are alike. A record's
numbers are those of its modalities, each under its name. It knows no field and no model.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from .. import digest
from ..layers.hashing import bucket_of
from ..types import Array, Events, Graph, Image, PointCloud, Series, Table, Text, Volume, Waveform
from .quality import Rows

WORDS = 32  # buckets that the words of a text fall into
SPREAD = (5, 25, 50, 75, 95)  # percentiles


def described(value: Any) -> dict[str, float]:
    """The numbers of one noun, or of anything that holds nouns, numbers and texts; what is neither is left out."""
    match value:
        case Image():
            return _pixels(value.pixels) | {"height": value.pixels.shape[0], "width": value.pixels.shape[1]}
        case Volume():
            step = max(1, int(np.ceil((value.voxels.size / 2e6) ** (1 / 3))))
            sizes = {f"spacing_{axis}": size for axis, size in zip("ijk", value.spacing, strict=True)}
            return _spread(value.voxels[::step, ::step, ::step]) | sizes | {"slices": min(value.voxels.shape)}
        case Waveform():
            return _sound(value.samples, value.rate)
        case Text():
            return _words(value.text)
        case str():
            return _words(value)
        case Table():
            named = {f"is_{name}={said}": 1.0 for name, said in value.categories.items() if said}
            return {name: float(number) for name, number in value.numbers.items()} | named
        case Series():
            names = value.channels or tuple(map(str, range(value.values.shape[1])))
            return {"length": len(value.values)} | _columns(value.values, names)
        case Events():
            gaps = np.diff(value.times) if len(value.times) > 1 else np.zeros(1)
            names = tuple(map(str, range(value.numbers.shape[1])))
            return {"length": len(value.times), "gap": float(np.median(gaps))} | _columns(value.numbers, names)
        case PointCloud():
            extent = np.ptp(value.points, axis=0)
            sizes = {f"extent_{axis}": float(size) for axis, size in zip("xyz", extent, strict=True)}
            return (
                {"points": len(value.points)} | sizes | _columns(value.points - value.points.mean(axis=0), tuple("xyz"))
            )
        case Graph():
            nodes, edges = value.graph.number_of_nodes(), value.graph.number_of_edges()
            return {"nodes": nodes, "edges": edges, "edges_a_node": edges / max(nodes, 1)}
        case bool() | int() | float() | np.number():
            return {"value": float(value)}
        case np.ndarray() if value.size and value.dtype.kind in "fiub":
            return _spread(value.astype(np.float64)) | {"size": value.size}
    if hasattr(value, "__dataclass_fields__") and not isinstance(value, type):  # a field's own noun around ours
        inside = ((name, described(getattr(value, name))) for name in value.__dataclass_fields__)
        return {f"{name}_{key}": number for name, found in inside for key, number in found.items()}
    return {}


def rows_of(records: Iterable[tuple[str, Mapping[str, Any], str, str]]) -> Rows:
    """Records given as (id, nouns by modality, label, group), as rows of numbers."""
    found, ids, labels, groups, digests = [], [], [], [], []
    for name, record, label, group in records:
        numbers = {
            f"{modality}_{key}" if key != "value" else modality: number
            for modality, value in record.items() for key, number in described(value).items()
        }  # fmt: skip
        found.append(numbers)
        ids.append(name)
        labels.append(label)
        groups.append(group)
        digests.append(digest.of_value(dict(record)))
    return tabled(found, ids=ids, digests=digests, labels=labels, groups=groups)


def tabled(
    found: list[dict[str, float]], *, ids: list[str], digests: list[str], labels: list[str], groups: list[str]
) -> Rows:
    """Rows whose numbers have names; a name that a row lacks is not known there, and a category's is 0."""
    names = tuple(dict.fromkeys(name for row in found for name in row))
    gaps = {name: 0.0 if "is_" in name or "word_" in name else np.nan for name in names}
    values = np.array([[row.get(name, gaps[name]) for name in names] for row in found], np.float64)
    return Rows(
        names=names, values=values.reshape(len(found), len(names)), ids=tuple(ids), digests=tuple(digests),
        labels=tuple(labels), groups=tuple(groups),
    )  # fmt: skip


def _pixels(pixels: Array) -> dict[str, float]:
    """Brightness, contrast, sharpness and the tint of a picture."""
    grey = pixels.mean(axis=2)
    rough = [float(np.abs(np.diff(grey, axis=axis)).mean()) if grey.shape[axis] > 1 else 0.0 for axis in (0, 1)]
    tint = {f"channel_{number}": float(pixels[:, :, number].mean()) for number in range(pixels.shape[2])}
    return _spread(grey) | {"roughness": float(np.mean(rough))} | (tint if pixels.shape[2] > 1 else {})


def _sound(samples: Array, rate: int) -> dict[str, float]:
    """Length, loudness, peakedness, and the share of power by octave."""
    x = samples[: 30 * rate].astype(np.float64)
    loud = float(np.sqrt(np.mean(x**2)))
    power = np.abs(np.fft.rfft(x)) ** 2
    edges = np.geomspace(max(1, len(power) // 256), len(power), 9).astype(int)
    whole = max(float(power[1:].sum()), 1e-30)
    shares = {f"octave_{n}": float(power[a:b].sum() / whole) for n, (a, b) in enumerate(itertools.pairwise(edges))}
    peak = float(np.abs(x).max() / max(loud, 1e-12))
    return {
        "seconds": len(samples) / rate,
        "rate": rate,
        "level_db": 20 * float(np.log10(max(loud, 1e-9))),
        "peak": peak,
    } | shares


def _words(text: str) -> dict[str, float]:
    """Length and shape of a text, and the share of its words in each of a few buckets."""
    words = text.lower().split()
    letters = max(len(text), 1)
    counts = {
        "letters": len(text), "words": len(words), "word_length": letters / max(len(words), 1),
        "digits": sum(each.isdigit() for each in text) / letters,
        "capitals": sum(each.isupper() for each in text) / letters,
    }  # fmt: skip
    for word in words:
        name = f"word_bucket_{bucket_of(word, WORDS)}"
        counts[name] = counts.get(name, 0.0) + 1 / len(words)
    return counts


def _columns(values: Array, names: tuple[str, ...]) -> dict[str, float]:
    """Mean, spread and trend of every column (at most twelve)."""
    found: dict[str, float] = {}
    half = len(values) // 2
    for column, name in list(enumerate(names))[:12]:
        x = values[:, column]
        found |= {f"{name}_mean": float(x.mean()), f"{name}_spread": float(x.std())}
        found[f"{name}_trend"] = float(x[half:].mean() - x[:half].mean()) if half else 0.0
    return found


def _spread(values: Array) -> dict[str, float]:
    found = np.percentile(values, SPREAD)
    return {"mean": float(values.mean()), "deviation": float(values.std())} | {
        f"percentile_{share}": float(each) for share, each in zip(SPREAD, found, strict=True)
    }
