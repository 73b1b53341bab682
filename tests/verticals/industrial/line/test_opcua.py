"""With a real OPC UA client (asyncua) on a real socket."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from urllib.parse import urlsplit

import pytest

pytest.importorskip("asyncua", reason="pip install 'colonnade[line]'")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")

from colonnade.core.errors import FileError  # noqa: E402
from colonnade.verticals.industrial.line.opcua import NAMESPACE, OpcUa  # noqa: E402
from colonnade.verticals.industrial.line.sources import Watched  # noqa: E402


def until(condition, seconds=60.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


@pytest.fixture
def port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


class Heard:
    def __init__(self) -> None:
        self.events: list[object] = []

    def event_notification(self, event):
        self.events.append(event)


async def talk(port, put, line):
    from asyncua import Client

    async with Client(f"opc.tcp://127.0.0.1:{port}/") as client:
        index = await client.get_namespace_index(NAMESPACE)

        async def read(*path):
            node = await client.nodes.objects.get_child([f"{index}:{each}" for each in path])
            return await node.read_value()

        system = await client.nodes.objects.get_child([f"{index}:VisionSystem"])
        kind = await client.nodes.base_event_type.get_child([f"{index}:ResultReadyEventType"])
        heard = Heard()
        subscription = await client.create_subscription(50, heard)
        await subscription.subscribe_events(system, kind)
        for number in range(2):
            put(f"a{number}", "image", score=5.0)
            put(f"a{number}", "sound", score=5.0)
        for _ in range(1_000):
            if len(heard.events) == 2:
                break
            await asyncio.sleep(0.05)
        at = ("VisionSystem", "ResultManagement", "Results", "Result")
        alarm = ("VisionSystem", "ConditionManagement", "rejects")
        names = ("ResultId", "PartId", "Decision", "Score", "ResultState", "IsPartial", "ResultContent")
        found = {name: await read(*at, name) for name in names}
        found["state"] = await read("VisionSystem", "VisionStateMachine", "CurrentState")
        found["raised"] = (await read(*alarm, "ActiveState"), await read(*alarm, "AckedState"))
        found["causes"] = await read("VisionSystem", "ConditionManagement", "LikelyCauses")
        found["seen"] = await system.call_method(f"{index}:Acknowledge", "Ada")
        found["acknowledged"] = (await read(*alarm, "ActiveState"), await read(*alarm, "AckedState"))
        found["events"] = [(each.ResultId, each.PartId, each.Decision) for each in heard.events]
        await subscription.delete()
        return found


def test_a_client_reads_results_alarms_and_events_and_acknowledges(made, put, results, port):
    line = made(listeners=(OpcUa(urlsplit(f"opc.tcp://127.0.0.1:{port}")),), alarm="2/3")
    settings = line.settings
    source = Watched(
        settings.watch, wait=settings.wait, journal=line.journal, senses=line.watching.senses, keeping=line.keeping
    )
    thread = threading.Thread(target=line.run, args=(source,), daemon=True)
    thread.start()
    until(lambda: line.listeners[0].opened)
    found = asyncio.run(talk(port, put, line))
    line.stop("the test")
    thread.join(60)
    assert not thread.is_alive()
    assert [each[0] for each in found["events"]] == ["1", "2"]
    assert {each[1:] for each in found["events"]} == {("a0", "reject"), ("a1", "reject")}
    assert (found["ResultId"], found["Decision"], found["ResultState"], found["IsPartial"]) == ("2", "reject", 1, False)
    assert json.loads(found["ResultContent"]) == results()[1]
    assert found["Score"] == pytest.approx(results()[1]["score"])
    assert found["state"].startswith("Operational")
    assert found["raised"] == (True, False)
    assert json.loads(found["causes"])[0]["edges"]
    assert found["seen"] == "rejects"
    assert found["acknowledged"] == (True, True)
    assert line.watching.alarms["rejects"].by == "Ada"


def test_a_port_that_is_taken_is_a_sentence():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(FileError, match="cannot listen at opc"):
            OpcUa(urlsplit(f"opc.tcp://127.0.0.1:{taken.getsockname()[1]}"))
