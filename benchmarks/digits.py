"""Real images of digits and real spoken digits, as pairs of one label: the data of the AV-digits proof.

Reads `mnist_images.npz` and `recordings/<digit>_<speaker>_<n>.wav` (Free Spoken Digit Dataset); without that folder,
scikit-learn's digits and clips by `espeak-ng`. It knows nothing of models. Nothing here is fitted on test data.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from colonnade.core.errors import FileError
from colonnade.core.torchlibs import import_torchaudio

RATE, FRAMES, MELS, HOP = 8000, 20, 40, 80
LONGEST = 8000  # samples; a second holds any digit
WORDS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]


@dataclass(frozen=True)
class Digits:
    """Images `[image, pixel]` in 0..1, clips as waveforms at 8 kHz, with labels and speakers."""

    images: np.ndarray
    image_labels: np.ndarray
    clips: list[np.ndarray]
    clip_labels: np.ndarray
    speakers: np.ndarray
    origin: str


def load(folder: Path | None) -> Digits:
    """The folder's digits; without a folder, scikit-learn's and espeak-ng's."""
    return _recorded(folder) if folder is not None and folder.is_dir() else _synthetic()


def log_mel(clips: Sequence[np.ndarray], snr: np.ndarray, generator: np.random.Generator) -> Tensor:
    """Each clip in white noise at its signal-to-noise ratio in dB, as `[clip, frame, mel]`.

    Frames are stretched to one number of them; each clip has mean 0, so that loudness says nothing.
    """
    lengths = np.minimum([len(clip) for clip in clips], LONGEST)
    samples = np.zeros((len(clips), lengths.max()), np.float32)
    for row, (clip, length, ratio) in enumerate(zip(clips, lengths, snr, strict=True)):
        noise = generator.standard_normal(length, dtype=np.float32) * clip.std() * 10 ** (-ratio / 20)
        samples[row, :length] = clip[:length] + noise
    mel = import_torchaudio().transforms.MelSpectrogram(RATE, n_fft=256, hop_length=HOP, n_mels=MELS)
    frames = torch.log(mel(torch.tensor(samples)) + 1e-6).transpose(1, 2)
    place = torch.tensor(lengths // HOP)[:, None] * torch.linspace(0, 1, FRAMES)
    row, low = torch.arange(len(clips))[:, None], place.floor().long()
    high, share = (low + 1).clamp(max=frames.shape[1] - 1), (place - low)[:, :, None]
    stretched = frames[row, low] * (1 - share) + frames[row, high] * share
    return stretched - stretched.mean(dim=(1, 2), keepdim=True)


def _recorded(folder: Path) -> Digits:
    import soundfile

    with np.load(folder / "mnist_images.npz") as archive:
        images, labels = archive["images"], archive["labels"]
    paths = sorted((folder / "recordings").glob("*.wav"))
    parts = [path.stem.split("_") for path in paths]
    clips = [soundfile.read(path, dtype="float32")[0] for path in paths]
    return Digits(
        images=images.reshape(len(images), -1).astype(np.float32) / 255,
        image_labels=labels.astype(np.int64),
        clips=clips,
        clip_labels=np.array([int(part[0]) for part in parts]),
        speakers=np.array([part[1] for part in parts]),
        origin=f"{len(images)} MNIST images, {len(clips)} recordings by {len({part[1] for part in parts})} speakers",
    )


def _synthetic() -> Digits:
    from sklearn.datasets import load_digits

    program = shutil.which("espeak-ng")
    if program is None:
        raise FileError("no data folder was given and espeak-ng is not installed: give --data DIR or install espeak-ng")
    images, labels = load_digits(return_X_y=True)
    clips, words, speakers = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        for variant in ("m1", "m3", "m7", "f2"):
            for digit, word in enumerate(WORDS):
                for take in range(25):
                    clips.append(_spoken(program, word, variant, take, Path(folder) / "clip.wav"))
                    words.append(digit)
                    speakers.append(variant)
    origin = f"{len(images)} scikit-learn digits, {len(clips)} espeak-ng clips by 4 voices"
    return Digits(
        images=images.astype(np.float32) / 16,
        image_labels=labels.astype(np.int64),
        clips=clips,
        clip_labels=np.array(words),
        speakers=np.array(speakers),
        origin=origin,
    )


def _spoken(program: str, word: str, variant: str, take: int, path: Path) -> np.ndarray:
    import soundfile

    speed, pitch = 130 + 15 * (take % 5), 25 + 10 * (take // 5)
    subprocess.run(
        [program, "-v", f"en+{variant}", "-s", str(speed), "-p", str(pitch), "-w", str(path), word], check=True
    )
    samples, rate = soundfile.read(path, dtype="float32")
    functional = import_torchaudio().functional
    return functional.resample(torch.tensor(samples), rate, RATE).numpy()
