"""The scorer as one program: hashed words in, operations out; programs' numbers in, their scores out."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from ....core.export.program import Program
from .features import COUNT, buckets_of
from .programs import OPERATIONS
from .scorer import Scorer

EXAMPLES = ("What was the change in total revenue from 2018 to 2019?", "What is the average of cash in 2019 and 2018?")


class Scores(nn.Module):
    """`index` [question, word] with `here` 0 where a row is shorter, `rows` [question, program, number], and which of
    the two sides is given `[question, side]`; an absent side gives zeros."""

    def __init__(self, scorer: Scorer) -> None:
        super().__init__()
        self.words = nn.Parameter(torch.from_numpy(scorer.operations.T.astype(np.float32).copy()), requires_grad=False)
        self.bias = nn.Parameter(torch.from_numpy(scorer.bias.astype(np.float32)), requires_grad=False)
        self.programs = nn.Parameter(torch.from_numpy(scorer.programs.astype(np.float32)), requires_grad=False)

    def forward(self, index: Tensor, here: Tensor, rows: Tensor, presence: Tensor) -> tuple[Tensor, Tensor]:
        given = presence.to(rows.dtype)
        operations = (self.words[index] * here[..., None]).sum(dim=1) + self.bias
        return operations * given[:, :1], (rows @ self.programs.T) * given[:, 1:, None]


def program_of(scorer: Scorer) -> Program:
    """The program, with a case for each side alone and for both."""
    found = [buckets_of(each) for each in EXAMPLES]
    longest = max(map(len, found))
    index, here = torch.zeros(len(found), longest, dtype=torch.int64), torch.zeros(len(found), longest)
    for place, each in enumerate(found):
        index[place, : len(each)], here[place, : len(each)] = torch.from_numpy(each), 1.0
    rows = torch.linspace(0, 1, len(found) * 3 * COUNT).reshape(len(found), 3, COUNT)
    both = torch.ones(len(found), 2, dtype=torch.bool)
    sides = {"words": [True, False], "programs": [False, True], "words+programs": [True, True]}
    return Program(
        module=Scores(scorer),
        example=(index, here, rows, both),
        inputs=("index", "here", "rows", "presence"),
        outputs=("operations", "scores"),
        dynamic=({0: "batch", 1: "words"}, {0: "batch", 1: "words"}, {0: "batch", 1: "programs"}, {0: "batch"}),
        cases={name: (index, here, rows, both & torch.tensor(side)) for name, side in sides.items()},
        notes={
            "before": f"words are hashed; a program is {COUNT} numbers on how its cells fit the question",
            "after": f"softmax over {', '.join(OPERATIONS)}; softmax over the programs of one operation, whose "
            "score is in the column of that operation; the best program is executed",
        },
    )
