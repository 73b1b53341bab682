"""Commands on many records and many processes: `predict --many`, and `fit` under torchrun or with `--processes`."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any


def predict_options(parser: argparse.ArgumentParser) -> None:
    """The words of `predict` for many records."""
    parser.add_argument(
        "--many", type=Path, metavar="RECORDS",
        help="a table (.jsonl, .csv: columns named as the modalities, id) or a folder: a line a record into --out",
    )  # fmt: skip
    parser.add_argument("--processes", type=int, default=1, help="with --many: work on so many at once (default: 1)")
    parser.add_argument("--as", dest="only", metavar="MODALITY", help="with --many: what the files of a folder are")
    parser.add_argument("--part", default="1/1", metavar="K/N", help="with --many: this machine's share of N")


def fit_options(parser: argparse.ArgumentParser) -> None:
    """The words of `fit` on several processes."""
    parser.add_argument("--processes", type=int, default=1, help="share each batch's rows; torchrun does for machines")
    parser.add_argument("--snapshots", type=Path, metavar="FOLDER", help="keep the state there, and go on from it")
    parser.add_argument("--save-every", type=int, metavar="UPDATES", help="snapshots inside an epoch")
    parser.add_argument("--exchange", default="plain", help="gradients as plain, fp16, int8, int4 or powersgd")
    parser.add_argument("--by-node", action="store_true", help="plain inside a node, by --exchange across nodes")
    parser.add_argument("--sharded", action="store_true", help="weights and moments in shards (FSDP2)")
    parser.add_argument("--prefetch", type=int, default=0, metavar="BATCHES", help="batches made ahead by a thread")


def wrong(options: argparse.Namespace) -> str | None:
    """What is wrong with the words of `predict --many`, as a sentence."""
    values = [name for name, value in vars(options).items() if name.startswith("modality_") and value is not None]
    if options.many is None:
        return "--as and --part go with --many" if options.only or options.part != "1/1" else None
    if values or options.documents or options.log is not None:
        return "--many takes its records from the table or folder: leave out modalities, --documents and --log"
    if options.out is None:
        return "--many writes a line a record: name the file with --out results.jsonl"
    numbers = options.part.split("/")
    if len(numbers) != 2 or not all(each.isdecimal() for each in numbers):
        return f"--part is K/N, such as 1/4, got {options.part!r}"
    return None


def predict(options: argparse.Namespace) -> dict[str, Any]:
    """Answer every record into a file of lines."""
    from ..core.batch import predict_many, shipped

    load = partial(shipped, options.task, options.checkpoint, tuple(options.settings))
    k, n = map(int, options.part.split("/"))
    found = predict_many(load, options.many, options.out, processes=options.processes, only=options.only, part=(k, n))
    return found.to_dict()


def fit(options: argparse.Namespace, train: Callable[[Path], dict[str, Any]]) -> dict[str, Any]:
    """Train (`train` is given where to write) in the processes that were asked for; rank 0 answers alone."""
    from ..core.errors import InputError
    from ..core.training.deployment import Deployment, deployed

    deployment = Deployment(
        snapshots=options.snapshots, save_every=options.save_every, exchange=options.exchange, by_node=options.by_node,
        sharded=options.sharded, prefetch=options.prefetch,
    )  # fmt: skip
    if options.processes < 1:
        raise InputError(f"--processes must be at least 1, got {options.processes}")
    if options.processes > 1:
        raise SystemExit(_torchrun(options))
    from ..core.distributed import joined, rank

    with joined(), deployed(deployment), tempfile.TemporaryDirectory() as aside:
        answer = train(options.out if rank() == 0 else Path(aside) / "model")
        first = rank() == 0
    if not first:
        raise SystemExit(0)
    return answer


def _torchrun(options: argparse.Namespace) -> int:
    """The same command as so many ranks; with snapshots, ranks that die are started again, up to three times."""
    import subprocess

    from ..core.pipeline import existing

    existing(options.data, "data")
    words = list(sys.argv[1:])
    place = next(i for i, word in enumerate(words) if word == "--processes" or word.startswith("--processes="))
    del words[place : place + (2 if words[place] == "--processes" else 1)]
    restarts = 3 if options.snapshots is not None else 0
    command = [sys.executable, "-m", "torch.distributed.run", f"--nproc-per-node={options.processes}"]
    command += [f"--max-restarts={restarts}", "--rdzv-backend=c10d", "--rdzv-endpoint=localhost:0"]
    return subprocess.run([*command, "-m", "colonnade.apps.cli", *words], check=False).returncode
