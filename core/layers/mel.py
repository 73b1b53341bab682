"""The log-mel spectrogram as two convolutions, because a Fourier transform does not export everywhere.

Equal to torchaudio's MelSpectrogram with centred, zero-padded frames. It knows nothing of clips, masks or rates
other than its own.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from ..errors import ConfigError


class LogMel(nn.Module):
    """Power in mel bands (HTK scale, Hann window), then its logarithm, brought near zero mean and unit spread.

    Frame t is centred on sample t * `hop`. `floor` keeps silence finite, about 100 dB under full scale.
    """

    fourier: Tensor
    bands: Tensor

    def __init__(self, *, rate: int, window: int, hop: int, mels: int, floor: float = 1e-6) -> None:
        super().__init__()
        self.window, self.hop, self.floor = window, hop, floor
        self.register_buffer("fourier", _fourier(window), persistent=False)
        bands = mel_bands(rate=rate, bins=window // 2 + 1, mels=mels)
        if not bands.any(dim=1).all():
            raise ConfigError(
                f"a window of {window} samples at {rate} a second leaves some of {mels} mel bands without a frequency: "
                "lengthen the window or take fewer bands"
            )
        self.register_buffer("bands", bands, persistent=False)

    def forward(self, x: Float[Tensor, "batch samples"]) -> Float[Tensor, "batch mel frame"]:
        """One frame for every `hop` samples. In full precision also under autocast: power spans many decades."""
        if torch.is_autocast_enabled(x.device.type):
            with torch.autocast(x.device.type, enabled=False):
                return self._log(self.power(x.float()))
        return self._log(self.power(x))

    def power(self, x: Float[Tensor, "batch samples"]) -> Float[Tensor, "batch mel frame"]:
        """Mel power, as torchaudio's MelSpectrogram(center=True, pad_mode="constant") without its last frame."""
        half = self.window // 2
        frames = F.conv1d(F.pad(x[:, None], (half, half)), self.fourier, stride=self.hop)[
            :, :, : x.shape[1] // self.hop
        ]
        real, imaginary = frames.chunk(2, dim=1)
        return F.conv1d(real.square() + imaginary.square(), self.bands)

    def _log(self, power: Tensor) -> Tensor:
        return ((power + self.floor).log() + 5.0) / 5.0


def mel_bands(*, rate: int, bins: int, mels: int) -> Float[Tensor, "mel bin 1"]:
    """Triangular bands, evenly spaced on the HTK mel scale from 0 Hz to half the rate."""
    top = _mel(torch.tensor(rate / 2, dtype=torch.float64))
    edges = 700.0 * (10.0 ** (torch.linspace(0, 1, mels + 2, dtype=torch.float64) * top / 2595.0) - 1.0)
    hertz = torch.linspace(0, rate / 2, bins, dtype=torch.float64)
    low, middle, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    rising, falling = (hertz - low) / (middle - low), (high - hertz) / (high - middle)
    return torch.minimum(rising, falling).clamp(min=0).float()[:, :, None]


def _mel(hertz: Tensor) -> Tensor:
    return 2595.0 * torch.log10(1.0 + hertz / 700.0)


def _fourier(window: int) -> Float[Tensor, "part 1 window"]:
    """Hann-windowed cosines, then sines, computed in float64."""
    time = torch.arange(window, dtype=torch.float64)
    angle = 2 * torch.pi * torch.outer(torch.arange(window // 2 + 1, dtype=torch.float64), time) / window
    hann = torch.hann_window(window, dtype=torch.float64)
    return (torch.cat([angle.cos(), -angle.sin()]) * hann)[:, None].float()
