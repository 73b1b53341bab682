"""Gradients in 16, 8 or 4 bits with a scale for each block, summed in full precision, with error feedback.

Each rank sends every other its part of the vector, coded; that one decodes, takes the mean and sends it back, coded
again. Whatever the number of ranks this is (bits / 32) of a ring's traffic, where gathering everyone's codes would grow
with them. Both roundings are owed (as in DoubleSqueeze, Tang et al. 2019), so none is lost.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.distributed as dist
from torch import Tensor

from ..errors import ConfigError
from .exchange import Exchange, Group, joined_flat, split

BLOCK = 2048


class Quantised(Exchange):
    """Raises ConfigError for bits other than 16, 8 and 4."""

    def __init__(self, bits: int = 8, group: Group = None) -> None:
        if bits not in (16, 8, 4):
            raise ConfigError(f"gradients are sent in 16, 8 or 4 bits, got {bits}")
        super().__init__(group)
        self.bits = bits

    def mean(self, gradients: Mapping[str, Tensor]) -> dict[str, Tensor]:
        seats, seat = self.seats, self.seat
        wanted = {n: g.float() + self.owed[n] if n in self.owed else g.float() for n, g in gradients.items()}
        flat = joined_flat(wanted)
        size = flat.numel()
        part = -(-size // (seats * BLOCK)) * BLOCK
        flat = torch.nn.functional.pad(flat, (0, part * seats - size)).view(seats, part)
        sent = encode(flat, self.bits)
        owed = flat - decode(sent, self.bits)
        come = torch.empty_like(sent)
        dist.all_to_all_single(come, sent, group=self.group)
        mine = decode(come, self.bits).sum(dim=0, keepdim=True).div_(seats)
        answer = encode(mine, self.bits)
        owed[seat] += (mine - decode(answer, self.bits))[0] * seats  # one rank owes it for all
        answers = torch.empty((seats, answer.shape[1]), dtype=torch.uint8, device=answer.device)
        dist.all_gather_into_tensor(answers, answer, group=self.group)
        self.traffic.across += 2 * (seats - 1) * answer.shape[1]
        self.owed.update(split(owed.flatten()[:size], gradients))
        found = split(decode(answers, self.bits).flatten()[:size], gradients)
        return {name: value.to(gradients[name].dtype) for name, value in found.items()}


def encode(rows: Tensor, bits: int) -> Tensor:
    """Each row's codes behind the scales of its blocks, as bytes `[row, byte]`; rows are whole blocks long."""
    blocks = rows.view(len(rows), -1, BLOCK)
    scale = blocks.abs().amax(dim=2, keepdim=True)
    share = blocks / scale.clamp_min(torch.finfo(torch.float32).tiny)
    if bits == 16:
        codes = share.half().view(torch.uint8)
    elif bits == 8:
        codes = share.mul_(127).round_().to(torch.int8).view(torch.uint8)
    else:
        small = share.mul_(7).round_().add_(8).to(torch.uint8)
        codes = small[..., ::2] * 16 + small[..., 1::2]
    return torch.cat([scale.flatten(1).view(torch.uint8), codes.flatten(1)], dim=1)


def decode(coded: Tensor, bits: int) -> Tensor:
    """The inverse of `encode`, up to its rounding."""
    count = coded.shape[1] // (4 + BLOCK * bits // 8)
    scale = coded[:, : 4 * count].contiguous().view(torch.float32).unsqueeze(2)
    codes = coded[:, 4 * count :].contiguous()
    if bits == 16:
        share = codes.view(torch.float16).float()
    elif bits == 8:
        share = codes.view(torch.int8).float().div_(127)
    else:
        share = torch.stack([codes // 16, codes % 16], dim=2).float().sub_(8).div_(7)
    return (share.view(len(coded), count, BLOCK) * scale).view(len(coded), -1)
