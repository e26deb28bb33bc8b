"""Depth Anything V2 through transformers on a tiny model of the same architecture; downloads on a local server."""

import hashlib
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import numpy as np
import pytest

from cocnet.depth import estimate
from cocnet.depth.estimators.anything import FILES, DepthAnything, prepared
from cocnet.errors import CocnetWarning, FileError
from cocnet.files import download
from cocnet.imaging import DepthMap


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """A folder as it is published, of a network with two layers of eight channels."""
    transformers = pytest.importorskip("transformers")
    backbone = transformers.Dinov2Config(
        hidden_size=8,
        num_hidden_layers=2,
        num_attention_heads=2,
        image_size=28,
        patch_size=14,
        out_features=["stage1", "stage2", "stage1", "stage2"][:2],
        reshape_hidden_states=False,
        apply_layernorm=True,
    )
    config = transformers.DepthAnythingConfig(
        backbone_config=backbone,
        reassemble_hidden_size=8,
        neck_hidden_sizes=[8, 8],
        reassemble_factors=[2, 1],
        fusion_hidden_size=8,
        head_hidden_size=8,
        patch_size=14,
    )
    folder = tmp_path_factory.mktemp("tiny")
    transformers.DepthAnythingForDepthEstimation(config).save_pretrained(folder, safe_serialization=True)
    return folder


def test_a_tiny_model_of_the_architecture_loads_and_runs(tiny):
    rgb = np.random.default_rng(0).integers(0, 256, (50, 70, 3)).astype(np.uint8)
    depth = estimate(DepthAnything(tiny, short_side_px=56), rgb)
    assert isinstance(depth, DepthMap) and depth.values.shape == (50, 70)
    assert depth.kind == "relative_disparity" and "scale is not known" in depth.source


def test_a_folder_of_something_else_is_one_line(tmp_path):
    pytest.importorskip("transformers")
    with pytest.raises(FileError, match="expected Depth Anything in"):
        DepthAnything(tmp_path)


@pytest.mark.parametrize(("height", "width"), [(600, 800), (3000, 4000), (100, 2000), (1, 1)])
def test_photos_are_prepared_in_whole_patches_and_bounded(height, width):
    rgb = np.zeros((height, width, 3), np.uint8)
    size = prepared(rgb, 518, 14).shape[-2:]
    assert all(side % 14 == 0 for side in size) and max(size) <= 1092
    assert height > 1000 or width > 1000 or min(size) == 518


def test_what_is_pinned():
    for remote in FILES:
        assert len(remote.sha256) == 64 and "/resolve/5426e4f0f36572d16453bbda7a8389317b1bef99/" in remote.url
        assert remote.licence == "Apache-2.0"


@pytest.fixture
def server():
    """Serves two bytes short of three megabytes of zeros."""
    body = bytes(3_000_000 - 2)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    service = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=service.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{service.server_port}/file", body
    service.shutdown()


def remote_of(url, body, **changes):
    facts = {"name": "m.bin", "url": url, "sha256": hashlib.sha256(body).hexdigest(), "size_bytes": len(body)}
    return download.Remote(**{**facts, "licence": "MIT", "folder": "m", **changes})


def test_downloads_once_says_licence_and_size_and_checks(server, monkeypatch):
    monkeypatch.delenv("COCNET_OFFLINE")
    remote = remote_of(*server)
    with pytest.warns(CocnetWarning, match="licence MIT, 3 MB"):
        path = download.fetch(remote)
    assert path.read_bytes() == server[1] and path == download.cached_path(remote)
    monkeypatch.setenv("COCNET_OFFLINE", "1")
    assert download.fetch(remote) == path
    path.write_bytes(b"1" + server[1][1:])
    with pytest.raises(FileError, match="COCNET_OFFLINE"):
        download.fetch(remote)


def test_other_bytes_are_refused_and_leave_nothing(server, monkeypatch):
    monkeypatch.delenv("COCNET_OFFLINE")
    remote = remote_of(*server, sha256="0" * 64)
    with pytest.warns(CocnetWarning), pytest.raises(FileError, match="with sha256 000000000000…"):
        download.fetch(remote)
    assert not list(download.cached_path(remote).parent.iterdir())


def test_no_network_says_where_to_put_the_file(monkeypatch):
    monkeypatch.delenv("COCNET_OFFLINE")
    remote = remote_of("http://127.0.0.1:9/none", b"x")
    with pytest.raises(FileError, match="try again online, or put the file at"):
        download.fetch(remote)
