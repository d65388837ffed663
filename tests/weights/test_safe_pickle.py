"""Pickles written by hand, opcode by opcode, that must not get through."""

from __future__ import annotations

import pickle
import random
import struct
from pathlib import Path

import numpy as np
import pytest

from vx_detectron.errors import CheckpointError
from vx_detectron.weights.safe_pickle import PickledArray, read_pickle


@pytest.mark.parametrize(
    "program",
    {
        "a module by INST": b"\x80\x02(S'echo'\nios\nsystem\n.",
        "OBJ": b"\x80\x02(ccollections\nOrderedDict\no.",
        "NEWOBJ": b"\x80\x02ccollections\nOrderedDict\n)\x81.",
        "an extension": b"\x80\x02\x82\x01.",
        "a persistent id": b"\x80\x02K\x01Q.",
        "an outside buffer": b"\x80\x05\x97.",
        "a dotted name": b"\x80\x04\x8c\x05numpy\x8c\x13ndarray.__subclasses__\x93.",
        "calling ndarray": b"\x80\x02cnumpy\nndarray\n((K\x01tt\x52.",
        "changing a stand-in": b"\x80\x02cnumpy\ndtype\n(N}X\x05\x00\x00\x00names]stb.",
        "changing a function": b"\x80\x02c_codecs\nencode\n}X\x01\x00\x00\x00xK\x01sb.",
        "another codec": b"\x80\x02c_codecs\nencode\nX\x01\x00\x00\x00aX\x03\x00\x00\x00zip\x86R.",
        "a subclass of ndarray": b"\x80\x02cnumpy.core.multiarray\n_reconstruct\n"
        b"(cnumpy\ndtype\nK\x00\x85U\x01btR.",
        "no end": b"\x80\x02}",
        "a memo that is not there": b"\x80\x02h\x05.",
    }.items(),
    ids=lambda item: item[0],
)
def test_refuses_programs_by_hand(tmp_path: Path, program: tuple[str, bytes]) -> None:
    (tmp_path / "x.pkl").write_bytes(program[1])
    with pytest.raises(CheckpointError):
        read_pickle(tmp_path / "x.pkl")


@pytest.mark.parametrize("opcode", [pickle.BINBYTES8, pickle.BYTEARRAY8, pickle.FRAME])
def test_an_announced_length_takes_no_memory(tmp_path: Path, opcode: bytes) -> None:
    (tmp_path / "x.pkl").write_bytes(b"\x80\x05" + opcode + struct.pack("<Q", 2**40) + b"x.")
    with pytest.raises(CheckpointError, match="1099511627776 bytes were announced"):
        read_pickle(tmp_path / "x.pkl")


def test_a_memo_index_takes_no_memory(tmp_path: Path) -> None:
    """C's unpickler takes 16 bytes for every index below: here it would take 60 GB."""
    (tmp_path / "x.pkl").write_bytes(b"\x80\x02}r" + struct.pack("<I", 2**32 - 1) + b".")
    assert read_pickle(tmp_path / "x.pkl") == {}


@pytest.mark.parametrize("protocol", [2, 5])
def test_damage_is_an_error_of_ours_or_none(tmp_path: Path, protocol: int) -> None:
    content = {"model": {"w": np.ones((2, 3), dtype=np.float32)}, "__author__": "x"}
    whole, rng = pickle.dumps(content, protocol), random.Random(0)
    for _ in range(200):
        data = bytearray(whole)
        for _ in range(rng.randint(1, 3)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        (tmp_path / "x.pkl").write_bytes(data)
        try:
            found = read_pickle(tmp_path / "x.pkl")
            if isinstance(found, dict) and isinstance(found.get("model"), dict):
                for value in found["model"].values():
                    if isinstance(value, PickledArray):
                        value.to_numpy()
        except CheckpointError:
            pass
