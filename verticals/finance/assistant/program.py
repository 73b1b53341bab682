"""The assistant's readings as one program: terms and a sentence vector in, calibrated logits out."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from ....core.export.program import Program
from .model import BOTH, VIEWS, Reader
from .sentences import WIDTH
from .terms import BUCKETS, counts, weighted

EXAMPLES = ("my card has not arrived", "how do I change my pin?", "I was charged twice for one purchase")


class Readings(nn.Module):
    """Terms as indices and weights `[text, term]` (index 0 with weight 0 where a row is shorter), the sentence vector
    `[text, width]`, and which views are there `[text, view]`."""

    def __init__(self, reader: Reader) -> None:
        super().__init__()
        heads, reach = reader.heads, reader.settings.reach
        table = heads.terms.astype(np.float32).T * heads.terms_scale.astype(np.float32)
        self.terms = nn.Parameter(torch.from_numpy(np.ascontiguousarray(table)), requires_grad=False)
        self.terms_bias = nn.Parameter(torch.from_numpy(heads.terms_bias.astype(np.float32)), requires_grad=False)
        sentence = heads.sentence if heads.sentence is not None else np.zeros((len(table.T), WIDTH))
        bias = heads.sentence_bias if heads.sentence_bias is not None else np.zeros(len(table.T))
        self.sentence = nn.Parameter(torch.from_numpy(sentence.astype(np.float32)), requires_grad=False)
        self.sentence_bias = nn.Parameter(torch.from_numpy(bias.astype(np.float32)), requires_grad=False)
        names = [*VIEWS, BOTH] if heads.sentence is not None else [VIEWS[0]] * 3
        mixes = [[reach[name].mix.get(view, 0.0) / reach[name].temperature for view in VIEWS] for name in names]
        self.mixes = nn.Parameter(torch.tensor([[0.0, 0.0], *mixes]), requires_grad=False)

    def forward(self, index: Tensor, weight: Tensor, sentence: Tensor, presence: Tensor) -> Tensor:
        terms = (self.terms[index] * weight[..., None]).sum(dim=1) + self.terms_bias
        meaning = sentence @ self.sentence.T + self.sentence_bias
        here = presence.to(torch.int64)
        mix = self.mixes[here[:, 0] + 2 * here[:, 1]]
        return terms * mix[:, :1] + meaning * mix[:, 1:]


def program_of(reader: Reader) -> Program:
    """The program, with a case for each subset of the views of this checkpoint."""
    rows = weighted(counts(EXAMPLES), reader.heads.rare.astype(np.float32))
    longest = int(np.diff(rows.indptr).max())
    index, weight = torch.zeros(len(EXAMPLES), longest, dtype=torch.int64), torch.zeros(len(EXAMPLES), longest)
    for place in range(len(EXAMPLES)):
        own = slice(rows.indptr[place], rows.indptr[place + 1])
        index[place, : own.stop - own.start] = torch.from_numpy(rows.indices[own].astype(np.int64))
        weight[place, : own.stop - own.start] = torch.from_numpy(rows.data[own])
    if "sentence" in reader.views:
        vectors = torch.from_numpy(reader.vectors(EXAMPLES))
    else:
        vectors = torch.nn.functional.normalize(torch.linspace(-1, 1, len(EXAMPLES) * WIDTH).reshape(-1, WIDTH), dim=-1)
    both = torch.ones(len(EXAMPLES), 2, dtype=torch.bool)
    cases = {"terms": torch.tensor([True, False])}
    if reader.heads.sentence is not None:
        cases |= {"sentence": torch.tensor([False, True]), BOTH: torch.tensor([True, True])}
    return Program(
        module=Readings(reader),
        example=(index, weight, vectors, both),
        inputs=("index", "weight", "sentence", "presence"),
        outputs=("logits",),
        dynamic=({0: "batch", 1: "terms"}, {0: "batch", 1: "terms"}, {0: "batch"}, {0: "batch"}),
        cases={name: (index, weight, vectors, both & here) for name, here in cases.items()},
        notes={
            "before": f"terms are {BUCKETS} hashed words and letter groups; the sentence vector is the mean token of "
            "MiniLM with the checkpoint's adapters, of length 1",
            "after": "logits are calibrated: their softmax is the probability of each intent",
        },
    )
