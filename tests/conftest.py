"""Tiny tensors are slower on several threads: one thread for tests, set before any library starts its own."""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
