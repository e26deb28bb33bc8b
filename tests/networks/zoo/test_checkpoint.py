"""Weight files: what is kept, and every bad file is one line that names the problem (rows 13, 14)."""

import json
import math
import pickle
import resource
import struct
import time
from dataclasses import dataclass

import pytest
import torch
from safetensors.torch import load_file, save_file

from cocnet import __version__, create_model, list_models, load_model, save_checkpoint
from cocnet.errors import FileError, InputError
from cocnet.networks import checkpoint_info
from cocnet.networks.zoo import checkpoint, registry


@dataclass(frozen=True)
class Recipe:
    rate: float = 1e-4
    steps: int = 7


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(5)
    return create_model("dbsi", kernels=(3, 5))


@pytest.fixture
def saved(model, tmp_path):
    return save_checkpoint(model, tmp_path / "net.safetensors", recipe=Recipe(), data="twelve photos")


def header_of(path):
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    return json.loads(data[8 : 8 + length]), data[8 + length :]


def rewrite(path, header, body):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + body)


def refused(path, *words):
    """The one line that refuses a file."""
    with pytest.raises(FileError) as caught:
        load_model(path)
    line = str(caught.value)
    assert "\n" not in line and len(line) < 700, line
    for word in words:
        assert word in line, line


def test_facts_are_kept(saved):
    info = checkpoint_info(saved)
    assert (info.name, info.arguments) == ("dbsi", {"kernels": [3, 5]})
    assert (info.recipe, info.data) == ({"rate": 1e-4, "steps": 7}, "twelve photos")
    assert info.cocnet_version == __version__
    assert load_model(saved).arguments == {"kernels": [3, 5]}


def test_half_is_stored_small_and_loaded_wide(model, saved, tmp_path):
    small = save_checkpoint(model, tmp_path / "half.safetensors", half=True)
    assert small.stat().st_size < 0.6 * saved.stat().st_size
    for name, tensor in load_model(small).state_dict().items():
        assert tensor.dtype == torch.float32 and torch.equal(tensor, model.state_dict()[name].half().float())


def test_loading_leaves_the_random_numbers_alone(saved):
    before = torch.get_rng_state()
    load_model(saved)
    assert torch.equal(torch.get_rng_state(), before)


def test_loaded_weights_do_not_follow_the_file(saved):
    loaded = load_model(saved)
    before = {name: tensor.clone() for name, tensor in loaded.state_dict().items()}
    data = saved.read_bytes()
    with saved.open("r+b") as stream:
        stream.seek(len(data) // 2)
        stream.write(b"\xff" * 1000)
    assert all(torch.equal(before[name], tensor) for name, tensor in loaded.state_dict().items())


def test_a_device_that_is_not_there(saved):
    with pytest.raises(InputError, match="expected a device"):
        load_model(saved, map_location="nonesuch")


def test_a_failed_save_leaves_the_old_file(model, saved, monkeypatch):
    before = saved.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint, "save_file", full)
    with pytest.raises(FileError, match="full disk"):
        save_checkpoint(model, saved)
    assert saved.read_bytes() == before and [path.name for path in saved.parent.iterdir()] == [saved.name]


def test_what_cannot_be_saved(model, tmp_path):
    with pytest.raises(InputError, match="made by create_model"):
        save_checkpoint(torch.nn.Linear(1, 1), tmp_path / "a.safetensors")
    with pytest.raises(FileError, match="safetensors"):
        save_checkpoint(model, tmp_path / "a.pt")
    with pytest.raises(InputError, match="plain settings"):
        save_checkpoint(model, tmp_path / "a.safetensors", recipe=3)
    broken = create_model("dbsi")
    torch.nn.init.constant_(broken.network.head.bias, torch.nan)
    with pytest.raises(InputError, match=r"network\.head\.bias"):
        save_checkpoint(broken, tmp_path / "a.safetensors")
    torch.nn.init.constant_(broken.network.head.bias, 1e6)
    with pytest.raises(InputError, match="half=False"):
        save_checkpoint(broken, tmp_path / "a.safetensors", half=True)
    assert list(tmp_path.iterdir()) == []


def test_another_default_does_not_orphan_a_file(tmp_path, monkeypatch):
    path = save_checkpoint(create_model("dbsi"), tmp_path / "model.safetensors")
    build = registry._BUILDERS["dbsi"][1]
    monkeypatch.setattr(build, "__defaults__", ((3,), *build.__defaults__[1:]))
    assert create_model("dbsi").arguments != load_model(path).arguments


def test_names(tmp_path, monkeypatch, model):
    monkeypatch.setattr(checkpoint, "WEIGHTS", tmp_path)
    for card in list_models():
        refused(card.name, "ship", card.name, "try the path", "train")
    save_checkpoint(model, tmp_path / "dbsi.safetensors")
    assert load_model("dbsi").name == "dbsi"
    with pytest.raises(InputError, match="try dmshn"):
        load_model("dmshm")
    refused(tmp_path / "none.safetensors", "none.safetensors")
    refused(tmp_path, "expected a safetensors file")


@pytest.mark.parametrize("name", ["w.pt", "w.pth", "w.ckpt", "w.bin", "w.safetensors", "w"])
@pytest.mark.parametrize("kind", ["zip", "old", "pickle"])
def test_row_13_pickles_are_refused_unread(tmp_path, name, kind):
    path, run = tmp_path / name, tmp_path / "it-ran"

    class Bomb:
        def __reduce__(self):
            return run.touch, ()

    if kind == "pickle":
        path.write_bytes(pickle.dumps(Bomb()))
    else:
        torch.save({"w": Bomb()}, path, _use_new_zipfile_serialization=kind == "zip")
    refused(path, "safetensors", "pickle")
    assert not run.exists()


def test_row_14_shape(saved):
    tensors = load_file(saved)
    facts = header_of(saved)[0]["__metadata__"]
    tensors["network.head.weight"] = tensors["network.head.weight"][:2].clone()
    save_file(tensors, saved, facts)
    refused(saved, "'network.head.weight'", "[3, 32, 1, 1]", "[2, 32, 1, 1]")


def test_row_14_missing_and_unexpected(saved):
    tensors, facts = load_file(saved), header_of(saved)[0]["__metadata__"]
    bias = tensors.pop("network.head.bias")
    save_file(tensors, saved, facts)
    refused(saved, "'network.head.bias'", "got none")
    save_file(tensors | {"network.head.bias": bias, "extra\nline": bias.clone()}, saved, facts)
    refused(saved, "expected no tensor 'extra line'")


def test_row_14_dtype_and_values(saved):
    tensors, facts = load_file(saved), header_of(saved)[0]["__metadata__"]
    bias = tensors["network.head.bias"]
    save_file(tensors | {"network.head.bias": bias.long()}, saved, facts)
    refused(saved, "'network.head.bias'", "float32", "I64")
    save_file(tensors | {"network.head.bias": bias * torch.nan}, saved, facts)
    refused(saved, "'network.head.bias'", "NaN")


def test_row_14_truncated(saved):
    data = saved.read_bytes()
    for length in (0, 5, 8, 9, 100, len(data) // 2, len(data) - 1):
        saved.write_bytes(data[:length])
        refused(saved, "try")
    saved.write_bytes(data + b"more")
    refused(saved, "not fully covered")


def test_a_missing_file_is_not_called_damaged(tmp_path):
    refused(tmp_path / "none.safetensors", "got no file at")
    refused(tmp_path, "got the folder")


@pytest.mark.parametrize("length", [2**63, 2**40, 10_000_000, 1_000])
def test_row_14_huge_header(tmp_path, length):
    path = tmp_path / "w.safetensors"
    path.write_bytes(struct.pack("<Q", length) + b"{" + b" " * 500)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    refused(path, "header", "try a new copy")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000


def test_row_14_long_header_in_a_long_file(tmp_path):
    path = tmp_path / "w.safetensors"
    with path.open("wb") as stream:
        stream.write(struct.pack("<Q", 2**33) + b"{")
        stream.truncate(2**34)
    refused(path, "header too large")


@pytest.mark.parametrize(
    "header",
    [
        b"{nothing",
        b"{" + b'"a":' + b"[" * 100_000,
        b"{" + b'"a":' + b"9" * 100_000 + b"}",
        b'{"a":3}',
        b'{"__metadata__":[1]}',
        b'{"__metadata__":{"name":3}}',
        b"{\xff\xfe}",
    ],
)
def test_row_14_garbage_header(tmp_path, header):
    path = tmp_path / "w.safetensors"
    rewrite(path, header, b"")
    refused(path, "try")


@pytest.mark.parametrize(
    "facts",
    [
        {"dtype": "F32", "shape": [10**12, 10**12], "data_offsets": [0, 4]},
        {"dtype": "F32", "shape": [-1, -1], "data_offsets": [0, 4]},
        {"dtype": "F32", "shape": [1.0], "data_offsets": [0, 4]},
        {"dtype": "F32", "shape": [True], "data_offsets": [0, 4]},
        {"dtype": "X9", "shape": [1], "data_offsets": [0, 4]},
        {"dtype": ["F32"], "shape": [1], "data_offsets": [0, 4]},
        {"dtype": "F32", "shape": [1], "data_offsets": [0, 4, 8]},
        {"dtype": "F32", "shape": [2], "data_offsets": [4, 12]},
        {"dtype": "F32", "shape": [2**30], "data_offsets": [0, 2**32]},
        {"dtype": "F32", "shape": 3},
        None,
    ],
)
def test_row_14_a_tensor_that_makes_no_sense_is_refused(tmp_path, facts):
    path = tmp_path / "w.safetensors"
    rewrite(path, {"layer.weight": facts}, b"0000")
    refused(path, "a whole safetensors file", "header")


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"name": "nonesuch"}, "nonesuch"),
        ({"name": "x" * 100_000}, "expected a registered model"),
        ({"arguments": '{"kernels": "many"}'}, "kernels"),
        ({"arguments": '{"size": 3}'}, "size"),
        ({"arguments": "[]"}, "facts"),
        ({"arguments": "{"}, "facts"),
        ({"arguments": "[" * 100_000}, "facts"),
        ({"recipe": "7"}, "facts"),
    ],
)
def test_row_14_facts_that_make_no_model(saved, change, word):
    header, body = header_of(saved)
    header["__metadata__"] |= change
    rewrite(saved, header, body)
    refused(saved, word)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"groups": 1_000_000}, "a network of"),
        ({"channels": [2] * 65}, "channels"),
        ({"channels": [2**40, 2**40]}, "can't be loaded"),
        ({"channels": "ab"}, "channels"),
        ({"kernel_size": True}, "kernel_size"),
        ({"radius_scale_px": math.nan}, "radius_scale_px"),
        ({"radius_scale_px": "abc"}, "radius_scale_px"),
        ({"radius_scale_px": 0.0}, "above 0 px"),
        ({"templates": "none"}, "known templates"),
        ({"norm": "batch"}, "known templates and norm"),
        ({"seed": 2**100}, "seed"),
    ],
)
def test_arguments_that_no_network_of_the_file_has_are_refused_at_once(tmp_path, change, word):
    saved = save_checkpoint(
        create_model("cocnet-b3-lens", channels=[4, 8], groups=1, kernel_size=3), tmp_path / "w.safetensors"
    )
    header, body = header_of(saved)
    arguments = json.loads(header["__metadata__"]["arguments"]) | change
    header["__metadata__"]["arguments"] = json.dumps(arguments)
    rewrite(saved, header, body)
    start = time.monotonic()
    refused(saved, word)
    assert time.monotonic() - start < 2


def test_a_file_of_others_is_refused(tmp_path):
    path = tmp_path / "other.safetensors"
    save_file({"w": torch.zeros(2)}, path)
    refused(path, "cocnet.save_checkpoint", "other.safetensors")
