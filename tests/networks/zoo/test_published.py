"""Published weights: the names, what is read of a file, and what isn't."""

import json
import os
import pickle
import struct
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from cocnet import create_model, load_model, save_checkpoint
from cocnet.errors import FileError, InputError
from cocnet.networks.zoo.pickled import read_pickled
from cocnet.networks.zoo.published import MAPPINGS, convert, converted


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(6)
    return create_model("ifan", published_filtering=True).eval()


@pytest.fixture(scope="module")
def published(model):
    return {MAPPINGS["ifan"].their_name(name): tensor for name, tensor in model.state_dict().items()}


def test_names_are_those_of_the_published_file(published):
    """Counted from the network's description: 24 encoder convs, four trunks, the way up."""
    names = {name.removesuffix(".weight") for name in published if name.endswith(".weight")}
    expected = {f"{k}conv{i}_{j}.0" for k in ("", "k") for i in range(1, 5) for j in range(1, 4)}
    units = [f"stem.{u}.{c}" for u in (0, 1) for c in (0, 2)]
    for trunk, last in (("DME", "3"), ("conv4_4", "3.0"), ("F", "3")):
        expected |= {f"{trunk}.0.0", f"{trunk}.{last}", *(f"{trunk}.{b}.{u}" for b in (1, 2) for u in units)}
    expected |= {"conv_DME.0", "conv_res.0.0", "conv_res.2.0", "out_res.0"}
    expected |= {f"conv_res.1.stem.{u}.{c}" for u in (0, 1, 2) for c in (0, 2)}
    for level in (1, 2, 3):
        expected |= {f"upconv{level}_u.0"}
        expected |= {f"upconv{level}_{n}.stem.0.{c}" for n in (1, 2) for c in (0, 2)}
    assert names == expected
    assert published["upconv1_u.0.weight"].shape == (64, 32, 4, 4)
    assert published["F.3.weight"].shape == (15_232, 128, 1, 1)


@pytest.mark.parametrize(
    "wrapped", [lambda x: x, lambda x: {"state_dict": {"module." + k: v for k, v in x.items()}}]
)
@torch.no_grad()
def test_a_published_file_becomes_our_checkpoint(model, published, tmp_path, wrapped):
    torch.save(wrapped(published), tmp_path / "ifan.pth")
    found = converted("ifan", tmp_path / "ifan.pth")
    assert found.published_filtering and not found.training
    again = load_model(save_checkpoint(found, tmp_path / "ifan.safetensors"))
    image = torch.rand(1, 3, 16, 24, generator=torch.Generator().manual_seed(0))
    assert torch.equal(again(image), model(image)) and again.published_filtering


def test_another_networks_file_is_named(published, tmp_path):
    path = tmp_path / "x.pth"
    torch.save({k: v for k, v in published.items() if k != "F.3.bias"}, path)
    with pytest.raises(FileError, match=r"tensor 'F\.3\.bias'"):
        converted("ifan", path)
    torch.save(published | {"out_res.0.bias": torch.zeros(4)}, path)
    with pytest.raises(FileError, match=r"'out_res.0.bias' of shape \[3\], got \[4\]"):
        converted("ifan", path)
    torch.save(published | {"out_res.0.bias": torch.full((3,), float("nan"))}, path)
    with pytest.raises(FileError, match="finite"):
        converted("ifan", path)
    with pytest.raises(InputError, match="published weights, got 'dbsi'"):
        converted("dbsi", path)


class Evil:
    def __reduce__(self):
        return os.mkdir, ("made-by-a-pickle",)


def test_nothing_of_a_file_is_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"out_res.0.bias": Evil()}, tmp_path / "evil.pth")
    (tmp_path / "plain.pth").write_bytes(pickle.dumps({"a": Evil()}))
    for name in ("evil.pth", "plain.pth"):
        with pytest.raises(FileError, match="nothing else"):
            read_pickled(tmp_path / name)
    assert not (tmp_path / "made-by-a-pickle").exists()


ODD = {
    "sparse": lambda: torch.eye(3).to_sparse(),
    "rows": lambda: torch.eye(3).to_sparse_csr(),
    "quantised": lambda: torch.quantize_per_tensor(torch.ones(3), 0.1, 0, torch.quint8),
    "without values": lambda: torch.empty(3, device="meta"),
    "nested": lambda: torch.nested.nested_tensor([torch.ones(2), torch.ones(3)]),
    "jagged": lambda: torch.nested.nested_tensor([torch.ones(2), torch.ones(3)], layout=torch.jagged),
    "complex": lambda: torch.ones(3, dtype=torch.complex64),
    "8 bit": lambda: torch.ones(3).to(torch.float8_e4m3fn),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ODD)
def test_tensors_that_are_not_plain_are_named(tmp_path, name):
    torch.save({"conv.weight": torch.ones(3), "out_res.0.bias": ODD[name]()}, tmp_path / "odd.pth")
    with pytest.raises(FileError, match=r"dense tensors of real numbers, got 'out_res\.0\.bias'"):
        read_pickled(tmp_path / "odd.pth")


@pytest.mark.parametrize("dtype", [torch.int32, torch.complex64, torch.float8_e4m3fn])
def test_nothing_is_cast_to_another_kind_of_number(published, tmp_path, dtype):
    save_file(published | {"out_res.0.bias": torch.ones(3).to(dtype)}, tmp_path / "odd.safetensors")
    with pytest.raises(FileError, match=rf"'out_res\.0\.bias' of torch\.float32, got {dtype}"):
        converted("ifan", tmp_path / "odd.safetensors")


def test_floats_of_16_bit_are_read(published, tmp_path):
    torch.save({name: tensor.half() for name, tensor in published.items()}, tmp_path / "x.pth")
    assert {x.dtype for x in converted("ifan", tmp_path / "x.pth").parameters()} == {torch.float32}


def test_a_text_of_ones_own_is_not_replaced_by_a_card(published, tmp_path):
    source, out = tmp_path / "x.pth", tmp_path / "notes.safetensors"
    torch.save(published, source)
    (tmp_path / "notes.md").write_text("# Mine\n\nConverted from `x`, I think.\nMore.\n")
    with pytest.raises(
        FileError, match=r"notes\.md', or a card of converted weights, got a text of another kind"
    ):
        convert("ifan", source, out)
    assert not out.exists() and (tmp_path / "notes.md").read_text().startswith("# Mine")
    (tmp_path / "notes.md").unlink()
    cards = []
    for _ in range(2):
        convert("ifan", source, out)
        cards.append((tmp_path / "notes.md").read_text())
    assert cards[0] == cards[1] and cards[0].splitlines()[-1].startswith("Converted from `x.pth` (SHA-256 `")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 not a zip", b"\x80\x02}q\x00."])
def test_damaged_files_are_one_error(tmp_path, content):
    (tmp_path / "x.pth").write_bytes(content)
    with pytest.raises(FileError, match="expected"):
        read_pickled(tmp_path / "x.pth")
    with pytest.raises(FileError, match=r"no file at '.*none\.pth'"):
        read_pickled(tmp_path / "none.pth")


@pytest.mark.parametrize(
    ("held", "told"), [(Path("a"), "which holds pathlib"), (b"no pickle", "damaged, or of")]
)
def test_advice_to_read_unsafely_is_not_passed_on(tmp_path, held, told):
    if isinstance(held, bytes):
        (tmp_path / "x.pth").write_bytes(held)
    else:
        torch.save({"a": held}, tmp_path / "x.pth")
    with pytest.raises(FileError, match=told) as caught:
        read_pickled(tmp_path / "x.pth")
    assert "weights_only" not in str(caught.value) and "trust" not in str(caught.value)


def test_whatever_the_unpickler_stumbles_over_is_one_line(tmp_path, monkeypatch):
    """Damage makes it pop from empty lists, too."""

    def stumble(*_, **__):
        raise IndexError("pop from empty list")

    monkeypatch.setattr("torch.load", stumble)
    torch.save({"a": torch.zeros(1)}, tmp_path / "x.pth")
    with pytest.raises(FileError, match="pop from empty list"):
        read_pickled(tmp_path / "x.pth")


def test_a_small_file_that_claims_a_large_tensor_is_refused(tmp_path):
    torch.save({"a": torch.zeros(1).expand(10**13)}, tmp_path / "large.pth")
    with pytest.raises(FileError, match="repeats fewer"):
        read_pickled(tmp_path / "large.pth")


def test_types_that_pytorch_lacks_are_one_line(tmp_path):
    header = json.dumps({"a": {"dtype": "F6_E2M3", "shape": [4], "data_offsets": [0, 3]}}).encode()
    header += b" " * (-len(header) % 8)
    path = tmp_path / "six.safetensors"
    path.write_bytes(struct.pack("<Q", len(header)) + header + bytes(3))
    with pytest.raises(FileError, match="types"):
        converted("dmshn", path)
