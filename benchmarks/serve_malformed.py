"""Requests that are wrong, against the real application of all tasks: what schemathesis makes of the schema, and real
samples with bytes changed, cut, swapped between fields or sent under another name. The server itself counts answers.
"""

from __future__ import annotations

import json
import random
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from colonnade.core.vertical import Task, tasks

_NAMES = ("a.csv", "a.json", "a.png", "a.wav", "a.ply", "a.nrrd", "a.txt", "a.html", "a.stl", "a.nii.gz", "a.zip", "a")
_COUNTED = re.compile(r'colonnade_requests_total\{asked="([^"]*)",status="(\d+)"\} (\S+)')


def by_schema(url: str, *, examples: int, seed: int = 0) -> str:
    """Run schemathesis on every operation of the schema; its last lines."""
    program = Path(sys.executable).with_name("schemathesis")
    words = [
        str(program), "run", f"{url}/openapi.json", "--mode", "all", "-n", str(examples), "--seed", str(seed),
        "--checks", "not_a_server_error", "--no-shrink", "--continue-on-failure", "--no-color",
        "--generation-database", "none", "--request-timeout", "120", "--suppress-health-check", "all",
    ]  # fmt: skip
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    return done.stdout[-3000:] + done.stderr[-1000:]


def by_samples(url: str, *, count: int, seed: int = 0) -> Counter[int]:
    """Post samples with something wrong in them, to each task as many as it answers in equal time; how often each
    status came."""
    drawn, found = random.Random(seed), Counter[int]()
    spent = {task.name: 0.0 for task in tasks().values() if task.sample is not None}
    for _ in range(count):
        name = min(spent, key=spent.__getitem__)
        began = time.perf_counter()
        status, said = post(f"{url}/v1/{name}", spoiled(tasks()[name], drawn))
        spent[name] += time.perf_counter() - began
        found[status] += 1
        if status >= 500:
            print(f"{name} answered {status}: {said[:300]}", file=sys.stderr, flush=True)
    return found


def spoiled(task: Task, drawn: random.Random) -> list[tuple[str, str | None, bytes]]:
    """Fields of a form: name, name of the file (None for a text), content; at least one of them is wrong."""
    assert task.sample is not None
    fields = []
    for name, value in task.sample().items():
        if isinstance(value, Path) and value.is_file():
            fields.append([name, value.name, value.read_bytes()])
        else:
            fields.append([name, None, str(value).encode()])
    for _ in range(drawn.randint(1, 2)):
        field = drawn.choice(fields)
        match drawn.randrange(9):
            case 0:
                field[2] = field[2][: drawn.randrange(len(field[2]) + 1)]
            case 1:
                field[2] = _changed(field[2], drawn)
            case 2:
                field[2] = drawn.choice(fields)[2]
            case 3:
                field[1] = drawn.choice(_NAMES)
            case 4:
                field[2] = drawn.randbytes(drawn.randrange(1, 4000))
            case 5:
                field[0] = drawn.choice(task.modality_names)
            case 6:
                field[1] = None if field[1] else drawn.choice(_NAMES)
            case 7:
                field[2] = _numbers(field[2], drawn)
            case _:
                fields.append(list(field))
    return [tuple(field) for field in fields]  # type: ignore[misc]


def _changed(content: bytes, drawn: random.Random) -> bytes:
    """A few bytes in the head, where formats have their say, or anywhere."""
    data = bytearray(content or b"\0")
    reach = len(data) if drawn.random() < 0.5 else min(len(data), 400)
    for _ in range(drawn.randint(1, 12)):
        data[drawn.randrange(reach)] = drawn.randrange(256)
    return bytes(data)


def _numbers(content: bytes, drawn: random.Random) -> bytes:
    """Some numbers of a text become others that no field expects."""
    odd = [b"-1", b"0", b"1e308", b"nan", b"inf", b"", b"99999999999999999999", b"-0.0", b"null", b'"x"', b"1e-320"]
    return re.sub(rb"\d+(\.\d+)?", lambda found: drawn.choice(odd) if drawn.random() < 0.05 else found[0], content)


def form_of(fields: list[tuple[str, str | None, bytes]]) -> tuple[bytes, str]:
    """The body of a form, and its media type."""
    line, parts = "colonnadeboundary", []
    for name, file, content in fields:
        label = f'; filename="{file}"' if file is not None else ""
        head = f'--{line}\r\ncontent-disposition: form-data; name="{name}"{label}\r\n\r\n'
        parts += [head.encode(), content, b"\r\n"]
    return b"".join(parts) + f"--{line}--\r\n".encode(), f"multipart/form-data; boundary={line}"


def post(url: str, fields: list[tuple[str, str | None, bytes]]) -> tuple[int, str]:
    """Status and text of the answer to a form."""
    body, kind = form_of(fields)
    request = urllib.request.Request(url, data=body, headers={"content-type": kind})
    try:
        with urllib.request.urlopen(request, timeout=300) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def counted(url: str) -> Mapping[str, Counter[str]]:
    """Answers so far by what was asked and status, as the server has counted them."""
    with urllib.request.urlopen(f"{url}/metrics", timeout=60) as answer:
        text = answer.read().decode()
    found: dict[str, Counter[str]] = {}
    for asked, status, number in _COUNTED.findall(text):
        found.setdefault(asked, Counter())[status] += int(float(number))
    return found


def run(url: str, *, requests: int, seed: int = 0) -> dict[str, Any]:
    """About that many wrong requests, two thirds from the schema; statuses of all, and the lines of those above 499."""
    before = counted(url)
    operations = 2 * len(tasks()) + 6
    said = by_schema(url, examples=max(1, requests * 2 // 3 // operations), seed=seed)
    made = sum(sum(each.values()) for each in counted(url).values()) - sum(
        sum(each.values()) for each in before.values()
    )
    by_samples(url, count=max(len(tasks()), requests - made), seed=seed)
    total: Counter[str] = Counter()
    for asked, each in counted(url).items():
        if asked != "/ready":
            total += each - before.get(asked, Counter())
    return {"statuses": dict(total), "requests": sum(total.values()), "schemathesis": said}


if __name__ == "__main__":  # against a server that runs: python benchmarks/serve_malformed.py URL COUNT [SEED]
    print(json.dumps(run(sys.argv[1], requests=int(sys.argv[2]), seed=int((sys.argv[3:] or ["0"])[0])), indent=1))
