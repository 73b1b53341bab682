"""What a server counts and measures, for Prometheus. The one file that knows its library; names end in their unit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, final

from ..optional import require

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
_ROWS = (1, 2, 4, 8, 16, 32, 64)


@final
class Metrics:
    """One server's own registry: two servers in one process do not mix."""

    def __init__(self) -> None:
        library: Any = require("prometheus_client", "serve", "metrics")
        self._library = library
        self._registry = library.CollectorRegistry()
        mine: dict[str, Any] = {"registry": self._registry}
        self._requests = library.Counter(
            "colonnade_requests_total", "Requests answered, by what was asked and status.", ("asked", "status"), **mine
        )
        self._seconds = library.Histogram(
            "colonnade_request_seconds", "From first byte to answer.", ("asked",), buckets=_SECONDS, **mine
        )
        self._model = library.Gauge(
            "colonnade_model_info", "1 for the model that answers.", ("task", "model", "sha256"), **mine
        )
        self._reloads = library.Counter(
            "colonnade_reloads_total", "Checkpoints that took over or were refused.", ("task", "outcome"), **mine
        )
        self._rows = library.Histogram(
            "colonnade_batch_rows", "Records that ran together.", ("program",), buckets=_ROWS, **mine
        )
        self._cells = library.Counter(
            "colonnade_batch_cells_total", "Cells that ran, real or padding.", ("program", "kind"), **mine
        )
        self._deaths = library.Counter(
            "colonnade_worker_deaths_total", "Workers that ended by themselves or were killed.", ("program",), **mine
        )

    def asked(self, what: str, status: int, seconds: float) -> None:
        """A request was answered."""
        self._requests.labels(what, str(status)).inc()
        self._seconds.labels(what).observe(seconds)

    def model(self, task: str, name: str, sha256: str) -> None:
        """This model answers from now on."""
        self._model.remove_by_labels({"task": task})
        self._model.labels(task, name, sha256).set(1)

    def reloaded(self, task: str, outcome: str) -> None:
        """A checkpoint "took over" or was "refused"."""
        self._reloads.labels(task, outcome).inc()

    def ran(self, program: str, *, rows: int, cells: int, padding: int) -> None:
        """A batch ran."""
        self._rows.labels(program).observe(rows)
        self._cells.labels(program, "real").inc(cells)
        self._cells.labels(program, "padding").inc(padding)

    def died(self, program: str) -> None:
        """A worker ended unasked."""
        self._deaths.labels(program).inc()

    def gauge(self, name: str, about: str, value: Callable[[], float]) -> None:
        """Something that is looked up when somebody asks."""
        self._library.Gauge(f"colonnade_{name}", about, registry=self._registry).set_function(value)

    def text(self) -> tuple[bytes, str]:
        """Everything in Prometheus' text form, and its media type."""
        return self._library.generate_latest(self._registry), self._library.CONTENT_TYPE_LATEST
