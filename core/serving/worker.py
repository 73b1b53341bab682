"""A process that runs one exported program: batches in, outputs out, over a socket, until the socket closes.

    python -m colonnade.core.serving.worker SOCKET FOLDER ENGINE PRECISION THREADS PROVEN

It imports an engine and no torch (unless the program is torch's own), so it starts in well under a second. Tensors
travel as safetensors: nothing here is ever unpickled. It knows nothing of HTTP and of who asked.
"""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import struct
import sys
from pathlib import Path
from typing import Any

import numpy as np

from ..digest import of_value
from ..engine.base import Engine
from ..engine.door import open_engine, start
from ..engine.folder import FIXTURES, Description, describe
from ..errors import CheckpointError, ColonnadeError
from ..export.check import Cases, difference, load, measure
from ..types import Array
from .batching import batch_axis, lengths_of, padded

ANSWER, ERROR, FAULT = b"A", b"E", b"F"
_HEAD = struct.Struct("<Q")
_MORE = 3  # places that are added to prove that padding does no harm
_BITS = 1e-3  # what a sum in another order may change


def main(words: list[str]) -> int:
    """Say hello (or why not), then answer."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the server, which then closes the socket
    number, folder, engine, precision, threads, proven = words
    with socket.socket(fileno=int(number)) as line, contextlib.suppress(ConnectionError):  # the server is gone
        try:
            opened, hello = ready(Path(folder), engine, precision or None, int(threads) or None, proven=proven)
        except ColonnadeError as error:
            send(line, ERROR + str(error).encode())
            return 1
        send(line, ANSWER + json.dumps(hello).encode())
        while (frame := receive(line)) is not None:
            send(line, answered(opened, frame))
    return 0


def ready(
    folder: Path, engine: str, precision: str | None, threads: int | None, *, proven: str = ""
) -> tuple[Engine, dict[str, Any]]:
    """The engine, warm, and what is to be known of it: the digest of its files, and which axes may be padded.

    Its answers are proven here, unless `proven` is the digest that another worker has said.

    Raises:
        CheckpointError: the folder is not whole, holds another program than the one that was proven, or the program
            does not answer here as it did when it was exported.
    """
    description = describe(folder)
    digest = of_value(dict(description.files))
    if proven not in ("", digest):
        raise CheckpointError(f"{folder} holds another program by now than the one that its workers run")
    opened = open_engine(folder, engine, precision=precision, threads=threads)
    cases = load(folder / FIXTURES)
    if proven:
        opened.run(next(iter(cases.values()))[0])
        return opened, {"sha256": digest}
    exact = opened
    if opened.precision == "bf16":
        exact = start(opened.name, folder, description, precision="f32", threads=threads)
        for inputs, _ in cases.values():
            opened.run(inputs)
    _prove(exact, description, cases, folder)
    open_axes = lengths_of(description.inputs, description.outputs)
    axes = [axis for axis in open_axes if harmless(axis, exact, description, cases)]
    return opened, {"engine": opened.name, "precision": opened.precision, "paddable": axes, "sha256": digest}


def harmless(axis: str, engine: Engine, description: Description, cases: Cases) -> bool:
    """Whether zeros (False) behind the end of an axis leave every output as it is: tried on every stored case."""
    batch = batch_axis(description.inputs, description.outputs)
    if batch is None:
        return False
    for inputs, _ in cases.values():
        sizes = {
            name: size
            for port in description.inputs
            for name, size in zip(port.shape, inputs[port.name].shape, strict=True)
        }
        longest = {axis: sizes[axis] + _MORE}
        try:
            plain = engine.run(inputs)
            longer = engine.run({port.name: padded(port, inputs[port.name], longest) for port in description.inputs})
        except ColonnadeError:
            return False
        for port in description.outputs:
            cut = longer[port.name][tuple(slice(sizes.get(name)) for name in port.shape)]
            if not difference(np.ascontiguousarray(cut), plain[port.name]) <= _BITS:
                return False
    return True


def answered(engine: Engine, frame: bytes) -> bytes:
    """One batch: its outputs, or the sentence of what is wrong with it."""
    try:
        return ANSWER + packed(engine.run(unpacked(frame)))
    except ColonnadeError as error:
        return ERROR + str(error).encode()
    except Exception as error:  # the server's log gets it; the worker lives on
        return FAULT + f"{type(error).__name__}: {error}".encode()


def packed(arrays: Any) -> bytes:
    """Named arrays as the bytes of a safetensors file."""
    from safetensors.numpy import save

    return save({name: np.ascontiguousarray(array) for name, array in arrays.items()})


def unpacked(data: bytes) -> dict[str, Array]:
    from safetensors.numpy import load

    return load(data)


def send(line: socket.socket, data: bytes) -> None:
    line.sendall(_HEAD.pack(len(data)))
    line.sendall(data)


def receive(line: socket.socket) -> bytes | None:
    """The next frame; None when the other side is gone."""
    head = _exactly(line, _HEAD.size)
    return None if head is None else _exactly(line, _HEAD.unpack(head)[0])


def _exactly(line: socket.socket, size: int) -> bytes | None:
    data = bytearray(size)
    view, got = memoryview(data), 0
    while got < size:
        try:
            taken = line.recv_into(view[got:])
        except ConnectionError:
            return None
        if not taken:
            return None
        got += taken
    return bytes(data)


def _prove(engine: Engine, description: Description, cases: Cases, folder: Path) -> None:
    """Run the stored cases, which also makes everything that is made on first use."""
    found = measure(engine, cases)
    worst = max(found, key=found.__getitem__)
    promised = max(description.tolerance, 2 * description.parity.get(engine.name, {}).get(worst, 0.0))
    if not found[worst] <= promised:
        raise CheckpointError(
            f"{folder} on {engine.name} differs from eager by {found[worst]:.2g} for {worst}, and {promised:.2g} was"
            " promised: export it again with the versions installed here"
        )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
