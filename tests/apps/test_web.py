from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="the extra 'serve' is not installed")

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # starlette names the next version of its client
    from fastapi.testclient import TestClient

from colonnade.apps import web
from colonnade.apps.cli import main
from colonnade.core.vertical import Vertical, installed


def finance_in_forms() -> Vertical:
    """Finance without its own application."""
    return replace(next(vertical for vertical in installed() if vertical.name == "finance"), app=None)


def test_a_page_has_a_form_for_each_task_and_a_field_for_each_modality():
    finance = finance_in_forms()
    with TestClient(web.application(finance)) as client:
        page = client.get("/").text
    assert 'action="/v1/finance/market-risk?as=report"' in page
    assert '<input type="file" name="prices" multiple required>' in page
    assert '<textarea name="news" rows="3"></textarea>' in page


def test_the_form_is_answered_with_the_report_of_the_task():
    finance = finance_in_forms()
    task = next(each for each in finance.tasks if each.name == "finance/market-risk")
    prices = Path(task.sample()["prices"]).read_bytes()
    with TestClient(web.application(finance)) as client:
        fields = {"prices": ("prices.csv", prices), "news": (None, "")}
        answer = client.post("/v1/finance/market-risk?as=report", files=fields)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/html")
    assert "Colonnade report" in answer.text


def test_an_unknown_vertical_is_refused(capsys):
    assert main(["app", "finances"]) == 2
    assert "did you mean 'finance'" in capsys.readouterr().err


def test_a_vertical_with_its_own_application_is_served_by_it():
    seen = []

    def app(pipelines):
        seen.extend(pipelines)
        return "its own application"

    assert web.application(Vertical(name="mine", summary="Mine", tasks=(), app=app)) == "its own application"
    assert seen == []


def test_the_medical_app_is_the_viewer():
    medical = next(vertical for vertical in installed() if vertical.name == "medical")
    with TestClient(web.application(medical)) as client:
        assert "Research use only, not for diagnosis" in client.get("/").text
        assert client.get("/v1/tasks").json()["tasks"][0]["name"] == "medical/nodules"


def test_the_finance_app_is_the_desk():
    finance = next(vertical for vertical in installed() if vertical.name == "finance")
    with TestClient(web.application(finance)) as client:
        assert 'id="view-compliance"' in client.get("/").text
        assert "finance/assistant" in [each["name"] for each in client.get("/v1/tasks").json()["tasks"]]
