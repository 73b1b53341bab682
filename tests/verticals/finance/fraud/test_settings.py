"""What a user sets of the decision in words is what decides, and what cannot be is answered with a sentence."""

from __future__ import annotations

import pytest

from colonnade.core.errors import InputError
from colonnade.verticals.finance.fraud.pipeline import FraudPipeline
from colonnade.verticals.finance.fraud.scoring import Costs


@pytest.fixture(scope="module")
def pipeline() -> FraudPipeline:
    return FraudPipeline.from_pretrained()


def test_words_become_costs_and_a_budget_and_leave_the_rest(pipeline):
    found = pipeline.setting("review_cost", "5").setting("refusal_cost", "1e3").setting("found", ".8")
    assert found.settings.costs == Costs(review=5.0, refusal=1000.0, found=0.8)
    assert found.setting("budget", "100").settings.alerts == 100
    assert found.setting("budget", "100").setting("budget", "none").settings.alerts is None
    assert pipeline.settings.costs == Costs()
    assert found.model == pipeline.model
    assert found.fitted is pipeline.fitted


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("budget", "many", "budget is a whole number of alerts a day, or none, got 'many'"),
        ("budget", "2.5", "got '2.5'"),
        ("budget", "0", "at least one alert a day, got 0"),
        ("review_cost", "-1", "review_cost is an amount of money, 0 or more, such as 5, got '-1'"),
        ("review_cost", "nan", "got 'nan'"),
        ("refusal_cost", "inf", "got 'inf'"),
        ("found", "90", "found is a share from 0 to 1 such as .9, got '90'"),
        ("reviewcost", "5", "did you mean 'review_cost'"),
        ("durable", "perhaps", "durable is yes or no, got 'perhaps'"),
    ],
)
def test_what_cannot_be_set_is_answered_with_a_sentence(name, value, said, pipeline):
    with pytest.raises(InputError) as caught:
        pipeline.setting(name, value)
    assert said in str(caught.value)
