"""No test reaches the network."""

import pytest


@pytest.fixture(autouse=True)
def offline(monkeypatch, tmp_path):
    monkeypatch.setenv("COCNET_OFFLINE", "1")
    monkeypatch.setenv("COCNET_CACHE", str(tmp_path / "cache"))
