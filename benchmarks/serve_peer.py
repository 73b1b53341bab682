"""The same exported program behind LitServe, as its documentation says: decode, batch, predict, unbatch, encode."""

from __future__ import annotations

import base64
import json
import sys
from typing import Any

import litserve
import numpy as np


class Peer(litserve.LitAPI):
    """Runs the engine that we run, in a worker of LitServe's. Pictures come as base64, all else as lists."""

    def __init__(self, folder: str, precision: str, **settings: Any) -> None:
        super().__init__(**settings)
        self.folder, self.precision = folder, precision

    def setup(self, device: str) -> None:
        from colonnade.core.engine import open_engine
        from colonnade.core.engine.folder import describe

        self.engine = open_engine(self.folder, "openvino", precision=self.precision, threads=1)
        self.ports = describe(self.folder).inputs

    def decode_request(self, request):  # LitServe reads an annotation as a schema: without one it hands over the JSON
        found = {}
        for port in self.ports:
            value = request["inputs"][port.name]
            if isinstance(value, str):
                shape = [1, *(int(axis) for axis in port.shape[1:])]
                found[port.name] = np.frombuffer(base64.b64decode(value), port.dtype).reshape(shape)
            else:
                found[port.name] = np.array(value, port.dtype)
        return found

    def batch(self, inputs: list[dict[str, np.ndarray]]) -> Any:
        joined = {}
        for port in self.ports:
            pieces = [each[port.name] for each in inputs]
            shape = np.max([piece.shape for piece in pieces], axis=0)
            room = [[(0, most - size) for most, size in zip(shape, piece.shape, strict=True)] for piece in pieces]
            joined[port.name] = np.concatenate([np.pad(*each) for each in zip(pieces, room, strict=True)])
        return joined

    def predict(self, x: Any) -> Any:
        return self.engine.run(x)

    def unbatch(self, output: Any) -> list[Any]:
        rows = len(next(iter(output.values())))
        return [{name: array[row : row + 1] for name, array in output.items()} for row in range(rows)]

    def encode_response(self, output: Any) -> Any:
        return {"outputs": {name: array.tolist() for name, array in output.items()}}


def main() -> None:
    order = json.loads(sys.argv[1])
    settings: dict[str, Any] = {"max_batch_size": order["most"]}
    if order["most"] > 1:
        settings["batch_timeout"] = order["timeout"]
    server = litserve.LitServer(Peer(order["folder"], order["precision"], **settings), accelerator="cpu")
    server.run(host="127.0.0.1", port=order["port"], generate_client_file=False, log_level="warning")
