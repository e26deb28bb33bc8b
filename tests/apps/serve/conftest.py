"""A server without processes; tests of the page in a browser run where they are asked for."""

import pytest
from serving import Here
from starlette.testclient import TestClient

from cocnet.apps.serve.server import make_app
from cocnet.apps.serve.settings import ServeRun


def pytest_collection_modifyitems(config, items):
    if "browser" in (config.option.markexpr or ""):
        return
    for item in items:
        if item.get_closest_marker("browser"):
            item.add_marker(pytest.mark.skip(reason="needs Chromium: make test-browser"))


@pytest.fixture
def app(monkeypatch):
    monkeypatch.setattr(Here, "gate", None)
    monkeypatch.setattr(Here, "dies", False)
    return make_app(ServeRun(max_mp=0.01), make_worker=Here)


@pytest.fixture
def client(app):
    with TestClient(app, base_url="http://127.0.0.1:8765") as client:
        yield client
