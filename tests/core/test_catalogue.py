"""A model's configuration survives JSON, and the model that is built from it answers."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch

from colonnade.core import catalogue
from colonnade.core.config import from_json, to_json
from colonnade.core.decoding.heads import ClassHead, QuantileHead
from colonnade.core.encoders.series import SeriesConfig
from colonnade.core.encoders.table import TableConfig
from colonnade.core.errors import ConfigError, UnknownName
from colonnade.core.fusion.fusion import FusionConfig
from colonnade.core.model import ModelConfig, build
from colonnade.core.types import Series, Table

CONFIG = ModelConfig(
    encoders={
        "row": TableConfig(width=16, numbers=("age", "amount"), categories=("colour",), heads=2),
        "prices": SeriesConfig(width=16, channels=1, depth=1, heads=2),
    },
    heads={"kind": ClassHead(classes=3), "range": QuantileHead(levels=(0.1, 0.5, 0.9))},
    fusion=FusionConfig(width=16, heads=2, latents=2, layers=1, memory=0),
)


def test_a_configuration_survives_json():
    assert from_json(ModelConfig, to_json(CONFIG)) == CONFIG


def test_a_configuration_with_an_unknown_key_or_kind_is_refused():
    with pytest.raises(UnknownName, match="did you mean 'width'"):
        from_json(ModelConfig, to_json(CONFIG).replace('"width"', '"widht"'))
    with pytest.raises(UnknownName, match="kind of encoder 'tables'"):
        from_json(ModelConfig, to_json(CONFIG).replace('"kind": "table"', '"kind": "tables"'))
    with pytest.raises(ConfigError, match="no component is of kind 'classes'"):
        from_json(ModelConfig, to_json(CONFIG).replace('"kind": "class"', '"kind": "classes"'))


def test_the_same_seed_builds_the_same_model_and_leaves_the_generator_alone():
    before = torch.get_rng_state()
    one, two = build(CONFIG, seed=3), build(from_json(ModelConfig, to_json(CONFIG)), seed=3)
    assert torch.equal(before, torch.get_rng_state())
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))
    record = {
        "row": Table(numbers={"age": 3.0, "amount": float("nan")}, categories={"colour": "red"}),
        "prices": Series(values=torch.arange(40.0).numpy(), times=range(40), channels=("close",)),
    }
    answers = one.eval()(one.collate([record, {"row": record["row"]}])).answers
    assert answers["kind"].shape == (2, 3)
    torch.testing.assert_close(answers["kind"].exp().sum(dim=1), torch.ones(2))


def test_every_kind_that_a_configuration_can_have_is_in_the_catalogue():
    folder = Path(catalogue.__file__).parent / "encoders"
    written = {
        kind for path in folder.glob("*.py") for kind in re.findall(r'kind: Literal\["(\w+)"\]', path.read_text())
    }
    assert written == set(catalogue.KINDS)
    for kind in catalogue.KINDS:
        assert catalogue._types(kind)[0].__name__ == f"{kind.capitalize()}Config"
