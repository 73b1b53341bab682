"""The command line: the verbs of a pipeline as commands. It parses, calls, prints; it knows nothing of any field.

Standard output carries the answer only (one JSON object with --json); progress and complaints go to standard error.
A wrong input is answered with one sentence and exit code 2. Nothing heavy is imported before a command needs it.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ..core.errors import ColonnadeError, FileError
from . import arguments, many

Answer = dict[str, Any]


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 done, 2 the caller can mend it, 1 a fault of the program."""
    words = list(sys.argv[1:] if argv is None else argv)
    as_json, debug = "--json" in words, "--debug" in words
    # Threads that wait by spinning take the processor from the one they wait for, where other work shares the machine:
    # the judge of a CT took nine times as long. It must be set before torch is loaded.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    try:
        options = arguments.parse(words)
        command = COMMANDS[options.command]
        with _stdout_kept_clean():
            answer = command(options)
        _print(
            json.dumps(answer, indent=2, ensure_ascii=False, allow_nan=False) if as_json else _readable(options, answer)
        )
        return 0
    except ColonnadeError as error:
        return _complain(error, 2, as_json=as_json, debug=debug)
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130
    except BrokenPipeError:
        return 0
    except OSError as error:  # a disk that is full, a right that is missing: what readers and writers did not foresee
        sentence = ": ".join(str(part) for part in (error.filename, error.strerror or error) if part is not None)
        return _complain(FileError(sentence), 2, as_json=as_json, debug=debug)
    except Exception as error:
        return _complain(error, 1, as_json=as_json, debug=debug)


def _predict(options: argparse.Namespace) -> Answer:
    if options.many is not None:
        return many.predict(options)
    pipeline, given = _pipeline(options), arguments.given(options)
    pipeline = _set(pipeline, options)
    result = pipeline.predict(**given)
    answer: Answer = result.to_dict(report=None if options.out is None else f"{options.out}/report.html")
    if options.out is not None:
        result.save(options.out)
    if options.documents:
        written = pipeline.documents(result, given, options.out / "documents")
        answer["documents"] = {"files": [str(each) for each in written.files], "left_out": list(written.left_out)}
    if options.log is not None:
        answer["log"] = {"path": str(options.log), "sha256": pipeline.log(result, options.log)}
    return answer


def _explain(options: argparse.Namespace) -> Answer:
    pipeline, given = _pipeline(options), arguments.given(options)
    explanation = pipeline.explain(**given)
    answer: Answer = explanation.to_dict()
    if options.out is not None:
        from .explained import write

        answer["files"] = list(write(explanation, options.out, gates=pipeline.predict(**given).gates))
    return answer


def _evaluate(options: argparse.Namespace) -> Answer:
    return _pipeline(options).evaluate(options.data, layout=options.layout, seed=options.seed).to_dict()


def _fit(options: argparse.Namespace) -> Answer:
    from ..core.pipeline import FitOptions
    from ..core.vertical import find

    how = FitOptions(**{name: getattr(options, name) for name in FitOptions.__dataclass_fields__})

    def train(out: Path) -> Answer:
        start = find(options.task).pipeline().start(options.checkpoint, seed=options.seed)
        return start.fit(options.data, out=out, options=how).to_dict()

    return many.fit(options, train)


def _quality(options: argparse.Namespace) -> Answer:
    from ..core.vertical import find

    start = find(options.task).pipeline().start(options.checkpoint, seed=options.seed)
    others = {place.name: place for place in options.against}
    found = start.quality(options.data, against=others, seed=options.seed)
    return {"task": options.task, "data": str(options.data), "says": found.lines(), **found.to_dict()}


def _profile(options: argparse.Namespace) -> Answer:
    from ..core.profile import profile
    from ..core.vertical import find

    found = profile(
        find(options.task), given=arguments.given(options), checkpoint=options.checkpoint, check=options.check
    )
    return found.to_dict()


def _export(options: argparse.Namespace) -> Answer:
    if options.check is not None:
        from ..core.export.again import again

        return again(options.check, options.engine)
    return _pipeline(options).export(out=options.out, format=options.format, int8=options.int8).to_dict()


def _shrink(options: argparse.Namespace) -> Answer:
    from ..core.pipeline import existing
    from ..core.result import writable
    from ..core.shrink.task import shrink
    from ..core.vertical import find

    task = find(options.task)
    writable(options.out)
    words = {"recipe": options.recipe, "seed": options.seed}
    return shrink(task, options.checkpoint, existing(options.data, "data"), options.out, words)


def _governance(options: argparse.Namespace) -> Answer:
    from ..core.vertical import find, governed

    governed(find(options.task))  # before anything is loaded
    options.checkpoint = None if options.checkpoint == "shipped" else Path(options.checkpoint)
    groups = tuple(name.strip() for name in options.groups.split(",") if name.strip())
    found = _pipeline(options).governance(options.data, out=options.out, groups=groups, seed=options.seed)
    answer: Answer = found.to_dict()
    return answer | {"report": None if options.out is None else f"{options.out}/governance.html"}


def _line(options: argparse.Namespace) -> Answer:
    from ..core.vertical import find, running

    return running(find(options.task)).start()(options.checkpoint, options.out, arguments.words(options))


def _serve(options: argparse.Namespace) -> Answer:
    from functools import partial

    from ..core.optional import require

    require("fastapi", "serve", "serving")
    from ..core.serving.app import serve
    from ..core.serving.limits import Limits
    from ..core.serving.models import origins_of
    from ..core.serving.programs import plans_of

    limits = Limits(waiting=options.waiting, seconds=options.seconds)
    origins = origins_of(options.tasks, checkpoint=options.checkpoint, settle=partial(_set, options=options))
    programs = plans_of(
        options.programs, workers=options.workers, most=options.batch, engine=options.engine,
        precision=options.precision, threads=options.threads,
    )  # fmt: skip
    if not origins and not programs:
        raise arguments.UsageError("name a task, or a program's folder: colonnade serve TASK ... [--program FOLDER]")
    serve(origins.values(), host=options.host, port=options.port, limits=limits, programs=programs)
    return {"served": [*origins, *(f"programs/{each.name}" for each in programs)]}


def _tasks(options: argparse.Namespace) -> Answer:
    from ..core.vertical import tasks

    return {
        "tasks": [
            {
                "task": task.name,
                "summary": task.summary,
                "answer": task.answer,
                "modalities": [{"name": each.name, "takes": each.takes} for each in task.modalities],
                "minimum": [list(subset) for subset in task.minimum],
            }
            for task in tasks().values()
        ]
    }


def _demo(options: argparse.Namespace) -> Answer:
    from .demo import run

    return run(options.out)


def _app(options: argparse.Namespace) -> Answer:
    from ..core.optional import require

    require("fastapi", "serve", "the demo app")
    from .web import run

    run(options.vertical, host=options.host, port=options.port)
    return {"app": options.vertical}


def _bench(options: argparse.Namespace) -> Answer:
    from .bench import run

    return run(options.name, options.arguments)


COMMANDS: dict[str, Callable[[argparse.Namespace], Answer]] = {
    "predict": _predict,
    "explain": _explain,
    "evaluate": _evaluate,
    "fit": _fit,
    "quality": _quality,
    "profile": _profile,
    "export": _export,
    "shrink": _shrink,
    "governance": _governance,
    "line": _line,
    "serve": _serve,
    "tasks": _tasks,
    "demo": _demo,
    "app": _app,
    "bench": _bench,
}


def _pipeline(options: argparse.Namespace) -> Any:
    from ..core.vertical import find

    return find(options.task).pipeline().from_pretrained(options.checkpoint)


def _set(pipeline: Any, options: argparse.Namespace) -> Any:
    for name, _, value in (each.partition("=") for each in options.settings):
        pipeline = pipeline.setting(name, value)
    return pipeline


def _readable(options: argparse.Namespace, answer: Answer) -> str:
    from .readable import render

    return render(options.command, answer)


def _complain(error: BaseException, code: int, *, as_json: bool, debug: bool) -> int:
    if debug:
        traceback.print_exc()
    sentence = (
        str(error) if code == 2 else f"a fault of the program ({type(error).__name__}: {error}); --debug shows where"
    )
    print(f"colonnade: {sentence}", file=sys.stderr)
    if as_json:
        _print(json.dumps({"error": sentence, "kind": type(error).__name__}, ensure_ascii=False))
    return code


def _print(text: str) -> None:
    """UTF-8 whatever the terminal's own encoding; a path of foreign bytes with escapes."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")
    print(text)


@contextlib.contextmanager
def _stdout_kept_clean() -> Any:
    """What libraries print while a command works goes to standard error: standard output is the answer alone."""
    with contextlib.redirect_stdout(sys.stderr):
        yield


if __name__ == "__main__":
    sys.exit(main())
