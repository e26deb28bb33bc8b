"""What is refused of outputs before any work."""

import numpy as np
import pytest
from PIL import Image

from cocnet.errors import FileError
from cocnet.pipeline.result_files import check_outputs


@pytest.mark.parametrize("form", ["png", "tif", "bmp"])
@pytest.mark.parametrize("size", [(16_384, 2), (2, 16_384)])
def test_a_photo_too_long_for_the_outputs_format(tmp_path, form, size):
    Image.fromarray(np.zeros((*size, 3), np.uint8)).save(tmp_path / f"a.{form}")
    with pytest.raises(FileError, match=r"16,383 px for WEBP, got 16,384"):
        check_outputs(tmp_path / "b.webp", tmp_path / f"a.{form}")
    for suffix in (".jpg", ".png"):
        check_outputs(tmp_path / f"b{suffix}", tmp_path / f"a.{form}")
    Image.fromarray(np.zeros((16_383, 1, 3), np.uint8)).save(tmp_path / f"a.{form}")
    check_outputs(tmp_path / "b.webp", tmp_path / f"a.{form}", None)


@pytest.mark.parametrize("text", ["[1]", "{}", "mine"])
def test_what_another_program_left_beside_an_output_stays(tmp_path, text):
    (tmp_path / "b.jpg.json").write_text(text)
    with pytest.raises(FileError, match=r"b\.jpg\.json"):
        check_outputs(tmp_path / "b.jpg")
    (tmp_path / "b.jpg.json").write_text('{"options": {}}')
    check_outputs(tmp_path / "b.jpg")


@pytest.mark.parametrize("photo", [None, "-", "missing.jpg"])
def test_what_has_no_header_is_left_to_its_reader(tmp_path, monkeypatch, photo):
    monkeypatch.setattr("sys.stdin", None)
    check_outputs(tmp_path / "b.webp", photo)
