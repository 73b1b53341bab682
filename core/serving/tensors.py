"""Named arrays in the body of a request and of its answer: JSON, safetensors or NumPy's .npz. No pickle is ever read.

    application/json            {"inputs": {"features": [[0.1, null, 3]]}}  ->  {"outputs": {"logit": [-2.5]}}
    application/x-safetensors   a safetensors file of the inputs            ->  one of the outputs
    application/x-npz           an .npz archive of the inputs               ->  one of the outputs

It knows no program; whether the arrays are those that one reads is checked elsewhere.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..errors import FormatError, UnknownName
from ..types import Array

JSON, SAFETENSORS, NPZ = "application/json", "application/x-safetensors", "application/x-npz"
_NAMES = {
    JSON: JSON,
    SAFETENSORS: SAFETENSORS,
    "application/vnd.safetensors": SAFETENSORS,
    NPZ: NPZ,
    "application/zip": NPZ,
}
_MOST = 1 << 28  # bytes that one archive may unfold to


def form_of(content_type: str) -> str:
    """Which of the three forms a body has, by its media type.

    Raises:
        UnknownName: none of them.
    """
    plain = content_type.split(";")[0].strip().lower()
    if plain not in _NAMES:
        raise UnknownName("form of tensors", plain or "without a content-type", (JSON, SAFETENSORS, NPZ))
    return _NAMES[plain]


def read(form: str, body: bytes) -> dict[str, Array]:
    """The arrays by name.

    Raises:
        FormatError: the body is not what its media type says.
    """
    return {JSON: _from_json, SAFETENSORS: _from_safetensors, NPZ: _from_npz}[form](body)


def write(form: str, arrays: Mapping[str, Array]) -> bytes:
    """The body for these arrays; JSON has null where a number is not finite."""
    makers: dict[str, Callable[[Mapping[str, Array]], bytes]] = {JSON: _json, SAFETENSORS: _safetensors, NPZ: _npz}
    return makers[form](arrays)


def _from_json(body: bytes) -> dict[str, Array]:
    try:
        asked = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"the request is not JSON: {error}") from error
    if not isinstance(asked, dict) or not isinstance(asked.get("inputs"), dict) or len(asked) > 1:
        raise FormatError('the request is a JSON object {"inputs": {NAME: [[...]]}}: arrays by the names of the inputs')
    return {str(name): _array(str(name), value) for name, value in asked["inputs"].items()}


def _array(name: str, value: Any) -> Array:
    """Numbers or truth values, in rows of equal length; null is a number that is not known."""
    try:
        array = np.asarray(value)
        if array.dtype == object:  # null, numbers past 64 bits, or rows of unequal lengths (which raise)
            array = np.array(value, dtype=np.float64)
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise FormatError(f"the input {name} is no array: give numbers in rows of equal lengths") from error
    if array.dtype.kind not in "biuf":
        raise FormatError(f"the input {name} holds something else than numbers")
    return array


def _from_safetensors(body: bytes) -> dict[str, Array]:
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        return load(body)
    except (SafetensorError, ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise FormatError(f"the request is not a whole safetensors file: {error}") from error


def _from_npz(body: bytes) -> dict[str, Array]:
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            size = sum(item.file_size for item in archive.infolist())
        if size > _MOST:
            raise FormatError(f"the archive unfolds to {size / 1e6:,.0f} MB, more than {_MOST / 1e6:,.0f} MB")
        with np.load(io.BytesIO(body), allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except FormatError:
        raise
    except Exception as error:  # zip, zlib, NumPy's header parser: each has errors of its own
        raise FormatError(f"the request is not an .npz archive of plain arrays: {error}") from error


def _json(arrays: Mapping[str, Array]) -> bytes:
    told = {name: array.tolist() if _finite(array) else _nulls(array) for name, array in arrays.items()}
    return json.dumps({"outputs": told}, allow_nan=False, separators=(",", ":")).encode()


def _finite(array: Array) -> bool:
    return array.dtype.kind != "f" or bool(np.isfinite(array).all())


def _nulls(array: Array) -> Any:
    found = array.astype(object)
    found[~np.isfinite(array)] = None
    return found.tolist()


def _safetensors(arrays: Mapping[str, Array]) -> bytes:
    from safetensors.numpy import save

    return save({name: np.ascontiguousarray(array) for name, array in arrays.items()})


def _npz(arrays: Mapping[str, Array]) -> bytes:
    target = io.BytesIO()
    np.savez(target, **arrays)  # type: ignore[arg-type]
    return target.getvalue()
