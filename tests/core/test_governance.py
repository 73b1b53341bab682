from __future__ import annotations

import pytest

from colonnade.core.errors import InputError
from colonnade.core.pipeline import Pipeline
from colonnade.core.vertical import find, governed, tasks


@pytest.mark.parametrize("name", [task.name for task in tasks().values() if task.governed])
def test_a_task_that_is_governed_has_a_report_of_its_own(name):
    assert find(name).pipeline().govern_on is not Pipeline.govern_on


def test_finance_has_governed_tasks_and_others_are_refused_by_naming_them():
    assert governed(find("finance/fraud")).name == "finance/fraud"
    with pytest.raises(
        InputError, match=r"medical/nodules has no governance report: tasks with one are .*finance/fraud"
    ):
        governed(find("medical/nodules"))
