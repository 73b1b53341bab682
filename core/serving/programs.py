"""Exported programs behind HTTP: arrays in, arrays out, batched over worker processes.

    POST /v1/programs/{name}    JSON, safetensors or .npz (see tensors.py); the answer has the form of the request
    GET  /v1/programs/{name}    what goes in and out, and what is to be done before and after, as the export says it

A changed folder is opened by workers of its own; when they are ready it takes over, and the workers from before end
after their last batch. A folder that cannot be opened is refused and the program from before stays.
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from fastapi import Request
from fastapi.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from ..engine.folder import Description, describe
from ..errors import ColonnadeError, ConfigError, InputError, UnknownName
from .batcher import Batcher
from .batching import Joiner
from .border import TooLarge, body_of, refusal, status_of, too_large
from .gate import Gate
from .limits import Limits, Stopping, TooSlow
from .metrics import Metrics
from .models import marks
from .tensors import form_of, read, write
from .workers import Crew, Opening

_LOG = logging.getLogger(__name__)
_PATH = "/v1/programs/"
_LARGE = 1 << 20  # bytes of a body that is taken apart beside the event loop
_DRAINED = 0.05  # seconds between two looks at whether the workers from before are through


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A program to serve: its name in the path, its folder, by how many processes and in batches of how many rows."""

    name: str
    opening: Opening
    workers: int = 1
    most: int = 16

    def __post_init__(self) -> None:
        if not 1 <= self.workers <= 64 or not 1 <= self.most <= 4096:
            raise ConfigError(
                f"a program runs on 1 to 64 workers in batches of 1 to 4096, got {self.workers} and {self.most}"
            )


def plans_of(words: Iterable[str], *, workers: int = 1, most: int = 16, engine: str = "auto",
             precision: str | None = None, threads: int | None = None) -> list[Plan]:  # fmt: skip
    """Plans for words like `folder` (named as its task) and `NAME=folder`.

    Raises:
        CheckpointError: a folder is not a whole export.
        InputError: two programs of one name.
    """
    found: dict[str, Plan] = {}
    for word in words:
        name, _, place = word.rpartition("=")
        folder = Path(place)
        name = name or describe(folder).task
        if name in found:
            raise InputError(f"two programs are called {name}: give one a name of its own, as NAME={place}")
        opening = Opening(folder=folder, engine=engine, precision=precision, threads=threads)
        found[name] = Plan(name=name, opening=opening, workers=workers, most=most)
    return list(found.values())


@dataclass(kw_only=True)
class _Open:
    plan: Plan
    description: Description
    crew: Crew
    batcher: Batcher
    since: float
    refused: str | None = None
    seen: tuple[Any, ...] = ()
    unsettled: bool = False


@final
class Programs:
    """The programs of a server by name."""

    def __init__(self, plans: Iterable[Plan], *, limits: Limits, metrics: Metrics) -> None:
        self.plans = {plan.name: plan for plan in plans}
        self.limits, self.metrics = limits, metrics
        self._open: dict[str, _Open] = {}
        self._ending: dict[asyncio.Task[None], Crew] = {}

    def __iter__(self) -> Iterator[str]:
        return iter(self.plans)

    async def open(self) -> None:
        """Start the workers of all, once.

        Raises:
            CheckpointError: a program cannot be opened.
        """
        if self._open:
            return
        try:
            for plan in self.plans.values():
                self._open[plan.name] = await self._opened(plan)
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """End all workers, those of programs that were replaced too."""
        draining = dict(self._ending)
        for task in draining:
            task.cancel()
        await asyncio.gather(*draining, return_exceptions=True)
        await asyncio.gather(*(crew.close() for crew in (*draining.values(), *(o.crew for o in self._open.values()))))
        self._open.clear()

    def find(self, name: str) -> _Open:
        """The program of that name.

        Raises:
            UnknownName: none has it.
        """
        if name not in self._open:
            raise UnknownName("program", name, self._open)
        return self._open[name]

    @property
    def descriptions(self) -> dict[str, Description]:
        return {name: each.description for name, each in self._open.items()}

    @property
    def ready(self) -> bool:
        return all(name in self._open and self._open[name].crew.pids for name in self.plans)

    def told(self) -> dict[str, Any]:
        """What answers, since when, on which engine and by whom, and what was refused."""
        return {
            name: {
                "task": each.description.task, **each.crew.hello, "workers": each.crew.pids,
                "waiting": each.batcher.waiting, "since": round(each.since, 3),
                "refused": each.refused or each.crew.failed,
            }
            for name, each in self._open.items()
        }  # fmt: skip

    def changed(self) -> list[str]:
        """The programs whose folder has changed and has been left alone since the last look."""
        found = []
        for name, each in self._open.items():
            now = marks(each.plan.opening.folder)
            if now != each.seen:
                each.seen, each.unsettled = now, True
            elif each.unsettled:
                each.unsettled = False
                found.append(name)
        return found

    async def reload(self, name: str) -> None:
        """Open the folder again; it takes over when its workers are ready.

        Raises:
            InputError: it cannot be opened. What answered goes on answering.
        """
        before = self.find(name)
        before.seen, before.unsettled = marks(before.plan.opening.folder), False
        try:
            after = await self._opened(before.plan)
        except Exception as error:
            before.refused = f"the program in {before.plan.opening.folder} was refused: {error}"
            self.metrics.reloaded(f"programs/{name}", "refused")
            _LOG.error("%s: %s; the program from before goes on answering", name, before.refused)
            raise InputError(f"{before.refused}; the program from before goes on answering") from error
        self._open[name] = after
        self.metrics.reloaded(f"programs/{name}", "took over")
        task = asyncio.ensure_future(_drained(before))
        self._ending[task] = before.crew
        task.add_done_callback(self._ending.pop)

    async def _opened(self, plan: Plan) -> _Open:
        description = await asyncio.to_thread(describe, plan.opening.folder)

        def batcher_of(hello: Mapping[str, Any]) -> Batcher:
            joiner = Joiner(description.inputs, description.outputs, paddable=hello["paddable"])
            return Batcher(plan.name, joiner, limits=self.limits, metrics=self.metrics, most=plan.most)

        seen = marks(plan.opening.folder)
        crew = Crew(batcher_of, plan.opening, size=plan.workers)
        batcher = await crew.start()
        self.metrics.model(f"programs/{plan.name}", description.program, description.files[description.program])
        return _Open(
            plan=plan, description=description, crew=crew, batcher=batcher, since=time.time(), seen=seen
        )  # fmt: skip


async def _drained(before: _Open) -> None:
    while before.batcher.busy:
        await asyncio.sleep(_DRAINED)
    await before.crew.close()


@final
class Shortcut:
    """The routes of the programs, before any other is looked for: a lone request's way is short."""

    def __init__(self, app: ASGIApp, *, programs: Programs, gate: Gate, most: int) -> None:
        self.app, self.programs, self.gate, self.most = app, programs, gate, most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(_PATH):
            await self.app(scope, receive, send)
            return
        request = Request(scope, receive)
        try:
            response = await self._answer(request, scope["path"].removeprefix(_PATH))
        except TooLarge:
            response = too_large(request, self.most)
        except ColonnadeError as error:
            response = refusal(request, status_of(error), error)
        await response(scope, receive, send)

    async def _answer(self, request: Request, name: str) -> Response:
        try:
            found = self.programs.find(name)
        except UnknownName as error:
            return refusal(request, 404, error)
        request.scope["state"]["asked"] = f"programs/{name}"
        if request.method == "GET":
            return JSONResponse(_described(found.description))
        if request.method != "POST":
            said = f"a program may be asked with GET, POST, not with {request.method}"
            return body_of(request, 405, "Error", said, headers={"allow": "GET, POST"})
        if self.gate.stopped:
            raise Stopping("this server is stopping: ask again, or ask another", again=1)
        form, seconds = form_of(request.headers.get("content-type", "")), self.programs.limits.seconds
        try:
            async with asyncio.timeout(seconds):
                body = await request.body()
        except TimeoutError as error:
            raise TooSlow(f"the request did not arrive whole within {seconds:g} s") from error
        large = len(body) > _LARGE
        given = await asyncio.to_thread(read, form, body) if large else read(form, body)
        outputs = await self.programs.find(name).batcher.ask(given)  # another may have taken over while the body came
        answer = await asyncio.to_thread(write, form, outputs) if large else write(form, outputs)
        return Response(answer, media_type=form)


def _described(description: Description) -> dict[str, Any]:
    ports = {"inputs": description.inputs, "outputs": description.outputs}
    told = {key: [dataclasses.asdict(port) for port in each] for key, each in ports.items()}
    return {"task": description.task, "precision": description.precision, **told, "notes": dict(description.notes)}
