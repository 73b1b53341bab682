"""The words of the command line. The options of `predict` and `explain` are the task's own modalities."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from ..core.errors import ColonnadeError
from ..core.version import __version__
from ..core.vertical import Task, find, running, tasks
from . import many

_HELP = "Multimodal pipelines for finance, medicine and industry."
_SHAPE = "TASK --MODALITY VALUE ..."


class UsageError(ColonnadeError):
    """The words of the command are off."""


class _Parser(argparse.ArgumentParser):
    """argparse, with its complaints raised as sentences rather than printed with the usage."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message} (see '{self.prog} --help')")


def parse(words: Sequence[str]) -> argparse.Namespace:
    """The command and its options.

    Raises:
        UsageError: unknown or missing words.
        UnknownName: a task that no installed vertical has.
    """
    parser = _parser()
    options, rest = parser.parse_known_args(words)
    if options.command in ("predict", "explain", "profile"):
        if not options.task:
            raise UsageError(f"name a task: colonnade {options.command} {_SHAPE} (known: {', '.join(tasks())})")
        own = _task_parser(options.command, find(options.task))
        options = own.parse_args(["--help"] if options.wants_help else rest, namespace=options)
        sentence = many.wrong(options) if options.command == "predict" else None
        if sentence is not None:
            raise UsageError(sentence)
        if options.command == "predict" and options.documents and options.out is None:
            raise UsageError("--documents are written into a folder: name it with --out")
        _named(options)
        return options
    if options.command == "line":
        if not options.task:
            raise UsageError("name a task: colonnade line TASK --watch FOLDER --out FOLDER")
        own = _line_parser(find(options.task))
        return own.parse_args(["--help"] if options.wants_help else rest, namespace=options)
    if options.command == "bench":
        options.arguments = rest
    elif rest:
        parser.error(f"unrecognised: {' '.join(rest)}")
    if options.command == "export" and options.check is None and not (options.task and options.out):
        raise UsageError("name what to export and where (export TASK --out FOLDER), or a folder to --check")
    _named(options)
    return options


def given(options: argparse.Namespace) -> dict[str, str | Path | None]:
    """The modalities as `predict` takes them; `@file` reads an inline text from a file."""
    values: dict[str, str | Path | None] = {}
    for modality in find(options.task).modalities:
        value: Any = getattr(options, f"modality_{modality.name}")
        if modality.inline and isinstance(value, str) and value.startswith("@"):
            value = Path(value[1:])
        values[modality.name] = value
    return values


def words(options: argparse.Namespace) -> dict[str, Any]:
    """The words of a task's own command, by name."""
    return {option.name: getattr(options, f"word_{option.name}") for option in running(find(options.task)).options}


def _parser() -> argparse.ArgumentParser:
    everywhere = _Parser(add_help=False)
    everywhere.add_argument("--json", action="store_true", help="print one JSON object on standard output")
    everywhere.add_argument("--debug", action="store_true", help="show the traceback of an error")
    parser = _Parser(prog="colonnade", description=_HELP, allow_abbrev=False)
    parser.add_argument("--version", action="version", version=f"colonnade {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=_Parser)

    def add(name: str, about: str, *, add_help: bool = True) -> argparse.ArgumentParser:
        return commands.add_parser(
            name, help=about, description=about, parents=[everywhere], allow_abbrev=False, add_help=add_help
        )

    add("tasks", "list the tasks and what each takes")
    demo = add("demo", "run a small real input through every task and write the reports")
    demo.add_argument("--out", type=Path, default=Path("out/demo"), help="folder for the reports (default: out/demo)")
    one_by_one = (
        ("predict", "answer for one record"),
        ("explain", "what each modality contributed"),
        ("profile", "where time and memory go, and what follows (default input: the task's sample)"),
    )
    for name, about in (*one_by_one, ("line", "answer for units as they arrive, until stopped")):
        command = add(name, about, add_help=False)
        command.add_argument("task", nargs="?", default="")
        command.add_argument("-h", "--help", action="store_true", dest="wants_help")
    _with_data(add("evaluate", "score on labelled data, beside baselines")).add_argument("--layout")
    _fit_options(_with_data(add("fit", "fit to labelled data and write a checkpoint")))
    quality = _with_data(add("quality", "look at data before training: rules, outliers, and what differs from others"))
    quality.add_argument(
        "--against", type=Path, action="append", default=[], metavar="DATA", help="data to tell these from (repeatable)"
    )
    governance = add("governance", "write the evidence part of a model's validation file")
    governance.add_argument("task", metavar="TASK")
    governance.add_argument("checkpoint", metavar="CHECKPOINT", help="a fitted model's folder, or the word shipped")
    governance.add_argument("--data", type=Path, help="labelled data (default: what the task brings)")
    governance.add_argument("--out", type=Path, help="folder for governance.html, .json and .pdf")
    governance.add_argument("--groups", default="", metavar="COLUMNS", help="columns to compare errors by: sex,age")
    governance.add_argument("--seed", type=int, default=0)
    export = add("export", "write a program for another engine, or prove a written one again")
    export.add_argument("task", metavar="TASK", nargs="?", default="")
    export.add_argument("--checkpoint", type=Path, help="a fitted model's folder (default: the one that ships)")
    export.add_argument("--format", default="auto", help="auto, onnx, openvino or torch (default: auto)")
    export.add_argument("--int8", action="store_true", help="quantise to 8 bits")
    export.add_argument("--out", type=Path, help="folder for the program, its description and its proof")
    export.add_argument("--check", type=Path, metavar="FOLDER", help="prove a written folder again, on this machine")
    export.add_argument("--engine", help="with --check: this engine alone (default: all that are installed)")
    shrink = _with_data(add("shrink", "make a smaller, quicker model and say what each step cost"))
    shrink.add_argument("--recipe", help="a named recipe of the task, rather than its default")
    shrink.add_argument("--out", type=Path, required=True)
    _serve_options(add("serve", "answer over HTTP"))
    app = add("app", "open a vertical's demo page in the browser")
    app.add_argument("vertical")
    _address(app, 8000)
    add("bench", "run a benchmark of this checkout").add_argument("name", nargs="?")
    return parser


def _settings(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--set", action="append", default=[], dest="settings", metavar="NAME=VALUE", help="a setting of the task"
    )


def _named(options: argparse.Namespace) -> None:
    wrong = [each for each in getattr(options, "settings", ()) if "=" not in each]
    if wrong:
        raise UsageError(f"--set takes NAME=VALUE, got {wrong[0]!r}")


def _task_parser(command: str, task: Task) -> argparse.ArgumentParser:
    parser = _Parser(prog=f"colonnade {command} {task.name}", description=task.summary, allow_abbrev=False)
    for modality in task.modalities:
        parser.add_argument(
            f"--{modality.name}", dest=f"modality_{modality.name}", metavar="VALUE", help=modality.takes
        )
    parser.add_argument("--checkpoint", type=Path, help="a fitted model's folder (default: the one that ships)")
    written = "explanation.html and explanation.json" if command == "explain" else "result.json, report.html and files"
    parser.add_argument("--out", type=Path, help=f"folder for {written}")
    if command == "profile":
        parser.add_argument("--check", action="store_true", help="try what is advised, and say what it brought")
    if command == "predict":
        parser.add_argument(
            "--documents", action="store_true", help="write what other systems of the field read into OUT/documents"
        )
        _settings(parser)
        many.predict_options(parser)
        parser.add_argument("--log", type=Path, help="append a line to this log, whose lines are chained by digests")
    return parser


def _line_parser(task: Task) -> argparse.ArgumentParser:
    about = f"{task.summary}, unit after unit as they arrive."
    parser = _Parser(prog=f"colonnade line {task.name}", description=about, allow_abbrev=False)
    for option in running(task).options:
        how: dict[str, Any] = {"action": "store_true"} if option.flag else {"metavar": "VALUE"}
        parser.add_argument(f"--{option.name}", dest=f"word_{option.name}", help=option.takes, **how)
    parser.add_argument("--checkpoint", type=Path, help="a fitted model's folder (default: the one that ships)")
    parser.add_argument("--out", type=Path, required=True, help="folder for results.jsonl and what the line keeps")
    return parser


def _with_task(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser.add_argument("task", metavar="TASK")
    parser.add_argument("--checkpoint", type=Path, help="a fitted model's folder (default: the one that ships)")
    return parser


def _with_data(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    _with_task(parser).add_argument("data", type=Path, metavar="DATA")
    parser.add_argument("--seed", type=int, default=0)
    return parser


def _fit_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--method", default="full", help="full, lora, progressive or probe (default: full)")
    parser.add_argument("--recipe", help="a named recipe of the task, rather than its default")
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--rate", type=float, help="peak learning rate of every network (default: the recipe's)")
    parser.add_argument("--batch", type=int, help="rows in a batch")
    parser.add_argument("--warmup", type=int, help="updates of warm-up, at most 30 per cent of a training")
    parser.add_argument("--patience", type=int, help="epochs without a better validation before stopping (0: never)")
    parser.add_argument("--precision", choices=("auto", "bf16", "fp32"), help="bf16 is mixed precision")
    parser.add_argument("--recompute", action="store_true", help="gradient checkpointing: less memory, more time")
    parser.add_argument("--search", type=int, default=0, metavar="TRIALS", help="try rates, batches and warm-ups first")
    parser.add_argument("--test", type=Path, metavar="DATA", help="labelled data to measure on, before and after")
    parser.add_argument("--replay", type=Path, metavar="OLD", help="old data to learn from beside the new")
    parser.add_argument("--keep", type=Path, metavar="OLD_TEST", help="labelled old data whose score must be kept")
    parser.add_argument("--log", type=Path, metavar="FOLDER", help="training curves: CSV, and TensorBoard if installed")
    parser.add_argument("--no-quality", action="store_false", dest="quality", help="do not look at the data first")
    many.fit_options(parser)
    parser.add_argument("--out", type=Path, required=True)


def _serve_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "tasks", nargs="*", metavar="TASK", help="a task with the model that ships, or TASK=FOLDER with a fitted one"
    )
    parser.add_argument("--checkpoint", type=Path, help="the fitted model's folder, where one task is served")
    _settings(parser)
    parser.add_argument(
        "--program", action="append", default=[], dest="programs", metavar="[NAME=]FOLDER",
        help="a folder that 'colonnade export' wrote: arrays in, arrays out, batched",
    )  # fmt: skip
    parser.add_argument("--workers", type=int, default=1, help="processes for each program (default: 1)")
    parser.add_argument("--batch", type=int, default=16, help="rows of a program's batch at most (default: 16)")
    parser.add_argument("--engine", default="auto", help="of programs: openvino, onnxruntime or torch")
    parser.add_argument("--precision", help="of programs: f32, or bf16 on openvino (default: as exported)")
    parser.add_argument("--threads", type=int, help="of each worker (default: the engine's own choice)")
    parser.add_argument("--waiting", type=int, default=32, help="requests that may wait; more are answered 503")
    parser.add_argument("--seconds", type=float, default=300.0, help="from first byte to answer (default: 300)")
    _address(parser, 8080)


def _address(parser: argparse.ArgumentParser, port: int) -> None:
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=port)
