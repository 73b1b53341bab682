"""Contrastive and positive-only alignment, on the rows where both modalities are present."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F

from colonnade.core.alignment.contrastive import Alignment, AlignmentConfig, info_nce, positive
from colonnade.core.alignment.retrieval import recall
from colonnade.core.errors import ConfigError

NAMES = {"image": 12, "audio": 8, "text": 6}


def rows(number: int, width: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(number, width, generator=torch.Generator().manual_seed(seed))


def alignment(**settings) -> Alignment:
    torch.manual_seed(0)
    return Alignment(NAMES, AlignmentConfig(weight=1.0, width=16, **settings))


def pooled(number: int = 10) -> dict[str, torch.Tensor]:
    return {name: rows(number, width, seed) for seed, (name, width) in enumerate(NAMES.items())}


def test_info_nce_equals_its_definition_row_by_row_in_float64() -> None:
    a, b = F.normalize(rows(7, 5, 1), dim=1), F.normalize(rows(7, 5, 2), dim=1)
    both = torch.tensor([True, True, False, True, True, False, True])
    present = [row for row in range(7) if both[row]]
    expected = 0.0
    for one, other in ((a.double(), b.double()), (b.double(), a.double())):
        for row in present:
            scores = [math.exp(8.0 * float(one[row] @ other[column])) for column in present]
            expected -= math.log(math.exp(8.0 * float(one[row] @ other[row])) / sum(scores)) / (2 * len(present))
    assert float(info_nce(a, b, both, scale=torch.tensor(8.0))) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("kind", ["contrastive", "positive"])
def test_an_absent_row_changes_nothing_and_gets_no_gradient(kind) -> None:
    model, inputs = alignment(kind=kind), pooled()
    presence = torch.ones(10, 3, dtype=torch.bool)
    presence[4, 1] = presence[7, 1] = False
    loss = model(inputs, presence)
    inputs["audio"][4], inputs["audio"][7] = 1e4, float("nan")
    inputs["audio"].requires_grad_()
    again = model(inputs, presence)
    assert torch.equal(loss, again)
    again.backward()
    assert all(torch.isfinite(parameter.grad).all() for parameter in model.parameters() if parameter.grad is not None)
    assert not inputs["audio"].grad[[4, 7]].any()
    assert inputs["audio"].grad[presence[:, 1]].any(dim=1).all()


@pytest.mark.parametrize("kind", ["contrastive", "positive"])
def test_without_a_pair_the_loss_is_zero_and_still_differentiable(kind) -> None:
    model = alignment(kind=kind)
    presence = torch.zeros(10, 3, dtype=torch.bool)
    presence[torch.arange(10), torch.arange(10) % 3] = True
    loss = model(pooled(), presence)
    assert loss == 0
    loss.backward()
    assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.grad is not None)


def test_a_gradient_reaches_every_head_and_the_temperature() -> None:
    model = alignment()
    model(pooled(), torch.ones(10, 3, dtype=torch.bool)).backward()
    assert all(parameter.grad is not None and parameter.grad.any() for parameter in model.parameters())


def test_the_weight_multiplies_the_loss_and_zero_takes_it_out() -> None:
    presence = torch.ones(10, 3, dtype=torch.bool)
    losses = []
    for weight in (0.0, 1.0, 0.25):
        torch.manual_seed(0)
        losses.append(Alignment(NAMES, AlignmentConfig(weight=weight, width=16))(pooled(), presence).item())
    assert losses[0] == 0
    assert losses[2] == pytest.approx(losses[1] / 4)


@pytest.mark.parametrize("kind", ["contrastive", "positive"])
def test_rows_find_their_partner_after_training(kind) -> None:
    torch.manual_seed(0)
    latent = rows(1100, 8)
    views = {"a": torch.tanh(latent @ rows(8, 24, 1) / 3), "b": torch.tanh(latent @ rows(8, 20, 2) / 3)}
    model = Alignment({"a": 24, "b": 20}, AlignmentConfig(weight=1.0, width=16, kind=kind))
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3)
    held_out = {name: view[1000:] for name, view in views.items()}

    def found() -> float:
        with torch.no_grad():
            return recall(*(model.embed(name, held_out[name]) for name in ("a", "b")))

    assert found() < 0.1
    generator = torch.Generator().manual_seed(0)
    for _ in range(150):
        chosen = torch.randperm(1000, generator=generator)[:128]
        loss = model({name: view[chosen] for name, view in views.items()}, torch.ones(128, 2, dtype=torch.bool))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert found() > (0.9 if kind == "contrastive" else 0.8)


def test_the_positive_loss_sees_rows_that_have_fallen_onto_one_point() -> None:
    both = torch.ones(64, dtype=torch.bool)
    spread = rows(64, 4)
    assert positive(spread, spread, both) < 0.1
    assert positive(spread[:1].expand(64, 4), spread[:1].expand(64, 4), both) > 0.9
    assert positive(spread[:, :1].expand(64, 4), spread[:, :1].expand(64, 4), both) > 0.1


def test_the_loss_is_float32_under_autocast() -> None:
    with torch.autocast("cpu", torch.bfloat16):
        loss = alignment()(pooled(), torch.ones(10, 3, dtype=torch.bool))
    assert loss.dtype == torch.float32


def test_settings_that_cannot_work_are_refused() -> None:
    with pytest.raises(ConfigError, match="weight of at least 0"):
        AlignmentConfig(weight=-1.0)
