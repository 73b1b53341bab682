"""Every kind of head: products of experts are products, residuals of zero change nothing, quantiles never cross."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from colonnade.core.decoding.classes import Classes
from colonnade.core.decoding.heads import ClassHead, MaskHead, NumberHead, QuantileHead, SetHead, build_head
from colonnade.core.decoding.masks import Masks
from colonnade.core.decoding.numbers import Numbers
from colonnade.core.decoding.quantiles import Quantiles
from colonnade.core.decoding.sets import Sets
from colonnade.core.errors import ConfigError

CONFIGS = {
    "class": ClassHead(classes=4),
    "number": NumberHead(),
    "quantile": QuantileHead(levels=(0.1, 0.3, 0.5, 0.9)),
    "set": SetHead(queries=3, classes=2, box=4),
    "mask": MaskHead(modality="image", queries=2),
}


def experts_of(kind: str, rows: int = 5, modalities: int = 3):
    """A head, raw numbers by modality, dense tokens, and the experts' answers."""
    torch.manual_seed(0)
    head = build_head(CONFIGS[kind], width=8)
    raw = torch.randn(modalities, rows, head.queries, head.size)
    dense = torch.randn(rows, 6, 8) if kind == "mask" else None
    return head, raw, dense, torch.stack([head.answer(each, None, dense) for each in raw], dim=1)


@pytest.mark.parametrize("kind", CONFIGS)
def test_one_expert_alone_is_its_own_product(kind):
    head, _, _, experts = experts_of(kind)
    weights = torch.tensor([[0.0, 1.0, 0.0]]).expand(5, -1)
    torch.testing.assert_close(head.combine(experts, weights, None), experts[:, 1], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("kind", CONFIGS)
def test_a_residual_of_zero_changes_nothing_and_another_does(kind):
    head, raw, dense, experts = experts_of(kind)
    answer, one = experts[:, 0], torch.ones(5)
    torch.testing.assert_close(head.shift(answer, torch.zeros_like(raw[0]), one, dense), answer, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(head.shift(answer, raw[1], 0 * one, dense), answer, atol=1e-5, rtol=1e-5)
    assert (head.shift(answer, raw[1], one, dense) - answer).abs().max() > 1e-2


@pytest.mark.parametrize("kind", CONFIGS)
def test_a_residual_that_starts_at_zero_has_a_gradient(kind):
    head, raw, dense, experts = experts_of(kind)
    zero = torch.zeros_like(raw[0]).requires_grad_()
    head.shift(experts[:, 0], zero, torch.ones(5), dense).square().sum().backward()
    assert (zero.grad.flatten(0, 1).abs().max(dim=0).values > 0).all()


@pytest.mark.parametrize("kind", ["class", "number", "quantile"])
def test_nobody_answers_with_the_prior(kind):
    head, _, _, experts = experts_of(kind)
    prior = head.combine(experts, torch.zeros(5, 3), None)
    wanted = {"class": head.prior, "number": torch.zeros(2), "quantile": head.prior}[kind]
    torch.testing.assert_close(prior[0], wanted.to(prior.dtype), atol=1e-5, rtol=1e-5)


def test_the_product_of_classes_counts_the_prior_once():
    head = Classes(ClassHead(classes=3))
    head.fit_prior(torch.tensor([0, 0, 0, 0, 0, 1, 2]))
    likelihood = torch.tensor([[[0.7, 0.2, 0.1], [0.5, 0.3, 0.9]]])
    experts = F.log_softmax(head.prior + likelihood.log(), dim=2)
    bayes = head.prior.exp() * likelihood.prod(dim=1)
    torch.testing.assert_close(head.combine(experts, torch.ones(1, 2), None).exp(), bayes / bayes.sum())


def test_the_product_of_gaussians_adds_precisions_and_counts_the_prior_once():
    head = Numbers()
    head.fit_prior(torch.tensor([-3.0, 3.0, -3.0, 3.0]))
    experts = torch.tensor([[[1.0, 0.0], [2.0, -1.0]]])
    mean, scale = head.combine(experts, torch.ones(1, 2), None)[0]
    precision = 1 + torch.e**2 - 1 / 9
    assert scale.exp() == pytest.approx(precision**-0.5, rel=1e-4)
    assert mean == pytest.approx((1 * 1 + 2 * torch.e**2) / precision, rel=1e-4)


def test_quantiles_never_cross_whatever_the_network_says():
    head = Quantiles(CONFIGS["quantile"])
    raw = 20 * torch.randn(200, 1, 4, generator=torch.Generator().manual_seed(0))
    answer = head.answer(raw, None)
    assert (answer.diff(dim=1) >= 0).all()
    shifted = head.shift(answer, 20 * torch.randn(200, 1, 4), torch.ones(200))
    assert (shifted.diff(dim=1) >= 0).all()


def test_quantiles_of_least_loss_are_the_quantiles():
    head, data = Quantiles(CONFIGS["quantile"]), torch.randn(4000, generator=torch.Generator().manual_seed(1)) * 3 + 5
    head.fit_prior(data)
    best = head.loss(head.prior.expand(4000, -1), data).value.mean()
    for change in (-0.3, 0.3):
        for level in range(4):
            moved = head.prior.clone()
            moved[level] += change
            assert head.loss(moved.sort().values.expand(4000, -1), data).value.mean() > best


def test_a_set_is_matched_whatever_its_order():
    head, raw, _, _ = experts_of("set")
    answer = head.answer(raw[0])
    classes, boxes = torch.tensor([0, 1]), torch.rand(2, 4)
    there = head.loss(answer, [(classes, boxes)] * 5)
    back = head.loss(answer, [(classes.flip(0), boxes.flip(0))] * 5)
    torch.testing.assert_close(there.value, back.value)
    assert not head.loss(answer, [None] * 5).known.any()


def test_a_perfect_set_costs_little_and_an_empty_one_is_learnable():
    head = Sets(CONFIGS["set"])
    boxes = torch.tensor([[0.2, 0.3, 0.4, 0.5], [0.6, 0.6, 0.1, 0.2]])
    raw = torch.zeros(1, 3, 7)
    raw[0, 0, 1], raw[0, 1, 0], raw[0, 2, 2] = 20, 20, 20
    raw[0, :2, 3:] = torch.logit(boxes)
    assert head.loss(head.answer(raw), [(torch.tensor([1, 0]), boxes)]).value.item() < 1e-4
    assert head.loss(head.answer(raw), [(torch.zeros(0).long(), torch.zeros(0, 4))]).value.isfinite().all()


def test_masks_count_known_tokens_only():
    head = Masks(MaskHead(modality="image"), width=8)
    target = torch.tensor([[[1.0, 0.0, float("nan")]]])
    sure = torch.tensor([[[20.0, -20.0, 0.0]]])
    other = torch.tensor([[[20.0, -20.0, 50.0]]])
    assert head.loss(sure, target).value.item() < 1e-4
    torch.testing.assert_close(head.loss(sure, target).value, head.loss(other, target).value)
    assert not head.loss(sure, torch.full((1, 1, 3), float("nan"))).known.any()


def test_levels_that_do_not_rise_are_refused():
    for levels in ((0.5, 0.1), (0.5,), (0.0, 0.5), (0.2, 0.2)):
        with pytest.raises(ConfigError, match="rise strictly"):
            QuantileHead(levels=levels)
