"""Calls: MAEC's layout and recordings are read, and what cannot be is refused in a sentence."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from colonnade.core.errors import FileError, FormatError
from colonnade.core.types import Waveform
from colonnade.verticals.finance.market_risk.calls import FEATURES, calls_in, read_call
from colonnade.verticals.finance.market_risk.recordings import EXCERPTS, RATE, SECONDS

SAID = ["Good morning.", "Revenue fell by 3.5 %.", "Are there questions?"]
DATA = Path(os.environ.get("COLONNADE_DATA", Path(__file__).parents[5] / "shared" / "data"))


def maec(folder: Path, *, sentences: int = 3, rows: int = 3, cells: dict[int, str] | None = None) -> Path:
    """A call in the layout of MAEC; `cells` replace features of the first row."""
    folder.mkdir(parents=True)
    (folder / "text.txt").write_text("\n".join(SAID[:sentences]) + "\n", encoding="utf-8")
    lines = [[f"{row + column / 100} " for column in range(len(FEATURES))] for row in range(rows)]
    for column, cell in (cells or {}).items():
        lines[0][column] = cell
    head = ",".join(name.capitalize() for name in FEATURES)
    (folder / "features.csv").write_text("\n".join([head, *(",".join(line) for line in lines)]), encoding="utf-8")
    return folder


def tone(seconds: float, rate: int = 16_000) -> np.ndarray:
    return (0.3 * np.sin(2 * np.pi * 220 * np.arange(int(seconds * rate)) / rate)).astype(np.float32)


def test_a_folder_of_maec_is_read_with_its_day_and_ticker(tmp_path: Path) -> None:
    call = read_call(maec(tmp_path / "20150723_amzn", cells={0: "--undefined--", 15: "166.355E-6 "}))
    assert call.sentences == tuple(SAID)
    assert call.voice is not None
    assert call.voice.shape == (3, 29)
    assert np.isnan(call.voice[0, 0])
    assert call.voice[0, 15] == pytest.approx(166.355e-6)
    assert (str(call.day), call.ticker) == ("2015-07-23", "AMZN")
    assert call.shows == "20150723_amzn: 3 sentences, voice features of 3 sentences"
    maec(tmp_path / "20150101_AAPL")
    (tmp_path / "other").mkdir()
    assert [each.ticker for each in calls_in(tmp_path)] == ["AAPL", "AMZN"]


def test_a_recording_is_heard_in_excerpts_with_the_transcript_beside_it(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "q2.wav", np.stack([tone(90), tone(90)], axis=1), 16_000)
    (tmp_path / "q2.txt").write_text(" ".join(SAID), encoding="utf-8")
    call = read_call(tmp_path / "q2.wav")
    assert call.sentences == tuple(SAID)
    assert call.sound is not None
    assert call.sound.rate == RATE
    assert len(call.sound.samples) == EXCERPTS * SECONDS * RATE
    said = " ".join(call.notes)
    assert "2 channels of q2.wav were averaged" in said
    assert "resampled from 16000 to 8000 Hz" in said
    assert "the transcript q2.txt beside q2.wav was read too, SHA-256" in said
    soundfile.write(tmp_path / "alone.flac", tone(3), 16_000)
    alone = read_call(tmp_path / "alone.flac")
    assert alone.sound is not None
    assert len(alone.sound.samples) == 3 * RATE
    assert "no transcript was found beside alone.flac" in " ".join(alone.notes)
    assert read_call(Waveform(samples=tone(2, RATE), rate=RATE)).sound is not None


def test_a_folder_may_hold_a_recording_and_a_transcript(tmp_path: Path) -> None:
    folder = tmp_path / "call"
    folder.mkdir()
    soundfile.write(folder / "00001-audio.wav", tone(2), 16_000)
    (folder / "00000-words.txt").write_text("We are well.", encoding="utf-8")
    call = read_call(folder)
    assert call.sentences == ("We are well.",)
    assert call.sound is not None


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_transcripts_in_other_encodings_are_read_and_told(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "a.txt").write_bytes("Café sales rose – again.\nThank you.\n".encode(encoding))
    call = read_call(tmp_path / "a.txt")
    assert call.sentences == ("Café sales rose – again.", "Thank you.")
    assert ("Windows-1252" in " ".join(call.notes)) is (encoding == "cp1252")


def test_transcripts_that_are_none_are_refused(tmp_path: Path) -> None:
    for name, data, says in (
        ("zero", b"a\0b\0c", "holds zero bytes"),
        ("blank", b"  \n\n", "holds no words"),
        ("numbers", b"1 2 3\n4 5\n", "holds no words"),
        ("wide", b"\xff\xfea", "begins as UTF-16 text and is not"),
    ):
        (tmp_path / f"{name}.txt").write_bytes(data)
        with pytest.raises((FileError, FormatError), match=says):
            read_call(tmp_path / f"{name}.txt")


def test_parts_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="3 sentences and features of 2"):
        read_call(maec(tmp_path / "a", rows=2))
    with pytest.raises(FormatError, match="row 2, mean pitch: 'loud' is no number"):
        read_call(maec(tmp_path / "b", cells={0: "loud"}))
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "features.csv").write_text("Mean pitch,Jitter local\n1,2\n")
    with pytest.raises(FormatError, match="lacks 27 of the 29 voice features"):
        read_call(tmp_path / "c")
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "notes.pdf").write_bytes(b"x")
    with pytest.raises(FileError, match="holds no call"):
        read_call(tmp_path / "d")
    (tmp_path / "two").mkdir()
    for name in ("a.txt", "b.txt"):
        (tmp_path / "two" / name).write_text("words here")
    with pytest.raises(FormatError, match="2 files that may be the transcript"):
        read_call(tmp_path / "two")
    with pytest.raises(FormatError, match="is no call"):
        read_call(tmp_path / "d" / "notes.pdf")
    with pytest.raises(FileError, match="holds no calls"):
        calls_in(tmp_path / "two")


def test_recordings_that_cannot_be_heard_are_refused(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "silent.wav", np.zeros(32_000), 16_000)
    with pytest.raises(FormatError, match="is silent"):
        read_call(tmp_path / "silent.wav")
    soundfile.write(tmp_path / "slow.wav", tone(3, 4_000), 4_000)
    with pytest.raises(FormatError, match="4000 samples a second: speech needs at least 8000"):
        read_call(tmp_path / "slow.wav")
    soundfile.write(tmp_path / "short.wav", tone(0.5), 16_000)
    with pytest.raises(FormatError, match=r"lasts 0\.5 s"):
        read_call(tmp_path / "short.wav")
    for name in ("whole.wav", "whole.flac"):
        soundfile.write(tmp_path / name, tone(60) + 0.01 * np.random.default_rng(0).standard_normal(960_000), 16_000)
        data = (tmp_path / name).read_bytes()
        (tmp_path / f"cut-{name}").write_bytes(data[: len(data) // 2])
        with pytest.raises(FileError, match="truncated"):
            read_call(tmp_path / f"cut-{name}")
    (tmp_path / "text.wav").write_text("no sound")
    with pytest.raises(FileError, match="truncated or not a WAV or FLAC"):
        read_call(tmp_path / "text.wav")
    with pytest.raises(FormatError, match="a call is a path or a Waveform"):
        read_call(3)


def test_the_published_data_are_read_whole() -> None:
    if not (DATA / "maec").is_dir():
        pytest.skip(f"MAEC is not at {DATA / 'maec'}")
    calls = calls_in(DATA / "maec")
    assert len(calls) > 20
    for call in calls:
        assert call.voice is not None
        assert len(call.voice) == len(call.sentences)
        assert np.isfinite(call.voice).mean() > 0.9
