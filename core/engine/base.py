"""What every engine is: named arrays in, named arrays out. It knows nothing of how the program was made."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

from ..errors import FormatError, UnknownName
from ..types import Array


class Engine(ABC):
    """An opened program."""

    name: str
    precision: str  # "f32", "bf16", "int8", or "w8" (weights in bytes): what the engine computes in
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    def run(self, arrays: Mapping[str, Array]) -> dict[str, Array]:
        """The outputs by name.

        Raises:
            UnknownName: an input that the program does not have.
            FormatError: an input is missing, or the engine refuses its shape or kind of number.
        """
        for name in arrays:
            if name not in self.inputs:
                raise UnknownName("input of the program", name, self.inputs)
        missing = [name for name in self.inputs if name not in arrays]
        if missing:
            raise FormatError(f"the program reads {', '.join(self.inputs)}: {', '.join(missing)} was not given")
        return dict(zip(self.outputs, self.compute(tuple(arrays[name] for name in self.inputs)), strict=True))

    @abstractmethod
    def compute(self, arrays: tuple[Array, ...]) -> tuple[Array, ...]:
        """The outputs in order, for inputs in order."""
