"""The model's promises: any subset answers, nothing leaks from what is absent, and fused starts as the late product."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch
from torch import nn

from colonnade.core.decoding.heads import ClassHead, MaskHead, NumberHead, QuantileHead, SetHead
from colonnade.core.encoders.base import Encoder
from colonnade.core.errors import ConfigError, UnknownName
from colonnade.core.fusion.fusion import FusionConfig
from colonnade.core.guard import Labelled, guard
from colonnade.core.model import Model
from colonnade.core.objective import losses
from colonnade.core.types import Batch, Packed, Series, Tokens

HEADS = {
    "kind": ClassHead(classes=3),
    "size": NumberHead(),
    "range": QuantileHead(levels=(0.1, 0.5, 0.9)),
    "things": SetHead(queries=3, classes=2),
    "where": MaskHead(modality="b", queries=2),
}
FUSION = FusionConfig(width=16, heads=2, latents=3, layers=2, memory=2, rank=4)


class Rows(Encoder):
    """A series, a token a step."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.width, self.channels = width, channels
        self.net = nn.Linear(channels, width)

    def collate(self, nouns):
        length = max([1, *(len(noun.values) for noun in nouns if noun is not None)])
        x, mask = torch.zeros(len(nouns), length, self.channels), torch.zeros(len(nouns), length, dtype=torch.bool)
        for row, noun in enumerate(nouns):
            if noun is not None:
                x[row, : len(noun.values)], mask[row, : len(noun.values)] = torch.tensor(noun.values), True
        return Packed(x, mask)

    def forward(self, x, mask):
        return Tokens(torch.tanh(self.net(x)) * mask[:, :, None], mask)


def a_model(heads=None, *, fusion=FUSION, moved=True) -> Model:
    """Three modalities of different widths; `moved` takes the zero-initialised weights away from zero."""
    torch.manual_seed(0)
    model = Model({"a": Rows(4, 8), "b": Rows(3, 16), "c": Rows(2, 12)}, heads=heads or HEADS, fusion=fusion)
    if moved:
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(0.1 * torch.randn_like(parameter))
    return model.eval()


def a_series(seed: int, length: int, channels: int) -> Series:
    values = np.random.default_rng(seed).normal(size=(length, channels))
    return Series(values=values, times=np.arange(length))


def records(presence=((1, 1, 1), (1, 0, 0), (0, 1, 1), (0, 0, 1))) -> list[dict[str, Series | None]]:
    sizes = {"a": (5, 4), "b": (3, 3), "c": (6, 2)}
    return [
        {name: a_series(7 * row + place, *sizes[name]) for place, name in enumerate(sizes) if present[place]}
        for row, present in enumerate(presence)
    ]


def targets(rows: int) -> dict:
    generator = torch.Generator().manual_seed(1)
    things = [(torch.tensor([0, 1]), torch.rand(2, 4, generator=generator)) for _ in range(rows)]
    return {
        "kind": torch.randint(0, 3, (rows,), generator=generator),
        "size": torch.randn(rows, generator=generator),
        "range": torch.randn(rows, generator=generator),
        "things": things,
        "where": torch.randint(0, 2, (rows, 2, 3), generator=generator).float(),
    }


def test_every_non_empty_subset_answers_every_head():
    model = a_model()
    every = [bits for bits in product((0, 1), repeat=3) if any(bits)]
    output = model(model.collate(records(every)))
    for name in HEADS:
        assert output.answers[name].shape[0] == len(every)
        assert output.answers[name].isfinite().all(), name
        assert output.late[name].shape == output.answers[name].shape
        assert output.experts[name].shape[:2] == (len(every), 3)


def test_fused_equals_the_late_product_before_training():
    model = a_model(moved=False)
    output = model(model.collate(records()))
    for name in HEADS:
        torch.testing.assert_close(output.answers[name], output.late[name], atol=1e-5, rtol=1e-5)
    moved = a_model()
    output = moved(moved.collate(records()))
    assert (output.answers["kind"] - output.late["kind"]).abs().max() > 1e-3


def test_late_answer_of_one_modality_is_its_expert():
    model = a_model()
    output = model(model.collate(records(((1, 0, 0), (0, 1, 0), (0, 0, 1)))))
    for name in ("kind", "size", "range", "things", "where"):
        alone = torch.stack([output.experts[name][index, index] for index in range(3)])
        torch.testing.assert_close(output.late[name], alone, atol=1e-5, rtol=1e-5)


def test_gates_are_exactly_zero_where_absent_and_add_up_to_one():
    model = a_model()
    batch = model.collate(records())
    gates = model(batch).gates
    assert (gates[~batch.presence] == 0).all()
    torch.testing.assert_close(gates.sum(dim=1), torch.ones(4))


def test_absent_values_are_never_read_not_even_through_gradients():
    model = a_model().train()
    batch = model.collate(records())
    spoiled = {}
    for index, name in enumerate(model.modalities):
        x, mask = batch.inputs[name]
        x, mask = x.clone(), mask.clone()
        x[~batch.presence[:, index]] = float("nan")
        mask[~batch.presence[:, index]] = True
        spoiled[name] = Packed(x, mask)
    outputs, gradients = [], []
    for inputs in (batch.inputs, spoiled):
        model.zero_grad()
        output = model(Batch(inputs, batch.presence))
        sum(losses(model, output, targets(4)).values()).backward()
        outputs.append(output)
        gradients.append([parameter.grad.clone() for parameter in model.parameters()])
    for name in HEADS:
        assert torch.equal(outputs[0].answers[name], outputs[1].answers[name]), name
    for clean, dirty in zip(*gradients, strict=True):
        assert torch.equal(clean, dirty)


def test_the_stand_in_of_an_absent_modality_moves_the_answer_in_training_and_after():
    model = a_model()
    batch = model.collate(records(((1, 0, 1), (1, 1, 1))))
    for training in (True, False):
        model.train(training)
        before = model(batch).answers["kind"]
        with torch.no_grad():
            model.stand_ins["b"].token.add_(torch.randn(16, generator=torch.Generator().manual_seed(3)))
        after = model(batch).answers["kind"]
        assert not torch.equal(before[0], after[0])
        assert torch.equal(before[1], after[1])


def test_a_modality_without_one_real_position_counts_as_absent():
    model = a_model()
    batch = model.collate(records(((1, 1, 1), (1, 0, 1))))
    said = model(Batch(batch.inputs, torch.ones_like(batch.presence)))
    assert torch.equal(said.presence, batch.presence)
    assert torch.equal(said.answers["kind"], model(batch).answers["kind"])


def test_rows_and_padding_do_not_change_an_answer():
    model = a_model()
    together = model(model.collate(records()))
    for row, record in enumerate(records()):
        alone = model(model.collate([record]))
        for name in ("kind", "size", "range", "things"):
            torch.testing.assert_close(alone.answers[name][0], together.answers[name][row], atol=1e-5, rtol=1e-4)


def test_a_gradient_reaches_every_parameter():
    model = a_model().train()
    sum(losses(model, model(model.collate(records())), targets(4), spread=0.1).values()).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().max() > 0, name


def test_experts_learn_nothing_from_the_fused_loss():
    model = a_model().train()
    named = losses(model, model(model.collate(records())), targets(4))
    named["kind"].backward()
    assert all(parameter.grad is None or not parameter.grad.any() for parameter in model.experts.parameters())


def test_offsets_are_where_answers_start_from():
    model = a_model(moved=False)
    batch = model.collate(records())
    offset = torch.tensor([1.0, -2.0, 3.0, 10.0])
    output = model(batch, {"size": offset, "range": offset})
    torch.testing.assert_close(output.answers["size"][:, 0], offset)
    torch.testing.assert_close(output.answers["range"][:, 1], offset)


def test_rows_without_a_target_count_for_nothing():
    model = a_model()
    output, full = model(model.collate(records())), targets(4)
    part = {**full, "kind": full["kind"].clone(), "size": full["size"].clone()}
    part["kind"][1:], part["size"][1:] = -1, float("nan")
    named = losses(model, output, part)
    assert all(value.isfinite() for value in named.values())
    one = model.heads["kind"].loss(output.answers["kind"][:1], full["kind"][:1]).value[0]
    torch.testing.assert_close(named["kind"], one)


def test_the_guard_falls_back_to_what_is_best_on_validation_data():
    model = a_model({"kind": ClassHead(classes=3)})
    with torch.no_grad():
        model.residuals["kind"].weight.mul_(50)
    rows = records([(1, 1, 1)] * 24)
    batch = model.collate(rows)
    goal = {"kind": model(batch).experts["kind"][:, 1].argmax(dim=1)}
    before = model.heads["kind"].loss(model(batch).answers["kind"], goal["kind"]).value.mean()
    chosen = guard(model, [Labelled(batch, goal)])
    output = model(batch)
    fused = model.heads["kind"].loss(output.answers["kind"], goal["kind"]).value.mean()
    late = model.heads["kind"].loss(output.late["kind"], goal["kind"]).value.mean()
    alone = [model.heads["kind"].loss(output.experts["kind"][:, i], goal["kind"]).value.mean() for i in range(3)]
    assert fused < before
    assert fused <= min(late, *alone) + 1e-6
    assert len(chosen) == 7
    assert {choice.modalities: choice for choice in chosen}["a", "b", "c"].choice.residual < 1


def test_gentle_classes_start_at_their_offset_whoever_is_there():
    model = a_model({"kind": ClassHead(classes=3, gentle=True)}, moved=False)
    batch = model.collate(records())
    offset = torch.randn(len(batch.presence), 3)
    output = model(batch, {"kind": offset})
    for answer in (output.answers["kind"], output.late["kind"], output.experts["kind"][:, 1]):
        torch.testing.assert_close(answer, offset.log_softmax(dim=1))


def test_blend_zero_is_the_late_product():
    model = a_model()
    model.blend.scale.zero_()
    output = model(model.collate(records()))
    for name in HEADS:
        torch.testing.assert_close(output.answers[name], output.late[name], atol=1e-5, rtol=1e-5)


def test_attention_maps_run_over_present_tokens_only():
    model = a_model()
    batch = model.collate(records())
    output = model(batch, maps=True)
    mask = torch.cat([output.tokens[name].mask for name in model.modalities], dim=1)
    assert output.attention.shape == (4, 3, mask.shape[1])
    torch.testing.assert_close(output.attention.sum(dim=2), torch.ones(4, 3))
    assert (output.attention.transpose(1, 2)[~mask] == 0).all()


def test_no_expert_counts_against_itself_however_far_the_gates_move_the_product():
    model = a_model()
    with torch.no_grad():
        model.reweigh.fill_(-9)
        for index, reader in enumerate(model.gates.readers):
            reader.down.bias.fill_(9.0 if index == 0 else -9.0)
        model.experts["a"].answers["size"].down.bias.copy_(torch.tensor([0.0, 6.0]))  # surer than all others together
        answers = model(model.collate(records(((1, 1, 1),)))).answers
    assert answers["size"].isfinite().all()
    assert (answers["range"].diff(dim=1) >= 0).all()


def test_with_nothing_present_the_answer_is_the_prior():
    model = a_model({"kind": ClassHead(classes=3), "size": NumberHead(), "range": QuantileHead()})
    answers = model(model.collate([{}])).answers
    for name, answer in answers.items():
        torch.testing.assert_close(answer[0], model.head(name).prior)


def test_wrong_names_and_empty_models_are_refused():
    with pytest.raises(UnknownName, match="did you mean 'b'"):
        a_model({"where": MaskHead(modality="bb")})
    with pytest.raises(UnknownName, match="'d'"):
        a_model().collate([{"d": a_series(0, 2, 2)}])
    with pytest.raises(ConfigError, match="an encoder and a head"):
        Model({}, heads=HEADS)
