"""Windows through the detector: each on one thread, several side by side.

Threads that share one window wait for each other at every layer, spinning, and on a machine that others use as well
that took twelve times the processor's time. It knows no lungs and no candidates.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import torch

from ....core.engine import Engine
from ....core.training.precision import device_of, supported
from ....core.types import Array
from .detector import WINDOW, Detector, windowed
from .engines import engine_for


def chances(detector: Detector, values: Array, boxes: Sequence[tuple[slice, ...]]) -> Iterator[Array]:
    """The probability of nodule by voxel in each box of `values` (Hounsfield units), in their order.

    As many run at once as torch has threads here; at most twice as many are held in memory.
    """
    threads = torch.get_num_threads()
    sizes = {each.stop - each.start for box in boxes for each in box}
    engine = engine_for(detector, windows=len(boxes), size=sizes.pop()) if len(sizes) == 1 else None
    if engine is not None:  # it has threads of its own, and they do not spin
        yield from (_asked(engine, values[box]) for box in boxes)
        return
    if threads == 1 or device_of(detector).type != "cpu":
        yield from (chance_of(detector, values[box]) for box in boxes)
        return
    try:
        with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            waiting: deque[Future[Array]] = deque()
            for box in boxes:
                waiting.append(pool.submit(chance_of, detector, values[box]))
                if len(waiting) >= 2 * threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
    finally:
        torch.set_num_threads(threads)  # what a worker sets becomes the default of threads that begin later


@torch.no_grad()
def chance_of(detector: Detector, window: Array) -> Array:
    """One window by torch, in bfloat16 where the processor has it."""
    device = device_of(detector)
    x = windowed(torch.from_numpy(window)[None, None].to(device)).contiguous(memory_format=torch.channels_last_3d)
    with torch.autocast(device.type, torch.bfloat16, enabled=supported(device)):
        logits = detector(x)[0, 0]
    return torch.sigmoid(logits.float()).cpu().numpy()


def _asked(engine: Engine, window: Array) -> Array:
    """One window by an exported program."""
    low, high = WINDOW
    x = (np.clip(window, low, high) - low) / (high - low) * 2 - 1
    logits = engine.run({"ct": np.ascontiguousarray(x, np.float32)[None, None]})["logit"][0, 0]
    return np.asarray(1 / (1 + np.exp(-logits.astype(np.float64))), np.float32)
