"""The URL that is printed."""

import socket

import pytest

from cocnet.apps.serve import run


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "pc.example"])
def test_a_host_is_printed_as_it_is(host):
    assert run._reached_at(host) == host


@pytest.mark.parametrize("host", ["", "0.0.0.0", "::"])
def test_for_all_addresses_one_is_printed_that_others_can_open(host, monkeypatch):
    assert run._reached_at(host) not in ("", "0.0.0.0", "::")

    def none(*given):
        raise OSError("no network")

    monkeypatch.setattr(socket, "socket", none)
    assert run._reached_at(host) == socket.gethostname()
