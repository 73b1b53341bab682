"""Every encoder keeps the promises of core/encoders/base.py. A new encoder adds one line to CASES.

The checks themselves are checked: each must refuse an encoder with the fault that it looks for.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import networkx as nx
import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_map

from colonnade.core.config import from_json, to_json
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
from colonnade.core.types import (
    Events,
    Graph,
    Image,
    Noun,
    Packed,
    PointCloud,
    Series,
    Table,
    Text,
    Tokens,
    Volume,
    Waveform,
)


class Case(NamedTuple):
    """A tiny encoder, and a maker of its nouns: `noun(generator, size)` with size 1 (small) to 4 (large)."""

    encoder: type[Encoder]
    config: Any
    noun: Callable[[np.random.Generator, int], Noun]

    def build(self) -> Encoder:
        torch.manual_seed(0)
        return self.encoder(self.config).eval()

    def nouns(self, *sizes: int, seed: int = 0) -> list[Noun | None]:
        """A noun for each size; 0 is an absent one."""
        generator = np.random.default_rng(seed)
        return [self.noun(generator, size) if size else None for size in sizes]


def an_image(generator: np.random.Generator, size: int) -> Image:
    return Image(pixels=generator.random((20 + 3 * size, 30 - 2 * size, 3)))


def a_volume(generator: np.random.Generator, size: int) -> Volume:
    affine = np.diag([1.0, 1.5, 0.5 * size, 1.0])
    return Volume(voxels=generator.normal(-400, 300, (6 + size, 8, 7 + size)), affine=affine)


def a_waveform(generator: np.random.Generator, size: int) -> Waveform:
    return Waveform(samples=generator.normal(0, 0.1, 171 * size), rate=4000 if size < 4 else 6000)


def a_cloud(generator: np.random.Generator, size: int) -> PointCloud:
    count = 37 * size
    return PointCloud(points=generator.uniform(-9, 9, (count, 3)), features=generator.normal(size=(count, 2)))


def a_text(generator: np.random.Generator, size: int) -> Text:
    return Text(text=" ".join(generator.choice(["cough", "coughing", "65", "smoker", "Übelkeit", "."], 3 * size)))


def a_row(generator: np.random.Generator, size: int) -> Table:
    numbers = {"age": generator.normal(60, 9) / 60, "size": np.nan if size % 2 else 3.0 * generator.random()}
    return Table(numbers=numbers, categories={"site": str(generator.choice(["left", "right", "", "both"]))})


def a_series(generator: np.random.Generator, size: int) -> Series:
    times = np.cumsum(generator.exponential(1.0, 9 * size) + 0.01)
    return Series(values=generator.normal(3, 2, (9 * size, 2)), times=times)


def some_events(generator: np.random.Generator, size: int) -> Events:
    times = 1.7e9 + np.cumsum(generator.exponential(9000.0, 5 * size))
    return Events(
        times=times, numbers=generator.normal(size=(5 * size, 2)), codes=generator.integers(-1, 9, (5 * size, 1))
    )


def a_graph(generator: np.random.Generator, size: int) -> Graph:
    graph = nx.MultiDiGraph()
    graph.add_nodes_from((f"n{node}", {"features": generator.normal(size=3)}) for node in range(4 * size))
    for edge in range(6 * size):
        source, target = generator.integers(0, 4 * size, 2)
        graph.add_edge(f"n{source}", f"n{target}", relation=edge % 2)
    return Graph(graph=graph)


PIXELS = {"size": 16, "width": 12}
SWIN = ImageConfig(shape=ImageShape(patch=2, dims=(8,), depths=(1, 1), heads=(2, 2), window=4), **PIXELS)
CONVNEXT = ImageShape(patch=1, dims=(4, 4, 8, 8), depths=(1, 1, 1, 1))
CNN = ImageConfig(backbone="cnn", name="convnext_atto", shape=CONVNEXT, **PIXELS)
VOLUME = VolumeConfig(width=12, shape=(8, 8, 8), channels=(4, 8, 12), depths=(1, 1, 1), groups=2, layers=1, heads=2)
SPECTRUM = {"rate": 4000, "window": 40, "hop": 10, "mels": 6, "mel_channels": 2}
AUDIO = AudioConfig(width=12, strides=(4, 5), channels=8, dilations=(1, 2), layers=1, heads=2, **SPECTRUM)
POINTS = PointsConfig(width=12, features=2, neighbours=4, patch=4, dims=(8, 12), depths=(2, 2), heads=2)
CASES = {
    "image: Swin": Case(ImageEncoder, SWIN, an_image),
    "image: CNN": Case(ImageEncoder, CNN, an_image),
    "volume": Case(VolumeEncoder, VOLUME, a_volume),
    "audio": Case(AudioEncoder, AUDIO, a_waveform),
    "points": Case(PointsEncoder, POINTS, a_cloud),
    "text: small": Case(TextEncoder, TextConfig(width=12, buckets=40, depth=1, heads=2), a_text),
    "text: BERT": Case(TextEncoder, TextConfig(backbone="bert", width=12, buckets=40, depth=1, heads=2), a_text),
    "table": Case(TableEncoder, TableConfig(width=12, numbers=("age", "size"), categories=("site",), heads=2), a_row),
    "series": Case(SeriesEncoder, SeriesConfig(width=12, channels=2, patch=4, window=3, depth=1, heads=2), a_series),
    "series: causal": Case(
        SeriesEncoder,
        SeriesConfig(width=12, channels=2, patch=1, window=3, depth=1, heads=2, causal=True, scale="given"),
        a_series,
    ),
    "events": Case(
        EventsEncoder,
        EventsConfig(width=12, numbers=2, codes=1, buckets=8, window=3, depth=1, heads=2, rates=3, periods=(86_400.0,)),
        some_events,
    ),
    "graph": Case(GraphEncoder, GraphConfig(width=12, features=3, relations=2, heads=2), a_graph),
}
everyone = pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())


def real(tokens: Tokens, row: int) -> Tensor:
    """The real tokens of one row, in order."""
    return tokens.values[row][tokens.mask[row]]


def close(a: Tensor, b: Tensor) -> None:
    assert a.shape == b.shape
    torch.testing.assert_close(a, b, rtol=1e-4, atol=2e-5)


def poison(packed: Packed) -> Packed:
    """NaN into every number behind the mask (indices stay, for they must stay in range)."""

    def one(tensor: Tensor) -> Tensor:
        if not tensor.is_floating_point():
            return tensor
        by_position = tensor.shape[:2] == packed.mask.shape
        seen = packed.mask if by_position else packed.mask.any(dim=1)
        return torch.where(seen.view(*seen.shape, *[1] * (tensor.ndim - seen.ndim)), tensor, torch.nan)

    return packed._replace(x=tree_map(one, packed.x))


@torch.no_grad()
def check_tokens(case: Case) -> None:
    encoder = case.build()
    packed = encoder.collate(case.nouns(1, 4))
    tokens = encoder(*packed)
    assert encoder.width == case.config.width == tokens.values.shape[2]
    assert tokens.values.shape[:2] == tokens.mask.shape
    assert tokens.mask.dtype == torch.bool
    assert packed.mask.dtype == torch.bool
    assert packed.mask.any(dim=1).all()
    assert tokens.mask.any(dim=1).all()
    assert tokens.values.isfinite().all()
    assert not torch.allclose(real(tokens, 0)[0], real(tokens, 1)[0]), "two nouns must not look alike"


@torch.no_grad()
def check_absent(case: Case) -> None:
    encoder = case.build()
    for sizes in ((0, 2, 0), (0, 0)):
        packed = encoder.collate(case.nouns(*sizes))
        tokens = encoder(*packed)
        present = torch.tensor([size > 0 for size in sizes])
        assert torch.equal(packed.mask.any(dim=1), present)
        assert torch.equal(tokens.mask.any(dim=1), present)
        assert tokens.values.isfinite().all()


@torch.no_grad()
def check_padding(case: Case) -> None:
    encoder = case.build()
    alone = encoder(*encoder.collate(case.nouns(1)))
    padded = encoder(*encoder.collate([*case.nouns(1), *case.nouns(4, seed=1)]))
    close(real(alone, 0), real(padded, 0))


@torch.no_grad()
def check_hidden(case: Case) -> None:
    encoder = case.build()
    packed = encoder.collate(case.nouns(1, 0, 4))
    tokens, poisoned = encoder(*packed), encoder(*poison(packed))
    assert poisoned.values.isfinite().all()
    for row in (0, 2):
        close(real(tokens, row), real(poisoned, row))


@torch.no_grad()
def check_rows(case: Case) -> None:
    encoder = case.build()
    first, second = case.nouns(2, 2)
    (third,) = case.nouns(2, seed=1)
    one, other = encoder(*encoder.collate([first, second])), encoder(*encoder.collate([third, first]))
    close(real(one, 0), real(other, 1))


def check_gradients(case: Case) -> None:
    encoder = case.build()
    tokens = encoder(*encoder.collate(case.nouns(3, 0, 4)))
    weights = torch.randn(tokens.values.shape, generator=torch.Generator().manual_seed(1))
    (tokens.values * weights)[tokens.mask].sum().backward()
    for name, parameter in encoder.named_parameters():
        assert parameter.grad is not None, f"{name} gets no gradient"
        assert parameter.grad.isfinite().all(), f"{name} gets a gradient that is not finite"
        assert parameter.grad.abs().sum() > 0, f"{name} gets a gradient of zero"


@torch.no_grad()
def check_export(case: Case) -> None:
    encoder = case.build()
    packed = encoder.collate(case.nouns(2, 2, 2))
    dynamic = tree_map(lambda tensor: {0: torch.export.Dim("batch", min=1, max=64)}, tuple(packed))
    program = torch.export.export(encoder, tuple(packed), dynamic_shapes=dynamic, strict=False).module()
    for sizes in ((2, 0, 2, 2, 0), (2,)):
        again = encoder.collate(case.nouns(*sizes, seed=1))
        assert again.mask.shape[1:] == packed.mask.shape[1:], "the maker must give one length for one size"
        ours, theirs = encoder(*again), program(*again)
        close(ours.values, theirs[0])
        assert torch.equal(ours.mask, theirs[1])


@everyone
def test_the_config_survives_json(case):
    assert from_json(type(case.config), to_json(case.config)) == case.config


@everyone
def test_tokens_have_the_promised_width_and_differ_between_nouns(case):
    check_tokens(case)


@everyone
def test_an_absent_noun_gives_no_real_token_and_no_nan(case):
    check_absent(case)


@everyone
def test_real_tokens_do_not_depend_on_padding(case):
    check_padding(case)


@everyone
def test_what_the_mask_hides_is_never_read(case):
    check_hidden(case)


@everyone
def test_rows_do_not_depend_on_each_other(case):
    check_rows(case)


@everyone
def test_a_gradient_reaches_every_parameter(case):
    check_gradients(case)


@everyone
def test_it_exports_with_any_batch_size(case):
    check_export(case)


@everyone
def test_a_noun_of_another_modality_is_refused_in_a_sentence(case):
    wrong = an_image(np.random.default_rng(0), 1) if case.noun is not an_image else Text(text="a cat")
    with pytest.raises(ValueError, match="reads"):
        case.build().collate([wrong])


class Faulty(Encoder):
    """A sound encoder of waveforms, into which one fault at a time is planted."""

    width = 4

    def __init__(self, fault: str) -> None:
        super().__init__()
        self.fault = fault
        self.lift = nn.Linear(1, 4)
        self.idle = nn.Linear(1, 4) if fault == "gradients" else None

    def collate(self, nouns):
        length = max([1, *(len(noun.samples) for noun in nouns if noun)])
        x, mask = torch.zeros(len(nouns), length), torch.zeros(len(nouns), length, dtype=torch.bool)
        for row, noun in enumerate(nouns):
            if noun is not None:
                x[row, : len(noun.samples)] = torch.tensor(noun.samples)
                mask[row, : len(noun.samples)] = True
        return Packed(x, mask)

    def forward(self, x, mask):
        if self.fault != "hidden":
            x = torch.where(mask, x, torch.zeros_like(x))
        if self.fault == "padding":
            x = x - x.mean(dim=1, keepdim=True)
        if self.fault == "rows":
            x = x - x.mean()
        if self.fault == "absent":
            x = x / mask.any(dim=1, keepdim=True)
        if self.fault == "export" and x.sum() > 1e9:
            x = -x
        if self.fault == "tokens":
            x = torch.zeros_like(x)
        return Tokens(self.lift(x[:, :, None]).tanh(), mask)


CHECKS = {
    "tokens": check_tokens,
    "absent": check_absent,
    "padding": check_padding,
    "hidden": check_hidden,
    "rows": check_rows,
    "gradients": check_gradients,
    "export": check_export,
}


class FaultConfig(NamedTuple):
    fault: str
    width: int = 4


class FaultyCase(Case):
    def build(self):
        torch.manual_seed(0)
        return Faulty(self.config.fault).eval()


@pytest.mark.parametrize("fault", ["none", *CHECKS])
def test_each_check_refuses_the_fault_it_looks_for(fault):
    case = FaultyCase(Faulty, FaultConfig(fault), a_waveform)
    if fault == "none":
        for check in CHECKS.values():
            check(case)
    else:
        with pytest.raises((AssertionError, RuntimeError)):
            CHECKS[fault](case)
