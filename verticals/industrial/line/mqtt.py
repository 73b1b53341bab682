"""Tells a broker over MQTT (paho): every result at least once, the state and the alarms retained, and a last will.

    TOPIC/result        each result line, QoS 1; a line's `number` tells one that is sent again
    TOPIC/state         retained: `online`, `stopped`, or, as the last will, `offline`
    TOPIC/heartbeat     retained: the state of the line, every second, QoS 0
    TOPIC/alarm         retained, QoS 1, when it changes, with the likely causes
    TOPIC/acknowledge   taken from operators: a name, or {"by": ..., "alarm": ...}

A broker that is away delays telling and nothing else: results wait in results.jsonl. The one file that imports paho.
"""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, final
from urllib.parse import SplitResult, unquote

from ....core.optional import require
from ....core.progress import say
from .tail import Tail

if TYPE_CHECKING:
    from .running import Line

TOPIC = "colonnade/line"
DRAIN = 3.0  # seconds that a stop waits for what is not told yet


@final
class Mqtt:
    """A listener of the line. Raises MissingExtra where paho is not installed."""

    def __init__(self, url: SplitResult, out: Path) -> None:
        paho = require("paho.mqtt.client", "line", "telling an MQTT broker")
        self.topic = unquote(url.path.strip("/")) or TOPIC
        self.out, self.address = out, (url.hostname or "", url.port or (8883 if url.scheme == "mqtts" else 1883))
        self.client = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id=f"colonnade-{time.time_ns():x}")
        if url.username:
            self.client.username_pw_set(unquote(url.username), unquote(url.password or ""))
        if url.scheme == "mqtts":
            self.client.tls_set()
        self.client.will_set(f"{self.topic}/state", _json({"state": "offline"}), qos=1, retain=True)
        self.client.reconnect_delay_set(1, 30)
        self.client.on_connect = self._connected
        self.client.on_message = self._heard
        self.client.on_disconnect = self._away
        self.wake, self.stopping = threading.Event(), threading.Event()
        self.line: Line | None = None
        self.alarm: Any = None
        self.sent = 0

    def start(self, line: Line) -> None:
        self.line = line
        self.tail = Tail(line.journal.results, self.out / "mqtt.json")
        self.client.connect_async(*self.address, keepalive=15)
        self.client.loop_start()
        self.thread = threading.Thread(target=self._tell, daemon=True)
        self.thread.start()

    def told(self, result: dict[str, Any]) -> None:
        self.wake.set()

    def beat(self, state: dict[str, Any]) -> None:
        if self.client.is_connected():
            self.client.publish(f"{self.topic}/heartbeat", _json(state), qos=0, retain=True)
            if state["alarm"] != self.alarm and self.line is not None:
                self.alarm = state["alarm"]
                whole = state["alarm"] | {"causes": self.line.causes()}
                self.client.publish(f"{self.topic}/alarm", _json(whole), qos=1, retain=True)

    def stop(self) -> None:
        self.stopping.set()
        self.wake.set()
        self.thread.join(DRAIN)
        if self.client.is_connected():
            done = self.client.publish(f"{self.topic}/state", _json({"state": "stopped"}), qos=1, retain=True)
            try:
                done.wait_for_publish(DRAIN)
            except (RuntimeError, ValueError) as error:
                say(f"the broker was not told that the line stopped: {error}")
        self.client.disconnect()
        self.client.loop_stop()

    def _tell(self) -> None:
        """Everything in order, each line waited for until the broker has it."""
        until = None
        while True:
            if self.stopping.is_set():
                until = until or time.monotonic() + DRAIN
                if time.monotonic() > until:
                    return
            self.wake.clear()
            for raw, offset in self.tail.lines():
                if not self._publish(raw, until):
                    break
                self.tail.told(offset)
                self.sent += 1
            else:
                if self.stopping.is_set():
                    return
            self.wake.wait(0.5)

    def _publish(self, raw: bytes, until: float | None) -> bool:
        """Whether the broker has taken it; a connection that is lost meanwhile is waited for."""
        if not self.client.is_connected():
            return False
        try:
            sent = self.client.publish(f"{self.topic}/result", raw, qos=1)
            while not sent.is_published():
                sent.wait_for_publish(0.5)
                if self.stopping.is_set() and time.monotonic() > (until or time.monotonic() + DRAIN):
                    return False
        except (RuntimeError, ValueError):
            return False
        return True

    def _connected(self, client: Any, data: Any, flags: Any, reason: Any, properties: Any) -> None:
        if reason.is_failure:
            say(f"the broker at {self.address[0]}:{self.address[1]} refuses: {reason}")
            return
        client.publish(f"{self.topic}/state", _json({"state": "online"}), qos=1, retain=True)
        client.subscribe(f"{self.topic}/acknowledge", qos=1)
        self.alarm = None
        self.wake.set()

    def _away(self, client: Any, data: Any, flags: Any, reason: Any, properties: Any) -> None:
        if not self.stopping.is_set():
            say(f"the broker at {self.address[0]}:{self.address[1]} is away ({reason}): results wait in results.jsonl")

    def _heard(self, client: Any, data: Any, message: Any) -> None:
        text = message.payload.decode("utf-8", "replace").strip()
        try:
            word = json.loads(text)
        except ValueError:
            word = text
        by = word.get("by") if isinstance(word, dict) else word
        alarm = word.get("alarm") if isinstance(word, dict) else None
        if self.line is not None and isinstance(by, str) and by:
            self.line.acknowledge(by, alarm if isinstance(alarm, str) else None)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
