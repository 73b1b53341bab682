"""An application on an address, until it is told to stop: what runs then is answered, what comes then is refused."""

from __future__ import annotations

import signal
import socket
from types import FrameType
from typing import Any, final

import uvicorn
from fastapi import FastAPI

from ..errors import ColonnadeError, InputError
from ..progress import say
from .limits import Limits


def listen(app: FastAPI, *, host: str, port: int, says: str) -> None:
    """Run an application on an address until stopped. A hang-up signal reads its checkpoints again.

    Raises:
        InputError: the address is not one of this machine, or something else listens there.
    """
    refuse_taken(host, port)
    limits: Limits = getattr(app.state, "limits", Limits())
    say(says)
    stopping = None if limits.stopping == 0 else max(1, round(limits.stopping))
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        log_level="warning",
        timeout_graceful_shutdown=stopping,
        server_header=False,
        proxy_headers=False,
    )
    server, before = Server(config, app), _signals(app)
    try:
        server.run()
    except KeyboardInterrupt:
        pass  # uvicorn raises again the signal that it has obeyed
    except SystemExit as error:  # how it says that it did not start
        raise server.failed or InputError(f"this server did not start at {host}:{port}") from error
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if server.failed is not None:
        raise server.failed


def refuse_taken(host: str, port: int) -> None:
    """Raise where nobody can listen."""
    if not 0 <= port < 2**16:
        raise InputError(f"cannot listen at port {port}: ports lie from 0 to {2**16 - 1}")
    try:
        (family, kind, _, _, address), *_ = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        with socket.socket(family, kind) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind(address)
    except (OSError, UnicodeError) as error:
        raise InputError(f"cannot listen at {host}:{port}: {error}: give another --host or --port") from error


@final
class Server(uvicorn.Server):
    """Lets nobody in any more from the moment that it is told to stop, on connections that are kept open too."""

    def __init__(self, config: uvicorn.Config, app: FastAPI) -> None:
        super().__init__(config)
        self.app = app
        self.failed: ColonnadeError | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Programs open first: one that cannot be opened is a sentence, and nobody has been listened to."""
        programs = getattr(self.app.state, "programs", None)
        try:
            if programs is not None:
                await programs.open()
        except ColonnadeError as error:
            self.failed, self.should_exit = error, True
            return
        await super().startup(sockets=sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        gate = getattr(self.app.state, "gate", None)
        if gate is not None:
            gate.stop()
        super().handle_exit(sig, frame)


def _signals(app: FastAPI) -> dict[int, Any]:
    """Have a hang-up read all checkpoints again, and an end that was obeyed be no fault; the handlers from before."""

    def again(number: int, frame: FrameType | None) -> None:
        app.state.asked_again = True

    def ended(number: int, frame: FrameType | None) -> None:
        """The server has ended by itself when it raises the signal again."""

    wanted = {"SIGHUP": again, "SIGTERM": ended}
    try:
        return {
            getattr(signal, name): signal.signal(getattr(signal, name), handler)
            for name, handler in wanted.items()
            if hasattr(signal, name)
        }
    except ValueError:  # not the main thread, which alone hears signals
        return {}
