"""Published weights: the names, what is read of a file, and what isn't."""

import os
import pickle

import pytest
import torch

from cocnet import create_model, load_model, save_checkpoint
from cocnet.errors import FileError, InputError
from cocnet.networks.zoo.pickled import read_pickled
from cocnet.networks.zoo.published import MAPPINGS, converted


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


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 not a zip", b"\x80\x02}q\x00."])
def test_damaged_files_are_one_error(tmp_path, content):
    (tmp_path / "x.pth").write_bytes(content)
    with pytest.raises(FileError, match="expected"):
        read_pickled(tmp_path / "x.pth")
    with pytest.raises(FileError, match="up to 4 GB"):
        read_pickled(tmp_path / "none.pth")


def test_whatever_the_unpickler_stumbles_over_is_one_line(tmp_path, monkeypatch):
    """Damage makes it pop from empty lists, too."""

    def stumble(*_, **__):
        raise IndexError("pop from empty list")

    monkeypatch.setattr("torch.load", stumble)
    torch.save({"a": torch.zeros(1)}, tmp_path / "x.pth")
    with pytest.raises(FileError, match="pop from empty list"):
        read_pickled(tmp_path / "x.pth")
