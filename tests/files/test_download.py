"""Downloads: forbidden in one place for all; a home that isn't there or can't be written stops nothing else."""

import hashlib
import sys
import types
from pathlib import Path

import pytest
import torch

from cocnet.attacks.victims import open_victim
from cocnet.depth.estimators import rembg
from cocnet.errors import FileError
from cocnet.files.download import Remote, cache_folder, fetch, is_cached
from cocnet.files.offline import check_download, is_offline, keep_hub_offline
from cocnet.metrics.perceptual import LPIPS
from cocnet.training.engine.losses import vgg_features


def remote(tmp_path, data=b"weights"):
    source = tmp_path / "source.bin"
    source.write_bytes(data)
    return Remote("w.bin", source.as_uri(), hashlib.sha256(b"weights").hexdigest(), 7, "MIT", "things")


@pytest.fixture
def online(monkeypatch):
    monkeypatch.setenv("COCNET_OFFLINE", "0")


@pytest.mark.parametrize(
    ("value", "offline"), [("1", True), ("yes", True), ("", False), ("0", False), ("no", False)]
)
def test_one_variable(monkeypatch, value, offline):
    monkeypatch.setenv("COCNET_OFFLINE", value)
    assert is_offline() == offline


def test_fetched_once_and_checked(online, tmp_path):
    what = remote(tmp_path)
    path = fetch(what)
    assert path.read_bytes() == b"weights" and is_cached(what)
    (tmp_path / "source.bin").unlink()
    assert fetch(what) == path


def test_other_bytes_are_refused_and_not_kept(online, tmp_path):
    what = remote(tmp_path, b"WEIGHTS")
    with pytest.raises(FileError, match="sha256"):
        fetch(what)
    assert not is_cached(what)


def test_damage_in_the_cache_is_mended(online, tmp_path):
    what = remote(tmp_path)
    fetch(what).write_bytes(b"weighty")
    assert fetch(what).read_bytes() == b"weights"


def test_offline_is_one_line_that_names_the_place(tmp_path):
    with pytest.raises(FileError, match=r"COCNET_OFFLINE.*things/w.bin"):
        fetch(remote(tmp_path))


@pytest.mark.parametrize("home", ["/proc", "/dev/null"])
def test_a_home_that_cannot_be_written(online, monkeypatch, tmp_path, home):
    for name in ("COCNET_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", home)
    what = remote(tmp_path)
    assert not is_cached(what)
    with pytest.raises(FileError, match="COCNET_CACHE"):
        fetch(what)


def test_a_user_without_a_home(monkeypatch):
    def none():
        raise RuntimeError("Could not determine home directory.")

    for name in ("COCNET_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "home", none)
    assert cache_folder().name == "cocnet-cache"


def test_what_is_kept_may_be_used_offline(tmp_path):
    (tmp_path / "w.pth").touch()
    check_download("weights", tmp_path / "w.pth", "none")
    with pytest.raises(FileError, match="COCNET_OFFLINE"):
        check_download("weights", tmp_path / "other.pth", "none")


def test_the_hub_stays_offline_with_us(monkeypatch):
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
        monkeypatch.setenv(name, "")
    constants = types.SimpleNamespace(HF_HUB_OFFLINE=False)
    monkeypatch.setitem(sys.modules, "huggingface_hub.constants", constants)
    keep_hub_offline()
    assert constants.HF_HUB_OFFLINE


@pytest.mark.parametrize("load", [LPIPS, vgg_features, lambda: open_victim("resnet50"), rembg.Rembg])
def test_every_download_of_another_package_asks_first(monkeypatch, tmp_path, load):
    pytest.importorskip("lpips")
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", lambda *_, **__: pytest.fail("a download"))
    monkeypatch.setattr(rembg, "find_spec", lambda name: True)
    monkeypatch.setattr(rembg, "import_module", lambda name: types.SimpleNamespace(new_session=pytest.fail))
    monkeypatch.setenv("U2NET_HOME", str(tmp_path))
    with pytest.raises(FileError, match="COCNET_OFFLINE") as caught:
        load()
    assert "\n" not in str(caught.value)
