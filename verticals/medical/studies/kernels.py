"""Whether a reconstruction kernel is a sharp one, by the names that the makers of scanners give.

Sharp kernels draw edges and noise stronger: nodules look brighter at their rim and small false marks come easily. It
knows names and no pixels; a name that it does not know says nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

NUMBERED = re.compile(r"[BHTUIJDQ][A-Z]?(\d{2})[A-Z]?(?:\\.*|_.*)?$")  # Siemens: B30f, B70s, Br40d, Bl57, Qr36, I50f
SHARP_FROM = 50  # of Siemens' numbers
TOSHIBA = re.compile(r"FC(\d{2})")  # Canon and Toshiba: FC08 soft tissue, FC30 bone, FC51 lung, FC81 detail
SHARP_FC = range(30, 60), range(80, 90)
WORDS = ("BONE", "BONEPLUS", "EDGE", "LUNG", "ULTRA", "DETAIL+")  # GE
LETTERS = ("D", "E", "L", "YC", "YD", "YE", "YL")  # Philips


def sharp(kernel: str) -> bool:
    """Whether the kernel of this name is known to be a sharp one."""
    name = kernel.strip().upper()
    if name in WORDS or name in LETTERS:
        return True
    if found := TOSHIBA.match(name):
        return any(int(found[1]) in numbers for numbers in SHARP_FC)
    numbered = NUMBERED.match(name)
    return bool(numbered and int(numbered[1]) >= SHARP_FROM)


def told(kernel: object) -> tuple[str, ...]:
    """What a reader should know of the kernel in a header, which may be one name, several or none."""
    names = [kernel] if isinstance(kernel, str) else list(kernel) if isinstance(kernel, Sequence) else []
    first = str(names[0]) if names else ""
    if not sharp(first):
        return ()
    return (f"reconstructed with the sharp kernel {first}: noise is strong and small false marks come easily",)
