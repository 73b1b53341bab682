"""Against a real broker (amqtt) in this process, and a real client (paho)."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

pytest.importorskip("paho.mqtt.client", reason="pip install 'colonnade[line]'")
pytest.importorskip("amqtt", reason="pip install amqtt: the broker that these tests talk to")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")

from colonnade.verticals.industrial.line.mqtt import Mqtt  # noqa: E402
from colonnade.verticals.industrial.line.sources import Watched  # noqa: E402

CONFIG = {
    "listeners": {"default": {"type": "tcp", "bind": "127.0.0.1:{port}"}},
    "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
}


class Broker:
    """A broker with a loop of its own that can go away and come back."""

    def __init__(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()
        logging.getLogger("amqtt").setLevel(logging.CRITICAL)
        logging.getLogger("transitions").setLevel(logging.CRITICAL)

    def do(self, work):
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(15)

    def start(self):
        from amqtt.broker import Broker as Real

        async def make():
            config = json.loads(json.dumps(CONFIG).replace("{port}", str(self.port)))
            self.real = Real(config)
            await self.real.start()

        self.do(make())

    def stop(self):
        self.do(self.real.shutdown())

    def close(self):
        self.loop.call_soon_threadsafe(self.loop.stop)


@pytest.fixture
def broker():
    made = Broker()
    made.start()
    yield made
    made.stop()
    made.close()


@pytest.fixture
def heard(broker):
    """What a subscriber of everything hears, by topic."""
    import paho.mqtt.client as paho

    found: dict[str, list[object]] = {}
    client = paho.Client(paho.CallbackAPIVersion.VERSION2)
    client.on_message = lambda client, data, message: found.setdefault(message.topic, []).append(
        json.loads(message.payload)
    )
    client.on_connect = lambda client, *rest: client.subscribe("plant/#", qos=1)
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    until(client.is_connected)
    found["client"] = client
    yield found
    client.disconnect()
    client.loop_stop()


def until(condition, seconds=60.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def started(made, tmp_path, port, **words):
    line = made(listeners=(Mqtt(urlsplit(f"mqtt://127.0.0.1:{port}/plant/cell"), tmp_path / "out"),), **words)
    settings = line.settings
    source = Watched(
        settings.watch, wait=settings.wait, journal=line.journal, senses=line.watching.senses, keeping=line.keeping
    )
    thread = threading.Thread(target=line.run, args=(source,), daemon=True)
    thread.start()

    def stop():
        line.stop("the test")
        thread.join(60)
        assert not thread.is_alive()

    return line, stop


def test_a_broker_is_told_results_state_alarms_and_heartbeats_and_tells_acknowledgments(
    made, put, tmp_path, broker, heard
):
    line, stop = started(made, tmp_path, broker.port, alarm="2/3")
    for number in range(2):
        put(f"a{number}", "image", score=5.0)
        put(f"a{number}", "sound", score=5.0)
    until(lambda: len(heard.get("plant/cell/result", [])) == 2)
    assert [each["number"] for each in heard["plant/cell/result"]] == [1, 2]
    assert heard["plant/cell/result"][1]["alarm"]["raised"] == ["rejects"]
    until(lambda: [each["level"] for each in heard.get("plant/cell/alarm", [])][-1:] == ["alarm"])
    assert heard["plant/cell/alarm"][-1]["causes"][0]["next_check"]
    assert heard["plant/cell/state"][0] == {"state": "online"}
    until(lambda: "plant/cell/heartbeat" in heard)
    heard["client"].publish("plant/cell/acknowledge", json.dumps({"by": "Ada"}), qos=1)
    until(lambda: line.watching.alarms["rejects"].by == "Ada")
    stop()
    until(lambda: heard["plant/cell/state"][-1] == {"state": "stopped"})


def test_results_wait_for_a_broker_that_is_away_and_for_a_line_that_was_stopped(made, put, results, tmp_path, broker):
    broker.stop()
    _, stop = started(made, tmp_path, broker.port)
    put("a", "image")
    put("a", "sound")
    until(results)
    stop()
    broker.start()
    import paho.mqtt.client as paho

    found = []
    client = paho.Client(paho.CallbackAPIVersion.VERSION2)
    client.on_message = lambda client, data, message: found.append(json.loads(message.payload)["number"])
    client.on_connect = lambda client, *rest: client.subscribe("plant/cell/result", qos=1)
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    until(client.is_connected)
    time.sleep(0.2)
    _, stop = started(made, tmp_path, broker.port)
    put("b", "image")
    put("b", "sound")
    until(lambda: found == [1, 2])
    stop()
    client.disconnect()
    client.loop_stop()


WILL = """
import sys, time
sys.path[:0] = [{dev!r}]
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlsplit
from colonnade.verticals.industrial.line.mqtt import Mqtt
out = Path({out!r})
out.mkdir()
mqtt = Mqtt(urlsplit("mqtt://127.0.0.1:{port}/plant/cell"), out)
mqtt.start(SimpleNamespace(journal=SimpleNamespace(results=out / "results.jsonl")))
while not mqtt.client.is_connected():
    time.sleep(0.02)
time.sleep(0.3)
print("ready", flush=True)
time.sleep(60)
"""


def test_a_line_that_is_killed_is_said_to_be_offline_by_its_last_will(tmp_path, broker, heard):
    root = Path(__file__).parents[4]
    script = WILL.format(dev=str(root / ".dev"), out=str(tmp_path / "will"), port=broker.port)
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    until(lambda: heard.get("plant/cell/state") == [{"state": "online"}])
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    until(lambda: heard["plant/cell/state"][-1] == {"state": "offline"})
