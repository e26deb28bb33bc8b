"""Shards: what is read of the library's own, the same bytes each time, and what isn't whole."""

import io
import tarfile

import pytest

from cocnet.errors import FileError
from cocnet.files.shards import Part, as_json, from_json, samples, shards_in, write_shard

MEMBERS = [("a/x.jpg", b"photo"), ("a/x.cls", b"3"), ("b/y.input.png", b""), ("b/y.JSON", b"{}" * 400)]


@pytest.fixture
def shard(tmp_path):
    write_shard(tmp_path / "s-0.tar", MEMBERS)
    return tmp_path / "s-0.tar"


def test_samples_are_found_again_and_bytes_are_the_same_each_time(shard, tmp_path):
    found = dict(samples(shard))
    assert list(found) == ["a/x", "b/y"] and set(found["b/y"]) == {"input.png", "json"}
    assert found["a/x"]["cls"].read() == b"3" and found["b/y"]["json"].read() == b"{}" * 400
    assert from_json(as_json(found["a/x"]["jpg"])) == found["a/x"]["jpg"]
    assert from_json(as_json(shard)) == shard
    write_shard(tmp_path / "again.tar", MEMBERS)
    assert (tmp_path / "again.tar").read_bytes() == shard.read_bytes()
    assert shards_in(tmp_path) == [tmp_path / "again.tar", shard] and shards_in(shard) == [shard]


def test_webdataset_reads_ours_and_we_read_its(shard, tmp_path):
    webdataset = pytest.importorskip("webdataset")
    first, second = webdataset.WebDataset(str(shard), shardshuffle=False, empty_check=False)
    assert (first["__key__"], first["jpg"], first["cls"]) == ("a/x", b"photo", b"3")
    assert second["input.png"] == b""
    with webdataset.TarWriter(str(tmp_path / "its.tar")) as writer:
        writer.write({"__key__": "p/1", "jpg": b"one", "cls": 7})
    ((key, sample),) = samples(tmp_path / "its.tar")
    assert key == "p/1" and sample["jpg"].read() == b"one" and sample["cls"].read() == b"7"


def test_a_shard_that_is_cut_anywhere_is_no_shard(shard):
    whole = shard.read_bytes()
    for length in (0, 100, 512, 515, 1024, 2048, 4096, 4600):
        shard.write_bytes(whole[:length])
        with pytest.raises(FileError, match="whole tar"):
            dict(samples(shard))
    damaged = bytearray(whole)
    damaged[1024 + 150] ^= 0xFF  # the second header's checksum
    shard.write_bytes(damaged)
    with pytest.raises(FileError, match="no end after 1"):
        dict(samples(shard))
    with pytest.raises(FileError, match="bytes of x"):
        Part(shard, "x", len(whole) - 2, 5).read()
    with pytest.raises(FileError):
        Part(shard.with_name("none"), "x", 0, 5).read()


def test_what_webdataset_would_not_take_is_refused_or_left(shard, tmp_path):
    write_shard(shard, [("x.jpg", b"1"), ("x.jpg", b"2")])
    with pytest.raises(FileError, match="two members"):
        dict(samples(shard))
    with tarfile.open(tmp_path / "links.tar", "w") as tar:
        link = tarfile.TarInfo("x.jpg")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    assert dict(samples(tmp_path / "links.tar")) == {}
    with tarfile.open(tmp_path / "packed.tar", "w:gz") as tar:
        tar.addfile(tarfile.TarInfo("x"), io.BytesIO())
    with pytest.raises(FileError, match="without compression"):
        dict(samples(tmp_path / "packed.tar"))
