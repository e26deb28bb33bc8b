"""A photo through a deblurring network: tiles without seams, what is kept, what is refused."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from cocnet import create_model, save_checkpoint
from cocnet.errors import FileError, InputError
from cocnet.imaging import Photo, linear_to_srgb, read_photo, write_photo
from cocnet.imaging.color.profile import of_code_points
from cocnet.pipeline.deblur_options import DeblurOptions
from cocnet.pipeline.deblur_photo import (
    deblur,
    deblur_with,
    open_deblurrer,
    tile_side,
)
from cocnet.pipeline.render_photo import render

SMALL = {"widths": [4, 4, 4], "blocks": [1, 1, 1]}


@pytest.fixture
def network():
    """It changes every pixel, by what is around it."""
    torch.manual_seed(0)
    model = create_model("deblur-hybrid", **SMALL).eval()
    torch.nn.init.normal_(model.last.weight, std=0.3)
    return model


@pytest.fixture
def weights(network, tmp_path):
    return save_checkpoint(network, tmp_path / "net.safetensors")


@pytest.fixture
def photo():
    pixels = np.random.default_rng(0).integers(0, 256, (203, 309, 3)).astype(np.uint8)
    return Photo(pixels, icc=b"", exif=None)


def test_tiles_are_the_parts_of_the_whole(network, photo):
    whole = deblur_with(network, photo, DeblurOptions())
    assert whole.settings.tile_px > 400
    network.bytes_per_pixel = 1e6 / (2 * network.margin_px + 72) ** 2
    parts = deblur_with(network, photo, DeblurOptions(max_mem_mb=1))
    assert parts.settings.tile_px < 80
    difference = np.abs(whole.pixels.astype(int) - parts.pixels)
    assert difference.max() <= 1 and (difference > 0).mean() < 1e-3
    assert np.abs(whole.pixels.astype(int) - photo.pixels).mean() > 1


def test_strength_is_how_much_of_the_change_is_taken(network, photo):
    none, half, all_ = (
        deblur_with(network, photo, DeblurOptions(strength=s)).pixels.astype(float) for s in (0, 0.5, 1)
    )
    assert np.array_equal(none, photo.pixels)
    inside = (all_ > 0) & (all_ < 255)
    assert np.abs(half - (none + all_) / 2)[inside].max() <= 1


def test_several_views_are_their_mean(network, photo):
    class Left(torch.nn.Module):
        """A network that isn't symmetric: its output leans to one side."""

        name, margin_px, bytes_per_pixel = network.name, 8, 100.0

        def forward(self, x):
            return x.roll(1, dims=3)

    one, two = (deblur_with(Left(), photo, DeblurOptions(views=n)).pixels.astype(int) for n in (1, 2))
    assert np.array_equal(one[:, 20:60], np.roll(photo.pixels, 1, 1)[:, 20:60])
    light = photo.pixels / 255
    mean = (np.roll(light, 1, 1) + np.roll(light, -1, 0)) / 2
    assert np.abs(two / 255 - mean)[20:60, 20:60].max() < 0.01
    with pytest.raises(InputError, match="views"):
        DeblurOptions(views=3)


def test_sixteen_bits_stay_sixteen(network, photo):
    deep = Photo(photo.pixels.astype(np.uint16) * 257)
    found = deblur_with(network, deep, DeblurOptions()).pixels
    assert found.dtype == np.uint16
    shallow = deblur_with(network, photo, DeblurOptions()).pixels
    assert np.abs(found / 257 - shallow).max() <= 1.01


def test_alpha_is_kept_and_settings_lie_beside(weights, photo, tmp_path):
    source = Photo(photo.pixels, alpha=np.full(photo.pixels.shape[:2], 77, np.uint8))
    write_photo(tmp_path / "in.png", source.pixels, like=source)
    result = deblur(read_photo(tmp_path / "in.png"), DeblurOptions(str(weights)))
    beside = result.save(tmp_path / "out.png")
    again = read_photo(tmp_path / "out.png")
    assert np.array_equal(again.pixels, result.pixels) and bool((again.alpha == 77).all())
    assert beside.name == "out.png.json" and '"strength": 1.0' in beside.read_text()


@pytest.mark.parametrize("bad", [{"strength": -0.1}, {"strength": float("nan")}, {"max_mem_mb": 0}])
def test_impossible_options_are_refused(photo, bad):
    with pytest.raises(InputError, match="expected"):
        deblur(photo, DeblurOptions(**bad))


def test_too_little_memory_names_what_is_enough(network):
    margin = network.margin_px // 8 * 8 + 8
    with pytest.raises(InputError, match="try --max-mem") as caught:
        network.bytes_per_pixel = 1e5
        tile_side(network, margin, 8, 10)
    enough = int(str(caught.value).rpartition(" ")[2])
    assert tile_side(network, margin, 8, enough) >= 8


def test_a_network_that_renders_bokeh_is_refused_and_the_other_way_round(weights, photo, tmp_path):
    torch.manual_seed(0)
    bokeh = save_checkpoint(create_model("dbsi", kernels=[3]), tmp_path / "bokeh.safetensors")
    with pytest.raises(InputError, match="expected a network that deblurs, got dbsi"):
        open_deblurrer(str(bokeh))
    with pytest.raises(InputError, match="renders bokeh, got deblur-hybrid, try `cocnet deblur`"):
        render(photo, np.full((203, 309), 2.0, np.float32), model=str(weights))
    with pytest.raises(FileError, match="weights that ship with 'ifan'"):
        open_deblurrer("ifan")


def test_deblur_first_renders_the_sharpened_photo(weights, photo):
    depth = np.where(np.arange(309) < 150, 2.0, 8.0)[None].repeat(203, 0).astype(np.float32)
    asked = {"focus_m": 2.0, "f_number": 1.4}
    sharpened = deblur(photo, DeblurOptions(str(weights))).pixels
    expected = render(sharpened, depth, **asked).pixels
    found = render(photo, depth, deblur_first=True, deblur_model=str(weights), **asked)
    assert np.array_equal(found.pixels, expected) and found.settings.options.deblur_first
    assert not np.array_equal(render(photo, depth, **asked).pixels, expected)


def test_a_network_that_gives_no_numbers_is_an_error(network, photo):
    with torch.no_grad():
        network.last.weight.fill_(float("nan"))
    with pytest.raises(InputError, match="expected numbers from deblur-hybrid, got NaN"):
        deblur_with(network, photo, DeblurOptions("mine.safetensors"))


def test_a_grey_photo_stays_grey(network, photo):
    grey = Photo(photo.pixels[..., :1].repeat(3, 2), grey=True)
    found = deblur_with(network, grey, DeblurOptions()).pixels
    assert np.ptp(found, axis=2).max() == 0 and np.abs(found.astype(int) - grey.pixels).mean() > 0.5


def test_a_photo_in_pq_is_sharpened_as_the_same_light_in_srgb(network, photo):
    """Its white is a fiftieth of what its profile can say: the network would see the dark alone."""
    plain = Photo(photo.pixels.astype(np.uint16) * 257)
    bright = Photo(plain.pixels, icc=of_code_points(1, 16))
    bright = replace(bright, pixels=bright.encode(plain.linear() * 0.0203))
    made = [deblur_with(network, one, DeblurOptions()).sharpened() for one in (plain, bright)]
    wanted, found = (
        linear_to_srgb(one.linear() / white) for one, white in zip(made, (1, 0.0203), strict=True)
    )
    assert (found - wanted).abs().max() < 0.01
    assert (wanted - linear_to_srgb(plain.linear())).abs().max() > 0.05


def test_what_is_brighter_than_white_paper_stays(network):
    bright = Photo(np.full((16, 16, 3), 60_000, np.uint16), icc=of_code_points(1, 16))
    assert np.array_equal(deblur_with(network, bright, DeblurOptions()).pixels, bright.pixels)
