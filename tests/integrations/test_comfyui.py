"""The node, with tensors alone; ComfyUI isn't needed."""

import importlib.util
import inspect

import pytest
import torch
from paths import ROOT

from cocnet import render

FOLDER = ROOT / "integrations" / "comfyui"


@pytest.fixture(scope="module")
def node():
    place = importlib.util.spec_from_file_location(
        "comfyui_cocnet", FOLDER / "__init__.py", submodule_search_locations=[str(FOLDER)]
    )
    module = importlib.util.module_from_spec(place)
    import sys

    sys.modules["comfyui_cocnet"] = module
    place.loader.exec_module(module)
    return module.NODE_CLASS_MAPPINGS["CocnetBokeh"]()


def pictures():
    torch.manual_seed(0)
    near_left = (torch.arange(32) < 16).float().expand(2, 24, 32)
    return torch.rand(2, 24, 32, 3), near_left[..., None].expand(-1, -1, -1, 3)


def test_it_renders_as_render_does_and_tells_what_is_in_focus(node):
    image, depth = pictures()
    asked = {"focus": "at the point", "focus_x": 0.2, "focus_y": 0.5, "blur": 100.0}
    made, coc, mask = node.render(image, depth=depth, **asked)
    assert made.shape == image.shape and coc.shape == image.shape and mask.shape == image.shape[:3]
    alone = render(
        image[1].numpy(),
        depth[1, ..., 0].numpy(),
        depth_kind="relative_disparity",
        focus_point=(0.2, 0.5),
        blur=100,
    )
    assert torch.equal(made[1], torch.from_numpy(alone.pixels.astype("float32") / 65535))
    assert mask[:, :, :14].min() == 1 and mask[:, :, 18:].max() == 0
    assert (coc[:, :, 18:] > 0.9).all() and ((coc[:, :, :14] - 0.5).abs() < 0.02).all()


def test_one_depth_does_for_the_batch_and_none_is_estimated(node):
    image, depth = pictures()
    assert torch.equal(node.render(image, depth=depth[:1])[0], node.render(image, depth=depth)[0])
    assert node.render(image[:1])[0].shape == (1, 24, 32, 3)


def test_a_little_beyond_white_is_white_and_depths_are_one_or_all(node):
    image, depth = pictures()
    bright = 2 * image - 0.5
    assert torch.equal(node.render(bright, depth=depth)[0], node.render(bright.clamp(0, 1), depth=depth)[0])
    with pytest.raises(ValueError, match="one for each of 4 pictures, got 2"):
        node.render(torch.cat([image, image]), depth=depth)


def test_what_comfyui_shows_is_what_render_takes(node):
    shown = node.INPUT_TYPES()
    names = {**shown["required"], **shown["optional"]}
    assert set(names) == set(inspect.signature(node.render).parameters)
    assert len(node.RETURN_TYPES) == len(node.RETURN_NAMES) == 3
