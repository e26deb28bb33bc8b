"""Arrays of an NPZ in bounded memory, and damage as ValueError."""

import io
import zipfile

import numpy as np
import pytest

from cocnet.files.npz_file import npz_names, npz_shape, read_npy, read_npz


@pytest.fixture
def path(tmp_path):
    np.savez_compressed(
        tmp_path / "a.npz", a=np.arange(6).reshape(2, 3), b=np.asfortranarray(np.eye(3)), c="text"
    )
    return tmp_path / "a.npz"


def test_as_numpy_reads_it(path):
    assert npz_names(path) == ["a", "b", "c"] and npz_shape(path, "a") == (2, 3)
    found = read_npz(path)
    with np.load(path) as wanted:
        for name in wanted.files:
            assert np.array_equal(found[name], wanted[name]) and found[name].dtype == wanted[name].dtype
    assert list(read_npz(path, ["b"])) == ["b"]
    with pytest.raises(KeyError):
        read_npz(path, ["d"])


def test_memory_is_counted_before_it_is_taken(tmp_path):
    """A header that announces a terabyte, in a hundred bytes."""
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        stream, {"descr": "<f8", "fortran_order": False, "shape": (10**6, 10**5)}
    )
    with zipfile.ZipFile(tmp_path / "b.npz", "w") as archive:
        archive.writestr("a.npy", stream.getvalue())
    with pytest.raises(ValueError, match="more than 4,000,000,000 bytes"):
        read_npz(tmp_path / "b.npz")
    np.savez(tmp_path / "c.npz", a=np.zeros(100), b=np.zeros(100))
    with pytest.raises(ValueError, match="more than 1,500 bytes"):
        read_npz(tmp_path / "c.npz", most_bytes=1500)


def test_objects_are_refused(tmp_path):
    np.savez(tmp_path / "o.npz", a=np.array([{}], dtype=object))
    with pytest.raises(ValueError, match="Python objects"):
        read_npz(tmp_path / "o.npz")


def test_damage_within_the_archive(path):
    data = bytearray(path.read_bytes())
    data[80:120] = bytes(40)
    for broken in (bytes(data), bytes(data[:100]), b"PK\x03\x04", b""):
        path.write_bytes(broken)
        with pytest.raises(ValueError):
            read_npz(path)


@pytest.mark.parametrize(
    "array", [np.arange(6, dtype=">f4").reshape(2, 3), np.asfortranarray(np.eye(3)), np.zeros(0)]
)
def test_an_npy(tmp_path, array):
    np.save(tmp_path / "a.npy", array)
    assert np.array_equal(read_npy(tmp_path / "a.npy"), array)
    whole = (tmp_path / "a.npy").read_bytes()
    for broken in (whole[:-1], whole[:30], b""):
        (tmp_path / "a.npy").write_bytes(broken)
        with pytest.raises(ValueError):
            read_npy(tmp_path / "a.npy")


def test_an_npy_that_announces_more_than_there_is(tmp_path):
    with (tmp_path / "a.npy").open("wb") as stream:
        np.lib.format.write_array_header_1_0(
            stream, {"descr": "<f8", "fortran_order": False, "shape": (10**4, 10**4)}
        )
    with pytest.raises(ValueError, match="ends early"):
        read_npy(tmp_path / "a.npy")
    with pytest.raises(ValueError, match="more than 1,000 bytes"):
        read_npy(tmp_path / "a.npy", 1000)
    np.save(tmp_path / "a.npy", np.array([{}], dtype=object))
    with pytest.raises(ValueError, match="Python objects"):
        read_npy(tmp_path / "a.npy")


def test_a_header_that_ends_early_is_a_value_error(tmp_path):
    text = b"{'descr': '<f4', 'fortran_order': False, 'shape': (9,)".ljust(118)
    (tmp_path / "a.npy").write_bytes(b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text)
    with pytest.raises(ValueError):
        read_npy(tmp_path / "a.npy")
