"""What ships: small, with a card, and better than doing nothing."""

import pytest
import torch
from scenes import SCENES

import cocnet
from cocnet.datasets.pairs.raytraced import read_scene
from cocnet.imaging import linear_to_srgb
from cocnet.networks import list_models, shipped_weights

FOLDER = shipped_weights("cocnet-b3-less-depth").parent
FILES = sorted(FOLDER.glob("*.safetensors"))
NAMES = [card.name for card in list_models() if shipped_weights(card.name)]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_weights_are_small_and_have_a_card(path):
    card = path.with_suffix(".md").read_text(encoding="utf-8")
    assert path.stat().st_size < 10e6 and path.name in card and "Limits" in card and "Licence" in card


def test_every_file_is_a_known_model_or_the_subject():
    assert {path.stem for path in FILES} == {"depth_subject", "lights", *NAMES}


def test_depth_network_blurs_behind_and_keeps_what_is_near():
    made = torch.Generator().manual_seed(0)
    image = torch.rand(1, 3, 24, 24, generator=made).repeat_interleave(4, 2).repeat_interleave(4, 3)
    depth = torch.zeros(1, 1, 96, 96)
    depth[..., 24:72, 24:72] = 1.0
    with torch.no_grad():
        out = cocnet.load_model("cocnet-b3-less-depth")(image, depth)
    near = (slice(None), slice(None), slice(34, 62), slice(34, 62))
    behind = (slice(None), slice(None), slice(0, 12), slice(None))
    assert (out[near] - image[near]).abs().mean() < 0.3 * (image[near] - 0.5).abs().mean()
    assert out[behind].std() < 0.6 * image[behind].std()


@pytest.mark.parametrize("path", SCENES[:3], ids=lambda path: path.stem)
def test_the_hybrid_is_nearer_to_the_truth_than_the_renderer(path):
    pair = read_scene(path)
    given = pair.image[None], 1 / pair.depth_m[None], pair.lens
    with torch.no_grad():
        physical, ours = (cocnet.open_renderer(one).render(*given) for one in ("physical", "cocnet-hybrid"))
    left, before = (
        (linear_to_srgb(x.clamp(0, 1)) - linear_to_srgb(pair.bokeh.clamp(0, 1))).square().mean()
        for x in (ours, physical)
    )
    assert float(left) < float(before)


@pytest.mark.parametrize("path", [SCENES[0], SCENES[2]], ids=lambda path: path.stem)
def test_the_deblurrer_is_nearer_to_the_sharp_picture(path):
    pair = read_scene(path)
    sharp, soft = (linear_to_srgb(x.clamp(0, 1))[None] for x in (pair.image, pair.bokeh))
    with torch.no_grad():
        made = cocnet.load_model("deblur-hybrid")(soft)
    left, before = (float((x.clamp(0, 1) - sharp).square().mean()) for x in (made, soft))
    assert left < 0.87 * before


def test_the_hybrid_in_bfloat16_is_nearly_the_same():
    pair = read_scene(SCENES[0])
    given = pair.image[None], 1 / pair.depth_m[None], pair.lens
    with torch.no_grad():
        full, half = (
            cocnet.open_renderer("cocnet-hybrid", bfloat16=chosen).render(*given) for chosen in (False, True)
        )
    apart = linear_to_srgb(half.clamp(0, 1)) - linear_to_srgb(full.clamp(0, 1))
    assert half.dtype == torch.float32 and 0 < float(apart.square().mean()) < 10**-6.5
