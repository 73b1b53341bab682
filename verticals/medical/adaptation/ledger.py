"""Signed records of what the gate said: each line holds the digest of the one before, and a signature by a key.

The digests show that a line was altered, removed or moved; only the signature (HMAC-SHA256, RFC 2104) shows that the
whole chain was not written anew by someone without the key. It knows nothing of detectors.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ....core.errors import FileError, FormatError
from ....core.result import plain

START = "0" * 64
KEY = "COLONNADE_SIGNING_KEY"  # names the file that holds the key
LEAST_KEY = 16  # bytes
SEALS = ("sha256", "signature", "key")


def signing_key(path: str | Path | None = None) -> bytes | None:
    """The key in a file, by default the one that `COLONNADE_SIGNING_KEY` names; None where none is named.

    Raises:
        FileError: the file cannot be read.
        FormatError: it is too short to be a key.
    """
    path = path or os.environ.get(KEY)
    if not path:
        return None
    try:
        key = Path(path).read_bytes().strip()
    except OSError as error:
        raise FileError(f"cannot read the signing key {path}: {error.strerror}") from error
    if len(key) < LEAST_KEY:
        raise FormatError(f"the signing key {path} has {len(key)} bytes: at least {LEAST_KEY} are needed")
    return key


def record(facts: Mapping[str, Any], earlier: Sequence[Mapping[str, Any]], *, key: bytes | None) -> dict[str, Any]:
    """A line that says these facts, when, and after which line; signed where there is a key."""
    line = plain({
        "time": datetime.now(UTC).isoformat(timespec="seconds"), **facts,
        "previous": earlier[-1]["sha256"] if earlier else START,
    })  # fmt: skip
    sealed = {**line, "sha256": digest_of(line)}
    return sealed if key is None else {**sealed, "signature": signature(sealed["sha256"], key), "key": name_of(key)}


def fault_in(records: Sequence[Mapping[str, Any]], *, key: bytes | None = None) -> str:
    """What is wrong with the chain, or nothing: digests and order always, and every signature where a key is given."""
    previous = START
    for number, each in enumerate(records, start=1):
        line = {name: value for name, value in each.items() if name not in SEALS}
        if each.get("sha256") != digest_of(line):
            return f"record {number} was altered"
        if each.get("previous") != previous:
            return f"record {number} does not follow the one before it"
        previous = str(each["sha256"])
        if key is None:
            continue
        if "signature" not in each:
            return f"record {number} is not signed"
        if not hmac.compare_digest(str(each["signature"]), signature(previous, key)):
            return f"record {number} was signed with another key ({each.get('key')}, not {name_of(key)})"
    return ""


def signature(digest: str, key: bytes) -> str:
    return hmac.new(key, digest.encode(), hashlib.sha256).hexdigest()


def name_of(key: bytes) -> str:
    """A short name by which a key is told from others; it does not give the key away."""
    return signature("the name of this key", key)[:12]


def digest_of(line: Mapping[str, Any]) -> str:
    text = json.dumps(line, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()
