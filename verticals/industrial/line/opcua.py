"""An OPC UA server with the latest result and the alarms, in the words of OPC 40100-1 (machine vision).

    Objects/VisionSystem
        VisionStateMachine/CurrentState             Preoperational, Operational (ContinuousExecution), Halted
        ResultManagement/Results/Result/            ResultId, PartId, ResultState, IsPartial, IsSimulated, JobId,
                                                    InternalRecipeId, InternalConfigurationId, CreationTime,
                                                    ProcessingTimes, ResultContent (the whole line, JSON), and
                                                    Decision, Score, Threshold, PValue of our own
        ConditionManagement/NAME/                   ActiveState, AckedState, Severity
        ConditionManagement/LikelyCauses            with their edges, JSON
        Acknowledge(by) -> the alarms that were acknowledged
    ResultReadyEventType                            an event a result, with ResultId, PartId, ResultState, JobId

It uses the companion specification's names without its node set, so it does not claim to conform to it. The one file
that imports asyncua.
"""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import threading
from datetime import datetime
from typing import TYPE_CHECKING, Any, final
from urllib.parse import SplitResult

from ....core.errors import FileError
from ....core.optional import require
from ....core.progress import say

if TYPE_CHECKING:
    from .running import Line

NAMESPACE = "urn:colonnade:line"
PORT = 4840
TEXTS = ("ResultId", "PartId", "JobId", "InternalRecipeId", "InternalConfigurationId", "ResultContent", "Decision")
NUMBERS = ("Score", "Threshold", "PValue", "ProcessingTimes")
RESULT_STATES = {"pass": 1, "review": 1, "reject": 1, "unmeasurable": 3}  # Completed, Aborted
SEVERITIES = {"rejects": 800, "unmeasurable": 700, "sensors": 600, "drift": 500}
PATIENCE = 60.0  # seconds to start and to stop, also on a busy machine


@final
class OpcUa:
    """A listener of the line, with an event loop of its own.

    Raises:
        MissingExtra: asyncua is not installed.
        FileError: the address cannot be listened at.
    """

    def __init__(self, url: SplitResult) -> None:
        self.ua = require("asyncua", "line", "an OPC UA server")
        self.endpoint = f"opc.tcp://{url.hostname}:{url.port or PORT}/{url.path.strip('/')}"
        _free(url.hostname or "", url.port or PORT, self.endpoint)
        self.loop = asyncio.new_event_loop()
        self.nodes: dict[str, Any] = {}
        self.conditions: dict[str, dict[str, Any]] = {}
        self.line: Line | None = None
        self.opened = False
        logging.getLogger("asyncua").setLevel(logging.CRITICAL)

    def start(self, line: Line) -> None:
        self.line = line
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self._wait(self._open())
        self.opened = True

    def told(self, result: dict[str, Any]) -> None:
        if self.opened:
            asyncio.run_coroutine_threadsafe(self._quietly(self._result, result), self.loop)

    def beat(self, state: dict[str, Any]) -> None:
        if self.opened:
            asyncio.run_coroutine_threadsafe(self._quietly(self._alarms), self.loop)

    def stop(self) -> None:
        opened, self.opened = self.opened, False
        try:
            if opened:
                self._wait(self._close())
        except (OSError, TimeoutError, asyncio.CancelledError) as error:
            say(f"the OPC UA server did not stop in order: {error}")
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(PATIENCE)
        if not self.thread.is_alive():
            self.loop.close()

    # ---- inside the loop ----------------------------------------------------------------------------------------

    async def _open(self) -> None:
        ua = self.ua.ua
        self.server = self.ua.Server()
        await self.server.init()
        self.server.set_endpoint(self.endpoint)
        self.server.set_server_name("Colonnade line")
        self.server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
        index = await self.server.register_namespace(NAMESPACE)
        system = await self.server.nodes.objects.add_object(index, "VisionSystem")
        machine = await system.add_object(index, "VisionStateMachine")
        self.nodes["CurrentState"] = await machine.add_variable(index, "CurrentState", "Preoperational")
        management = await system.add_object(index, "ResultManagement")
        results = await management.add_object(index, "Results")
        result = await results.add_object(index, "Result")
        for name in TEXTS:
            self.nodes[name] = await result.add_variable(index, name, "")
        for name in NUMBERS:
            self.nodes[name] = await result.add_variable(index, name, float("nan"))
        self.nodes["ResultState"] = await result.add_variable(index, "ResultState", 0, ua.VariantType.Int32)
        for name in ("IsPartial", "IsSimulated"):
            self.nodes[name] = await result.add_variable(index, name, False)
        self.nodes["CreationTime"] = await result.add_variable(index, "CreationTime", datetime(1970, 1, 1))
        await self._open_alarms(index, system)
        fields = [(name, ua.VariantType.String) for name in ("ResultId", "PartId", "JobId", "Decision")]
        fields.append(("ResultState", ua.VariantType.Int32))
        kind = await self.server.create_custom_event_type(index, "ResultReadyEventType", properties=fields)
        self.events = await self.server.get_event_generator(kind, system)
        await self.server.start()
        await self.nodes["CurrentState"].write_value("Operational (ContinuousExecution)")

    async def _open_alarms(self, index: int, system: Any) -> None:
        assert self.line is not None
        conditions = await system.add_object(index, "ConditionManagement")
        for name in self.line.watching.alarms:
            node = await conditions.add_object(index, name)
            self.conditions[name] = {
                "ActiveState": await node.add_variable(index, "ActiveState", False),
                "AckedState": await node.add_variable(index, "AckedState", True),
                "Severity": await node.add_variable(index, "Severity", SEVERITIES[name]),
            }
        self.nodes["LikelyCauses"] = await conditions.add_variable(index, "LikelyCauses", "[]")
        await system.add_method(
            index, "Acknowledge", self._acknowledge, [self.ua.ua.VariantType.String], [self.ua.ua.VariantType.String]
        )

    async def _result(self, line: dict[str, Any]) -> None:
        job = f"{line['unit']}/{line['attempt']}"
        values: dict[str, Any] = {
            "ResultId": str(line["number"]), "PartId": line["unit"], "JobId": job, "Decision": line["decision"],
            "InternalRecipeId": line["task"], "InternalConfigurationId": line["model"].get("sha256") or "",
            "ResultContent": json.dumps(line), "Score": _number(line["score"]),
            "Threshold": _number(line["threshold"]), "PValue": _number(line["p_value"]),
            "ProcessingTimes": _number(line["latency_ms"]["total"]), "IsPartial": bool(line["missing"]),
            "CreationTime": datetime.fromisoformat(line["time"]).replace(tzinfo=None),
        }  # fmt: skip
        for name, value in values.items():
            await self.nodes[name].write_value(value)
        state = RESULT_STATES[line["decision"]]
        await self.nodes["ResultState"].write_value(state, self.ua.ua.VariantType.Int32)
        await self._alarms()
        for name in ("ResultId", "PartId", "JobId", "Decision"):
            setattr(self.events.event, name, values[name])
        self.events.event.ResultState = state
        await self.events.trigger(message=f"{line['unit']}: {line['decision']}")

    async def _alarms(self) -> None:
        assert self.line is not None
        await self.nodes["LikelyCauses"].write_value(json.dumps(self.line.causes()))
        for name, alarm in self.line.watching.alarms.items():
            await self.conditions[name]["ActiveState"].write_value(alarm.active)
            await self.conditions[name]["AckedState"].write_value(not alarm.latched)

    async def _acknowledge(self, parent: Any, by: Any) -> list[Any]:
        assert self.line is not None
        seen = self.line.acknowledge(str(by.Value))
        await self._alarms()
        return [self.ua.ua.Variant(", ".join(seen), self.ua.ua.VariantType.String)]

    async def _close(self) -> None:
        await self.nodes["CurrentState"].write_value("Halted")
        await self.server.stop()

    async def _quietly(self, work: Any, *given: Any) -> None:
        """Nothing that goes wrong here may stop the line."""
        try:
            await work(*given)
        except Exception as error:
            say(f"the OPC UA server could not be told: {error}")

    def _wait(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(PATIENCE)


def _free(host: str, port: int, endpoint: str) -> None:
    """Refuse an address that cannot be listened at, before the line begins."""
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((host, port))
        except OSError as error:
            raise FileError(f"cannot listen at {endpoint}: {error.strerror or error}") from error


def _number(value: float | None) -> float:
    return float("nan") if value is None else float(value)
