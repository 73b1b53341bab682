"""Encoders and records of noise for the export proof: five modalities of the size a small task takes, and small ones of
the five other kinds of encoder. It knows nothing of export."""

from __future__ import annotations

from collections.abc import Mapping

import networkx as nx
import numpy as np

from colonnade.core.encoders.audio import AudioConfig, AudioEncoder
from colonnade.core.encoders.base import Encoder
from colonnade.core.encoders.events import EventsConfig, EventsEncoder
from colonnade.core.encoders.graph import GraphConfig, GraphEncoder
from colonnade.core.encoders.image import ImageConfig, ImageEncoder, ImageShape
from colonnade.core.encoders.points import PointsConfig, PointsEncoder
from colonnade.core.encoders.series import SeriesConfig, SeriesEncoder
from colonnade.core.encoders.table import TableConfig, TableEncoder
from colonnade.core.encoders.text import TextConfig, TextEncoder
from colonnade.core.encoders.volume import VolumeConfig, VolumeEncoder
from colonnade.core.random import numpy_generator
from colonnade.core.types import Events, Graph, Image, Noun, PointCloud, Series, Table, Text, Volume, Waveform

WIDTH = 64
SWIN = ImageShape(patch=4, dims=(24, 48), depths=(2, 2), heads=(2, 4), window=4)


def encoders() -> dict[str, Encoder]:
    """One encoder a modality, of the size that a small task would take."""
    columns = ("age", "load", "speed")
    return {
        "image": ImageEncoder(ImageConfig(width=WIDTH, backbone="cnn", name="tf_efficientnet_lite0")),
        "audio": AudioEncoder(AudioConfig(width=WIDTH)),
        "text": TextEncoder(TextConfig(width=WIDTH)),
        "series": SeriesEncoder(SeriesConfig(width=WIDTH, channels=3, causal=True)),
        "table": TableEncoder(TableConfig(width=WIDTH, numbers=columns, categories=("site",))),
    }


def record(seed: int, number: int) -> Mapping[str, Noun]:
    """One record of noise; lengths differ from record to record."""
    noise = numpy_generator(seed * 100 + number, "export benchmark")
    steps = 96 + 40 * number
    return {
        "image": Image(pixels=noise.random((240, 320, 3), np.float32)),
        "audio": Waveform(samples=noise.normal(size=32_000 - 4_000 * number) * 0.1, rate=16_000),
        "text": Text(text="a scratch near the edge of the part, seen twice " * (number + 1)),
        "series": Series(values=noise.normal(size=(steps, 3)), times=np.arange(steps) * 1.0),
        "table": Table(numbers={"age": 3.0 * number, "load": float(noise.normal())}, categories={"site": f"s{number}"}),
    }


def other_encoders() -> dict[str, Encoder]:
    """The kinds of encoder that are not among the first five, small."""
    return {
        "photo": ImageEncoder(ImageConfig(width=WIDTH, size=64, shape=SWIN)),
        "volume": VolumeEncoder(VolumeConfig(width=WIDTH, shape=(24, 24, 24), channels=(8, 16, 32), depths=(1, 1, 1))),
        "points": PointsEncoder(PointsConfig(width=WIDTH, features=2, dims=(32, 64), depths=(2, 2))),
        "events": EventsEncoder(EventsConfig(width=WIDTH, numbers=2, codes=1, periods=(86_400.0,))),
        "graph": GraphEncoder(GraphConfig(width=WIDTH, features=3, relations=2)),
    }


def other_record(seed: int, number: int) -> Mapping[str, Noun]:
    """One record of noise for them; sizes differ from record to record."""
    noise = numpy_generator(seed * 100 + number, "export benchmark, others")
    count = 12 + 5 * number
    graph = nx.MultiDiGraph()
    graph.add_nodes_from((node, {"features": noise.normal(size=3)}) for node in range(count))
    graph.add_edges_from((*map(int, noise.integers(0, count, 2)), {"relation": edge % 2}) for edge in range(2 * count))
    return {
        "photo": Image(pixels=noise.random((80, 96, 3), np.float32)),
        "volume": Volume(voxels=noise.normal(-400, 300, (30, 28, 26 + number)), affine=np.diag([1.0, 1.0, 1.5, 1.0])),
        "points": PointCloud(points=noise.uniform(-9, 9, (40 * count, 3)), features=noise.normal(size=(40 * count, 2))),
        "events": Events(
            times=1.7e9 + np.cumsum(noise.exponential(9000.0, count)),
            numbers=noise.normal(size=(count, 2)),
            codes=noise.integers(-1, 9, (count, 1)),
        ),
        "graph": Graph(graph=graph),
    }
