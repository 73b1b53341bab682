"""The model on one page: encoders, experts, gates, fusion, the shared decoder. It knows no field of use, no training.

For each head: every present modality's expert answers alone; their product (the late answer) is where the fused answer
starts; a residual that starts at zero, read from the fused tokens by the decoder, moves it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from .decoding.decoder import Decoder, DecoderConfig
from .decoding.heads import Head, HeadConfig, MaskHead, build_head
from .encoders.base import Encoder
from .errors import ConfigError, UnknownName
from .fusion.blend import Blend
from .fusion.experts import Expert
from .fusion.fusion import Fusion, FusionConfig
from .fusion.gates import Gates
from .fusion.presence import StandIn, blank
from .fusion.start import Largest, LargestConfig
from .types import Batch, Noun, Tokens


class Output(NamedTuple):
    """Answers by head: `answers` fused, `late` the plain product of experts, `experts` `[batch, modality, ...]`.

    `gates` `[batch, modality]` are exactly 0 where `presence` is False. `attention` `[batch, latent, token]` runs over
    the tokens of all modalities in order; `tokens` are those, by modality, after their projection. `product` is the
    low-rank product that queries start from, if the fusion has one. `offsets` are where the answers started, by head,
    for the heads that start anywhere but at their prior.
    """

    answers: dict[str, Tensor]
    late: dict[str, Tensor]
    experts: dict[str, Tensor]
    gates: Tensor
    presence: Tensor
    fused: Tokens
    tokens: dict[str, Tokens]
    attention: Tensor | None
    product: Tensor | None = None
    offsets: Mapping[str, Tensor] = {}


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """All that a model is built from, apart from its weights. Encoder configurations are told apart by their `kind`."""

    encoders: Mapping[str, Any]
    heads: Mapping[str, HeadConfig]
    fusion: FusionConfig = field(default_factory=FusionConfig)
    decoder: DecoderConfig = field(default_factory=DecoderConfig)
    starts: Mapping[str, LargestConfig] = field(default_factory=dict)

    def __post_init__(self) -> None:
        from .catalogue import configured

        named = {name: configured(each) if isinstance(each, Mapping) else each for name, each in self.encoders.items()}
        object.__setattr__(self, "encoders", named)


def build(config: ModelConfig, *, seed: int = 0) -> Model:
    """The model of that configuration, its weights drawn from the seed."""
    from .catalogue import build_encoder

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        encoders = {name: build_encoder(each) for name, each in config.encoders.items()}
        return Model(encoders, fusion=config.fusion, heads=config.heads, decoder=config.decoder, starts=config.starts)


class Model(nn.Module):
    """Answers from any non-empty subset of modalities; their order is the order of `encoders`."""

    def __init__(
        self,
        encoders: Mapping[str, Encoder],
        *,
        heads: Mapping[str, HeadConfig],
        fusion: FusionConfig | None = None,
        decoder: DecoderConfig | None = None,
        starts: Mapping[str, LargestConfig] | None = None,
    ) -> None:
        super().__init__()
        fusion, decoder = fusion or FusionConfig(), decoder or DecoderConfig()
        self.modalities, width, count = tuple(encoders), fusion.width, len(encoders)
        _check(self.modalities, heads)
        self.encoders = nn.ModuleDict(encoders)
        self.projections = nn.ModuleDict({name: nn.Linear(each.width, width) for name, each in encoders.items()})
        self.stand_ins = nn.ModuleDict({name: StandIn(width) for name in encoders})
        self.heads = nn.ModuleDict({name: build_head(each, width=width) for name, each in heads.items()})
        queries = {name: self.head(name).queries for name in heads}
        sizes = {name: self.head(name).size for name in heads}
        self.starts = nn.ModuleDict({name: Largest(each, encoders) for name, each in (starts or {}).items()})
        gentle = [name for name in heads if self.head(name).gentle or name in self.starts]
        experts = {n: Expert(width, fusion.heads, queries=queries, sizes=sizes, gentle=gentle) for n in encoders}
        self.experts = nn.ModuleDict(experts)
        self.gates = Gates(count, width, signs=len(heads))
        self.fusion = Fusion(count, fusion)
        self.decoder = Decoder(width, decoder)
        self.queries = nn.ParameterDict({n: nn.Parameter(torch.randn(q, width) * 0.02) for n, q in queries.items()})
        self.residuals = nn.ModuleDict({name: _zero_linear(width, size) for name, size in sizes.items()})
        self.reweigh = nn.Parameter(torch.zeros(len(heads)))
        self.blend = Blend(len(heads), count)

    def collate(self, records: Sequence[Mapping[str, Noun | None]]) -> Batch:
        """Records to one batch; a modality that a record lacks, or holds as None, is absent in that row."""
        for record in records:
            for name in record:
                if name not in self.modalities:
                    raise UnknownName("modality", name, self.modalities)
        inputs = {
            name: self._encoder(name).collate([record.get(name) for record in records]) for name in self.modalities
        }
        present = [[record.get(name) is not None for name in self.modalities] for record in records]
        return Batch(inputs, torch.tensor(present))

    def forward(self, batch: Batch, offsets: Mapping[str, Tensor] | None = None, *, maps: bool = False) -> Output:
        """Answers for a batch. `offsets` are where the answers of a head start (see each head), if not by its rule."""
        tokens, presence = self.encode(batch)
        offsets = {**{name: start(batch.inputs, presence) for name, start in self.starts.items()}, **(offsets or {})}
        ordered = [tokens[name] for name in self.modalities]
        experts = self._experts(tokens, presence, offsets)
        uncertainty = torch.stack([self.head(name).uncertainty(experts[name]) for name in self.heads], dim=2)
        gates = self.gates(ordered, uncertainty, presence)
        read = self.fusion(ordered, gates, presence, maps=maps)
        there = presence.to(gates.dtype)
        late = {name: self.head(name).combine(experts[name], there, offsets.get(name)) for name in self.heads}
        output = Output({}, late, experts, gates, presence, read.tokens, tokens, read.attention, read.product, offsets)
        answers = {name: self.fuse(name, output) for name in self.heads}
        return output._replace(answers=answers)

    def encode(self, batch: Batch) -> tuple[dict[str, Tokens], Bool[Tensor, "batch modality"]]:
        """Tokens by modality, stand-ins in absent rows, all of the fusion's width; and who is present.

        A modality that is given without one real position (an empty text) counts as absent.
        """
        tokens, present = {}, []
        for index, name in enumerate(self.modalities):
            here = batch.presence[:, index] & batch.inputs[name].mask.flatten(1).any(dim=1)
            x, mask = blank(batch.inputs[name], here)
            values, mask = self.encoders[name](x, mask)
            tokens[name] = self.stand_ins[name](Tokens(self.projections[name](values), mask), here)
            present.append(here)
        return tokens, torch.stack(present, dim=1)

    def _experts(
        self, tokens: Mapping[str, Tokens], presence: Tensor, offsets: Mapping[str, Tensor]
    ) -> dict[str, Tensor]:
        """What each expert answers, by head `[batch, modality, ...]`; an absent one answers with the prior."""
        raw = [self.experts[name](tokens[name]) for name in self.modalities]
        answers = {}
        for name in self.heads:
            head = self.head(name)
            dense = self._dense(head, tokens)
            here = [
                torch.where(presence[:, index, None, None], each[name], torch.zeros_like(each[name]))
                for index, each in enumerate(raw)
            ]
            answers[name] = torch.stack([head.answer(each, offsets.get(name), dense) for each in here], dim=1)
        return answers

    def fuse(self, name: str, output: Output) -> Tensor:
        """The product of experts reweighed by the gates, moved by the residual; the blend can switch both off.

        Cheap beside `forward`: it reads only the experts, gates and fused tokens of an output.
        """
        head, index = self.head(name), list(self.heads).index(name)
        experts, gates, there = output.experts[name], output.gates, output.presence.to(output.gates.dtype)
        blend = self.blend(index, output.presence)
        share = gates * there.sum(dim=1, keepdim=True) - there
        powers = blend.powers * (1 + blend.scale[:, None] * torch.tanh(self.reweigh[index]) * share)
        powers = powers.clamp(min=0)  # of three and more modalities, one could otherwise count against itself
        # Experts learn from their own losses only: a fused loss through them would let one modality silence another.
        base = head.combine(experts.detach() if self.training else experts, powers, output.offsets.get(name))
        queries = self.queries[name].expand(gates.shape[0], -1, -1)
        queries = queries if output.product is None else queries + output.product
        residual = self.residuals[name](self.decoder(queries, output.fused))
        return head.shift(base, residual, blend.scale, self._dense(head, output.tokens))

    def head(self, name: str) -> Head:
        """The head of that name."""
        head = self.heads[name]
        assert isinstance(head, Head)
        return head

    def _encoder(self, name: str) -> Encoder:
        encoder = self.encoders[name]
        assert isinstance(encoder, Encoder)
        return encoder

    def _dense(self, head: Head, tokens: Mapping[str, Tokens]) -> Float[Tensor, "batch token width"] | None:
        return tokens[head.modality].values if head.modality is not None else None


def _zero_linear(width: int, size: int) -> nn.Linear:
    """A layer whose output is zero until it has learnt something."""
    layer = nn.Linear(width, size)
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


def _check(modalities: tuple[str, ...], heads: Mapping[str, HeadConfig]) -> None:
    if not modalities or not heads:
        raise ConfigError(f"a model needs an encoder and a head, got {len(modalities)} and {len(heads)}")
    for head in heads.values():
        if isinstance(head, MaskHead) and head.modality not in modalities:
            raise UnknownName("modality of a mask head", head.modality, modalities)
