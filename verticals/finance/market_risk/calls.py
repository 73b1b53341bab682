"""An earnings call: a folder as MAEC publishes it (text.txt and features.csv, a sentence a line), or a recording in WAV
or FLAC with its transcript beside it. It knows nothing of models or of prices.

Source of the layout: MAEC, Li et al. 2020; its 29 features by sentence are those of Praat's voice report.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from ....core.digest import of_file
from ....core.errors import FileError, FormatError
from ....core.types import Array, Waveform
from ..tables.columns import columns_of
from .recordings import RECORDINGS, listened, read_recording

FEATURES = (
    "mean pitch", "standard deviation", "minimum pitch", "maximum pitch", "mean intensity", "minimum intensity",
    "maximum intensity", "number of pulses", "number of periods", "mean period", "standard deviation of period",
    "fraction of unvoiced", "number of voice breaks", "degree of voice breaks", "jitter local",
    "jitter local absolute", "jitter rap", "jitter ppq5", "jitter ddp", "shimmer local", "shimmer local db",
    "shimmer apq3", "shimmer apq5", "shimmer apq11", "shimmer dda", "mean autocorrelation", "mean nhr", "mean hnr",
    "audio length",
)  # fmt: skip
UNDEFINED = ("", "--undefined--", "nan", "undefined")  # Praat's word for a sentence without a voiced sound
MOST = 5_000  # sentences
_NAMED = re.compile(r"(?:^|[^0-9])(\d{4})-?(\d{2})-?(\d{2})_([A-Za-z.\-]+)$")


@dataclass(frozen=True, kw_only=True, eq=False)
class Call:
    """One call, of which at least one part is there: sentences, their `voice` `[sentence, feature]`, the `sound`.

    `voice` is NaN where a feature is not defined. `sound` holds excerpts, evenly spread. `day` and `ticker` are those
    of a folder named `20150723_AMZN`; None and "" otherwise. `notes` is what a reader should know.
    """

    name: str
    sentences: tuple[str, ...] = ()
    voice: Float[Array, "sentence feature"] | None = None
    sound: Waveform | None = None
    day: np.datetime64 | None = None
    ticker: str = ""
    notes: tuple[str, ...] = ()

    @property
    def shows(self) -> str:
        """What was read, in words."""
        parts = [f"{len(self.sentences)} sentences"] if self.sentences else []
        parts += [f"voice features of {len(self.voice)} sentences"] if self.voice is not None else []
        parts += [f"{listened(self.sound):.0f} s of sound"] if self.sound is not None else []
        return f"{self.name}: {', '.join(parts)}"


def read_call(value: Any) -> Call:
    """A folder, a recording or a transcript by path, a Waveform, or a Call.

    Raises:
        FileError: nothing there that can be read.
        FormatError: not the format it should be, silent, or of parts that do not fit each other.
    """
    if isinstance(value, Call):
        return value
    if isinstance(value, Waveform):
        sound, notes = read_recording(value)
        return Call(name="a recording", sound=sound, notes=notes)
    if not isinstance(value, (str, Path)):
        raise FormatError(f"a call is a path or a Waveform with its rate, got {type(value).__name__}")
    path = Path(value)
    if path.is_dir():
        return _folder(path)
    if path.suffix.lower() in RECORDINGS:
        beside = path.with_suffix(".txt")
        if not beside.is_file():
            return _made(path.stem, recording=path)
        found = _made(path.stem, recording=path, transcript=beside)
        note = f"the transcript {beside.name} beside {path.name} was read too, SHA-256 {of_file(beside)}"
        return replace(found, notes=(*found.notes, note))
    if path.suffix.lower() == ".txt":
        return _made(path.stem, transcript=path)
    raise FormatError(f"{path} is no call: give a folder, a recording ({', '.join(RECORDINGS)}) or a transcript (.txt)")


def calls_in(folder: Path) -> list[Call]:
    """Every call of a folder of folders named `<day>_<ticker>`, in the order of days.

    Raises:
        FileError: no such folder in it.
    """
    found = [read_call(path) for path in sorted(folder.iterdir()) if path.is_dir() and _NAMED.search(path.name)]
    if not found:
        raise FileError(f"{folder} holds no calls: folders named like 20150723_AMZN are looked for")
    return sorted(found, key=lambda call: (str(call.day), call.ticker))


def _folder(path: Path) -> Call:
    kinds = {"transcript": (".txt",), "voice": (".csv",), "recording": RECORDINGS}
    parts: dict[str, Path] = {}
    for kind, endings in kinds.items():
        files = sorted(each for each in path.iterdir() if each.is_file() and each.suffix.lower() in endings)
        if len(files) > 1:
            raise FormatError(
                f"{path} holds {len(files)} files that may be the {kind} ({files[0].name}, ...): keep one"
            )
        if files:
            parts[kind] = files[0]
    if not parts:
        raise FileError(f"{path} holds no call: text.txt, features.csv or a recording ({', '.join(RECORDINGS)})")
    return _made(path.name, **parts)


def _made(
    name: str, *, transcript: Path | None = None, voice: Path | None = None, recording: Path | None = None
) -> Call:
    notes: list[str] = []
    sentences = _sentences(transcript, notes) if transcript is not None else ()
    spoken = _voice(voice) if voice is not None else None
    if spoken is not None and sentences and len(spoken) != len(sentences):
        raise FormatError(
            f"{name}: {len(sentences)} sentences and features of {len(spoken)}: the call needs a row of features for"
            " each line of the transcript"
        )
    sound = None
    if recording is not None:
        sound, heard = read_recording(recording)
        notes += heard
        if transcript is None:
            notes.append(f"no transcript was found beside {recording.name}: only its sound was read")
    day, ticker = _named(name)
    return Call(name=name, sentences=sentences, voice=spoken, sound=sound, day=day, ticker=ticker, notes=tuple(notes))


def _sentences(path: Path, notes: list[str]) -> tuple[str, ...]:
    """The lines of a transcript that hold words; a text in one line is cut at the ends of its sentences."""
    lines = [" ".join(line.split()) for line in _decoded(path, notes).splitlines()]
    lines = [line for line in lines if line]
    if len(lines) == 1:
        lines = re.split(r"(?<=[.?!]) +(?=[A-Z\"'])", lines[0])
    if not any(any(character.isalpha() for character in line) for line in lines):
        raise FileError(f"{path} holds no words")
    if len(lines) > MOST:
        raise FormatError(f"{path} holds {len(lines)} lines, more than {MOST}: give the transcript of one call")
    return tuple(lines)


def _decoded(path: Path, notes: list[str]) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise FileError(f"cannot read {path}: {error.strerror}") from error
    wide = data[:2] in (b"\xff\xfe", b"\xfe\xff")
    if b"\0" in data and not wide:
        raise FormatError(f"{path} holds zero bytes: it is no text in an encoding that is known here")
    try:
        return data.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError as error:
        if wide:
            raise FormatError(f"{path} begins as UTF-16 text and is not: {error.reason}") from error
    notes.append(f"{path.name} is not UTF-8 and was read as Windows-1252")
    return data.decode("cp1252", errors="replace")


def _voice(path: Path) -> Float[Array, "sentence feature"]:
    columns = {" ".join(title.lower().split()): cells for title, cells in columns_of(path, numbers=False).items()}
    missing = [name for name in FEATURES if name not in columns]
    if missing:
        raise FormatError(
            f"{path} lacks {len(missing)} of the {len(FEATURES)} voice features: {', '.join(missing[:3])}"
        )
    return np.column_stack([_numbers(path, name, columns[name]) for name in FEATURES])


def _numbers(path: Path, name: str, cells: Sequence[str]) -> Array:
    found = np.full(len(cells), np.nan)
    for row, cell in enumerate(cells):
        text = cell.strip()
        if text.lower() not in UNDEFINED:
            try:
                found[row] = float(text)
            except ValueError as error:
                raise FormatError(f"{path}: row {row + 2}, {name}: {text!r} is no number") from error
    return np.where(np.isfinite(found), found, np.nan)


def _named(name: str) -> tuple[np.datetime64 | None, str]:
    """The day and the ticker that a folder's name tells."""
    found = _NAMED.search(name)
    if found is None:
        return None, ""
    year, month, day, ticker = found.groups()
    try:
        return np.datetime64(f"{year}-{month}-{day}", "D"), ticker.upper()
    except ValueError:
        return None, ""
