"""Which metrics say how similar attacked photos are, where LPIPS can't be had."""

import pytest

from cocnet.errors import FileError
from cocnet.metrics import measures
from cocnet.robustness.similarity import open_similarity


@pytest.fixture
def at_hand(monkeypatch):
    """Only these metrics work."""

    def only(*names):
        def metric(name):
            def opened():
                if name in names:
                    return lambda true, ours: true
                raise FileError(f"expected {name}, got none, try installing")

            return type("Metric", (), {"name": name, "open": staticmethod(opened)})

        monkeypatch.setattr(measures, "metric", metric)

    return only


@pytest.mark.parametrize(
    ("works", "asked", "found", "missing"),
    [
        (("psnr", "flip"), ("lpips",), ["flip"], ["lpips"]),
        (("psnr", "flip"), ("psnr", "lpips"), ["psnr", "flip"], ["lpips"]),
        (("psnr", "lpips", "flip"), ("psnr", "lpips"), ["psnr", "lpips"], []),
        (("psnr", "lpips"), ("psnr", "lpips"), ["psnr", "lpips"], []),
        (("psnr", "flip"), ("psnr",), ["psnr"], []),
    ],
)
def test_flip_takes_the_place_of_lpips(at_hand, works, asked, found, missing):
    at_hand(*works)
    measured = open_similarity(asked)
    assert list(measured.compare) == found and list(measured.missing) == missing


def test_none_at_all_is_one_line(at_hand):
    at_hand("psnr")
    with pytest.raises(FileError, match="got none of lpips"):
        open_similarity(("lpips",))
