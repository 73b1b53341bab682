"""A torch module compiled in memory answers as torch does, at any height and width."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn


def test_a_compiled_module_answers_as_torch_at_sizes_it_was_not_traced_with():
    pytest.importorskip("openvino")
    from colonnade.core.engine.openvino import compile_module

    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(1, 3, 3, padding=1, stride=2), nn.ReLU(), nn.Conv2d(3, 1, 1)).eval()
    run = compile_module(module, torch.zeros(1, 1, 16, 16), threads=1)
    for shape in ((16, 16), (24, 40)):
        pixels = np.random.default_rng(0).normal(size=(1, 1, *shape)).astype(np.float32)
        with torch.no_grad():
            expected = module(torch.from_numpy(pixels)).numpy()
        assert np.abs(run(pixels) - expected).max() < 1e-4
