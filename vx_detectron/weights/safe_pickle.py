"""Unpickle plain containers and NumPy arrays, and nothing else.

A pickle is a program. This one is run without anything of Python's or NumPy's that it names: the
few names that an array needs are answered by stand-ins that only take notes, and the opcodes that
could make other objects or change existing ones are gone. It is built on the Python version of
the unpickler because the C version's opcodes cannot be taken away, and because there a memo index
of a few bytes makes it allocate gigabytes.
"""

from __future__ import annotations

import math
import pickle
import re
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from vx_detectron.errors import CheckpointError

# What a dtype code may be: floats, integers and booleans. No objects, strings or records.
_CODE = re.compile(r"[fiub][1248]")


def read_pickle(path: Path) -> object:
    """The contents of a pickle of containers, numbers, strings and NumPy arrays.

    Pickles of Python 2 are read too, their strings as latin-1.

    Returns:
        What was pickled; arrays and NumPy numbers as ``PickledArray``, mappings as ``dict``.

    Raises:
        CheckpointError: the pickle names anything else, or is broken.
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        try:
            return _Unpickler(_Bounded(file, path.stat().st_size), encoding="latin1").load()
        except (CheckpointError, OSError):
            raise
        except Exception as error:  # A hostile program can fail in any way.
            raise CheckpointError(
                f"expected a pickle of NumPy arrays, it is damaged or cut off "
                f"({type(error).__name__}: {error}). Download it again."
            ) from error


class PickledArray:
    """An array as the pickle describes it; nothing is believed before ``to_numpy``."""

    def __init__(self, shape: object = (), dtype: object = None, raw: object = b"") -> None:
        self._shape, self._dtype, self._raw = shape, dtype, raw
        self._order: object = "C"
        self._axes: object = None

    def __setstate__(self, state: Any) -> None:
        _version, self._shape, self._dtype, fortran, self._raw = state
        self._order = "F" if fortran else "C"

    @classmethod
    def from_buffer(
        cls, raw: object, dtype: object, shape: object, order: object, axes: object = None
    ) -> PickledArray:
        """As pickle protocol 5 has it: ``axes`` turns the axes when the order is ``K``."""
        array = cls(shape, dtype, raw)
        array._order = order
        array._axes = axes
        return array

    def to_numpy(self) -> NDArray[Any]:
        """A writable array of its own, in this machine's byte order. Raises CheckpointError."""
        if not isinstance(self._dtype, _PickledDtype):
            raise CheckpointError("expected an array, it has no dtype. Download it again.")
        dtype = self._dtype.to_numpy()
        raw, shape = self._raw, self._shape
        if isinstance(raw, str):  # Python 2's bytes
            raw = raw.encode("latin1")
        sides = shape if isinstance(shape, tuple) and len(shape) <= 32 else (-1,)
        if (
            not isinstance(raw, bytes | bytearray)
            or any(type(side) is not int or side < 0 for side in sides)
            or math.prod(sides) * dtype.itemsize != len(raw)
        ):
            raise CheckpointError(
                f"expected the bytes of a {dtype.name} array of shape {shape}, got "
                f"{len(raw) if isinstance(raw, bytes | bytearray) else type(raw).__name__}. "
                "Download it again."
            )
        array = np.frombuffer(raw, dtype).reshape(sides, order="F" if self._order == "F" else "C")
        if self._order == "K" and self._axes is not None:
            array = array.transpose(_permutation(self._axes, array.ndim))
        return np.array(array, dtype=dtype.newbyteorder("="), order="C")


class _PickledDtype:
    """A dtype as the pickle describes it."""

    def __init__(self, code: object, _align: object = False, _copy: object = False) -> None:
        self._code = code
        self._order: object = "="

    def __setstate__(self, state: Any) -> None:
        _version, self._order, *rest = state
        if any(part is not None for part in rest[:3]):
            raise CheckpointError("expected arrays of numbers, got records. Only weights are read.")

    def to_numpy(self) -> np.dtype[Any]:
        if not isinstance(self._code, str) or not _CODE.fullmatch(self._code):
            what = "Python objects" if str(self._code).startswith("O") else repr(self._code)
            raise CheckpointError(
                f"expected an array of numbers, got one of {what}. Only weights are read."
            )
        if self._order not in ("<", ">", "|", "="):
            raise CheckpointError(f"expected a byte order, got {self._order!r}. Download it again.")
        return np.dtype(f"{self._order}{self._code}")


class _Mapping(dict[Any, Any]):
    """An OrderedDict; the attributes that PyTorch hangs on one are of no use here."""

    def __setstate__(self, state: object) -> None:
        pass


class _NdarrayName:
    """Stands for the class ``numpy.ndarray``, which arrays name but never need to call."""


def _reconstruct(kind: object, _shape: object, _code: object) -> PickledArray:
    if kind is not _NdarrayName:
        raise CheckpointError("expected plain arrays, got a subclass. Only weights are read.")
    return PickledArray()


def _scalar(dtype: object, raw: object) -> PickledArray:
    return PickledArray((), dtype, raw)


def _permutation(axes: object, ndim: int) -> tuple[int, ...]:
    if not isinstance(axes, tuple | list) or sorted(axes) != list(range(ndim)):
        raise CheckpointError(
            f"expected the order of {ndim} axes, got {axes!r}. Download it again."
        )
    return tuple(axes)


def _encode(text: str, encoding: str) -> bytes:
    """How pickle protocol 2 carries bytes."""
    if encoding != "latin1":
        raise CheckpointError(f"expected bytes as latin1, got {encoding!r}. Download it again.")
    return text.encode("latin1")


_CALLABLE: dict[tuple[str, str], Callable[..., object]] = {
    ("_codecs", "encode"): _encode,
    ("collections", "OrderedDict"): _Mapping,
    ("numpy", "dtype"): _PickledDtype,
    ("numpy.core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy.core.multiarray", "scalar"): _scalar,
    ("numpy.core.numeric", "_frombuffer"): PickledArray.from_buffer,
}
_CALLABLE |= {
    (module.replace("numpy.core", "numpy._core"), name): stand_in
    for (module, name), stand_in in _CALLABLE.items()
}
_ADMITTED = _CALLABLE | {("numpy", "ndarray"): _NdarrayName}


class _Unpickler(pickle._Unpickler):
    """Knows the admitted names only, calls only them, and changes only what they made."""

    dispatch = dict(pickle._Unpickler.dispatch)  # noqa: RUF012  # changed below, once

    def find_class(self, module: str, name: str) -> Any:
        try:
            return _ADMITTED[module, name]
        except KeyError:
            pass
        if module.partition(".")[0] == "torch":
            raise CheckpointError(
                f"expected NumPy arrays in a plain pickle, it contains PyTorch objects "
                f"({module}.{name}). Save it with torch.save instead of pickle.dump."
            )
        raise CheckpointError(
            f"it wants to use {module}.{name}, expected only arrays and containers; reading it "
            "could run foreign code, so it was not read. Do not use this file; get the weights "
            "from a source you trust."
        )


def _reduce(self: Any) -> None:
    arguments = self.stack.pop()
    function = self.stack[-1]
    if not any(function is stand_in for stand_in in _CALLABLE.values()):
        raise CheckpointError("it calls something that is not an array. Do not use this file.")
    self.stack[-1] = function(*arguments)


def _build(self: Any) -> None:
    state = self.stack.pop()
    if not isinstance(self.stack[-1], PickledArray | _PickledDtype | _Mapping):
        raise CheckpointError("it changes something that is not an array. Do not use this file.")
    self.stack[-1].__setstate__(state)


def _bytearray(self: Any) -> None:
    """Takes the memory only after ``_Bounded`` found the bytes there; Python's own does not."""
    self.append(bytearray(self.read(int.from_bytes(self.read(8), "little"))))


for _opcode in (
    *(pickle.INST, pickle.OBJ, pickle.NEWOBJ, pickle.NEWOBJ_EX),
    *(pickle.EXT1, pickle.EXT2, pickle.EXT4),
    *(pickle.PERSID, pickle.BINPERSID, pickle.NEXT_BUFFER),
):
    del _Unpickler.dispatch[_opcode[0]]
_Unpickler.dispatch |= {
    pickle.REDUCE[0]: _reduce,
    pickle.BUILD[0]: _build,
    pickle.BYTEARRAY8[0]: _bytearray,
}


class _Bounded:
    """A file that refuses to read more than is there, before any memory is taken for it."""

    def __init__(self, file: IO[bytes], size: int) -> None:
        self._file, self._size = file, size

    def read(self, count: int) -> bytes:
        if not 0 <= count <= self._size - self._file.tell():
            raise EOFError(f"{count} bytes were announced, but there are fewer")
        return self._file.read(count)

    def readline(self) -> bytes:
        return self._file.readline()
