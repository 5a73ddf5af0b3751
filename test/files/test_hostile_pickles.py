"""Pickles that are made to take all memory or time, or to change the reader, end in a ValueError at little cost."""

import pickle
import random
import struct
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csc_matrix

from handos_model.files import restricted_pickle
from handos_model.files.pickle_records import ALLOWED
from handos_model.files.restricted_pickle import read_pickle

MAX_BYTES = 100 << 20
MAX_SECONDS = 5.0

NUMPY_ARRAY = b"cnumpy\nndarray\n)R"
FLOAT64 = b"cnumpy\ndtype\n(S'f8'\ntR"
DOUBLING = b"".join(b"q%c0h%ch%c\x86" % (index, index, index) for index in range(60))
"""Nests a tuple of two into a tuple of two, 60 times."""

HOSTILE = {
    "bytes of a length": b"c__builtin__\nbytes\n(J\xff\xff\xff\x7ftR.",
    "bytes of a length, protocol 3": b"\x80\x03cbuiltins\nbytes\nJ\xff\xff\xff\x7f\x85R.",
    "memo index as text": b"Np" + b"9" * 1_000_000 + b"\n0N.",
    "memo index that was never stored": b"h\x05.",
    "declared bytes": b"\x80\x04\x8e" + struct.pack("<Q", 1 << 34) + b"x.",
    "declared bytearray": b"\x80\x05\x96" + struct.pack("<Q", 1 << 34) + b"x.",
    "declared text": b"\x80\x04\x8d" + struct.pack("<Q", 1 << 34) + b"x.",
    "frame": b"\x80\x04\x95" + struct.pack("<Q", 1 << 40),
    "integer of a million digits": b"L" + b"9" * 1_000_000 + b"L\n.",
    "integer of a megabyte": b"\x80\x02\x8b" + struct.pack("<I", 1 << 20) + b"\x7f" * (1 << 20) + b".",
    "tuples that double": b")" + DOUBLING + b".",
    "lists that double": b"]" + DOUBLING.replace(b"\x86", b"\x86]q\xf0a0h\xf0") + b".",
    "tuples that double as a key": b"}(" + b")" + DOUBLING + b"Nu.",
    "tuples that double as a member of a set": b"\x8f(" + b")" + DOUBLING + b"\x90.",
    "tuples that double as a frozen set": b"\x80\x04()" + DOUBLING + b"\x91.",
    "tuples that double as a shape": NUMPY_ARRAY + b"(K\x01)" + DOUBLING + FLOAT64 + b"\x89S'x'\ntb.",
    "deep tuples": b")" + b"\x85" * 100_000 + b".",
    "deep lists": b"(" * 100_000 + b"l" * 100_000 + b".",
    "list within itself": b"]q\x00h\x00a.",
    "dict within itself": b"}q\x00Nh\x00s.",
    "many operations": b"N0" * 5_000_000 + b"N.",
    "many sets": b"(" + b"\x8f" * 1_000_000 + b"t.",
    "array of a huge shape": NUMPY_ARRAY + b"(K\x01(J\xff\xff\xff\x7fJ\xff\xff\xff\x7ft" + FLOAT64 + b"\x89S'x'\ntb.",
    "array of a negative shape": NUMPY_ARRAY + b"(K\x01(J\xff\xff\xff\xfft" + FLOAT64 + b"\x89S'12345678'\ntb.",
    "array of 40 dimensions": NUMPY_ARRAY + b"(K\x01(" + b"K\x01" * 40 + b"t" + FLOAT64 + b"\x89S'12345678'\ntb.",
    "array of a number": NUMPY_ARRAY + b"(K\x01)" + FLOAT64 + b"\x89J\xff\xff\xff\x7ftb.",
    "array of no state": NUMPY_ARRAY + b"Nb.",
    "array never given its state": NUMPY_ARRAY + b".",
    "array of too many bytes": NUMPY_ARRAY + b"(K\x01)" + FLOAT64 + b"\x89S'1234567890123456'\ntb.",
    "one text for many arrays": b"S'"
    + b"x" * 1_000_000
    + b"'\nq\x00("
    + (NUMPY_ARRAY + b"(K\x01(J\x40\x42\x0f\x00tcnumpy\ndtype\n(S'u1'\ntR\x89h\x00tb") * 300
    + b"t.",
    "one text encoded many times": b"V"
    + b"x" * 1_000_000
    + b"\nq\x00("
    + b"c_codecs\nencode\n(h\x00S'latin1'\ntR" * 300
    + b"t.",
    "data type of a subarray": b"cnumpy\ndtype\n(S'(1000000000,)f8'\ntR.",
    "data type of a huge text": b"cnumpy\ndtype\n(S'U99999999999'\ntR.",
    "data type of a structure": b"cnumpy\ndtype\n(S'f8,i4'\ntR.",
    "data type of a number": b"cnumpy\ndtype\n(K\x05tR.",
    "state of a function": b"cnumpy\ndtype\n}S'__code__'\nNsb.",
    "state of a list": b"]}S'append'\nNsb.",
    "a bare function": b"cnumpy\ndtype\n.",
    "a function in a list": b"(c_codecs\nencode\nl.",
    "persistent object": b"Px\n.",
    "out-of-band buffer": b"\x80\x05\x97.",
    "registered extension": b"\x80\x02\x82\x01.",
    "instance": b"(inumpy\ndtype\n.",
    "nothing on the stack": b"0.",
    "no mark": b"t.",
    "values below a mark": b"N(0.",
    "appending to a tuple": b")Na.",
    "setting in a list": b"]NNs.",
    "two values": b"NN.",
    "empty": b".",
}


@contextmanager
def little_time_and_memory() -> Iterator[None]:
    tracemalloc.start()
    start = time.monotonic()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < MAX_BYTES
        assert time.monotonic() - start < MAX_SECONDS
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("program", HOSTILE.values(), ids=HOSTILE)
def test_hostile_programs_are_refused_in_little_time_and_memory(program: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.pkl").write_bytes(program)
    with little_time_and_memory(), pytest.raises(ValueError, match=r"a\.pkl"):
        read_pickle(tmp_path / "a.pkl")


@pytest.mark.parametrize("name", sorted(ALLOWED))
@pytest.mark.parametrize(
    "arguments", [b")", b"K\x07\x85", b"N\x85", b"NN\x86", b"J\xff\xff\xff\x7f\x85", b"(NNNNNt", b"]}\x86", b"(]}NNt"]
)
def test_functions_called_with_wrong_arguments_make_nothing_large(name: str, arguments: bytes, tmp_path: Path) -> None:
    module, _, function = name.rpartition(".")
    (tmp_path / "a.pkl").write_bytes(b"c%s\n%s\n%sR." % (module.encode(), function.encode(), arguments))
    with little_time_and_memory(), suppress(ValueError):
        assert read_pickle(tmp_path / "a.pkl") == b""


def test_a_large_memo_index_takes_no_memory(tmp_path: Path) -> None:
    (tmp_path / "a.pkl").write_bytes(b"Nr\xff\xff\xff\x0e.")
    with little_time_and_memory():
        assert read_pickle(tmp_path / "a.pkl") is None


def small_pickles() -> Iterator[bytes]:
    value: dict[str, Any] = {
        "a": np.arange(6.0).reshape(2, 3),
        "s": np.array(["x", "yz"]),
        "n": np.float64(0.5),
        "t": (1, 2.5, "text", b"bytes", None, True, [1 << 40, {"k": {1, 2}}]),
    }
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        yield pickle.dumps(value | ({"t": ("text", -3)} if protocol < 3 else {}), protocol)
        yield pickle.dumps({"m": csc_matrix(np.eye(2))}, protocol)


def mutate(data: bytes, chance: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        start = chance.randrange(len(changed))
        match chance.randrange(4):
            case 0:
                changed[start] = chance.randrange(256)
            case 1:
                del changed[start : start + chance.randint(1, 8)]
            case 2:
                changed[start:start] = changed[start : start + chance.randint(1, 30)] * chance.randint(1, 3)
            case _:
                other = chance.randrange(len(changed))
                changed[start:start] = changed[other : other + chance.randint(1, 30)]
        if not changed:
            return b""
    return bytes(changed)


@pytest.mark.filterwarnings("ignore:invalid escape sequence")
def test_mutated_pickles_are_read_or_refused_in_little_time_and_memory(tmp_path: Path) -> None:
    chance = random.Random(0)
    path, originals = tmp_path / "a.pkl", list(small_pickles())
    refused = 0
    with little_time_and_memory():
        for _ in range(1500):
            path.write_bytes(mutate(chance.choice(originals), chance))
            try:
                read_pickle(path, objects=["scipy.sparse._csc.csc_matrix"])
            except ValueError:
                refused += 1
    assert 500 < refused < 1500


def test_a_file_larger_than_any_that_is_meant_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(restricted_pickle, "_MAX_BYTES", 1000)
    path = tmp_path / "a.pkl"
    path.write_bytes(pickle.dumps(np.zeros(1000)))
    with pytest.raises(ValueError, match=rf"a\.pkl has {path.stat().st_size} bytes.*1000"):
        read_pickle(path)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_arrays_that_share_an_object_are_read_in_both_places(protocol: int, tmp_path: Path) -> None:
    array = np.arange(3.0)
    (tmp_path / "a.pkl").write_bytes(pickle.dumps([array, (array, "x"), {"k": array}], protocol))
    first, (second, _), third = read_pickle(tmp_path / "a.pkl")
    for read in (first, second, third["k"]):
        np.testing.assert_array_equal(read, array)


def test_text_of_python_2_holds_any_bytes(tmp_path: Path) -> None:
    values = np.array([1.5, -2e300, np.pi])
    text = b"S'" + "".join(f"\\x{byte:02x}" for byte in values.tobytes()).encode() + b"'\n"
    (tmp_path / "a.pkl").write_bytes(
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR(I1\n(I3\nt"
        + FLOAT64
        + b"I00\n"
        + text
        + b"tb."
    )
    np.testing.assert_array_equal(read_pickle(tmp_path / "a.pkl"), values)


def test_the_largest_hand_model_is_read_quickly(tmp_path: Path) -> None:
    values = {"posedirs": np.random.default_rng(0).normal(size=(778, 3, 135)), "faces": np.zeros((1538, 3), np.uint32)}
    (tmp_path / "a.pkl").write_bytes(pickle.dumps(values, 2))
    start = time.monotonic()
    read = read_pickle(tmp_path / "a.pkl")
    assert time.monotonic() - start < 2
    np.testing.assert_array_equal(read["posedirs"], values["posedirs"])
