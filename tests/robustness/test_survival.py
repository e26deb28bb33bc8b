"""What happens to adversarial pictures on the way: each way by itself, then all beside their control."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from linear import Shade, Victim, batch

from cocnet.attacks import GDA, LensAttack
from cocnet.imaging import read_photo, write_photo
from cocnet.robustness.survival import DEPTHS, PICTURES, bytes_of, deblurred, joined, quantised, survival


def picture(side=32):
    made = torch.Generator().manual_seed(0)
    smooth = torch.rand(2, 3, 4, 4, generator=made)
    return torch.nn.functional.interpolate(smooth, (side, side), mode="bilinear")


@pytest.mark.parametrize(
    ("name", "tolerance"),
    [
        ("float", 0),
        ("png8", 0.5 / 255 + 1e-6),
        ("jpeg95", 0.1),
        ("jpeg75", 0.2),
        ("resize", 0.05),
        ("deblur", 0.3),
    ],
)
def test_a_picture_stays_about_itself(name, tolerance):
    image = picture()
    out = PICTURES[name](image)
    assert out.shape == image.shape and out.dtype == image.dtype
    assert (out - image).abs().max() <= tolerance and (name == "float") == torch.equal(out, image)
    grey = torch.full_like(image, 128 / 255)
    assert torch.allclose(PICTURES[name](grey), grey, atol=1e-6)
    assert torch.equal(PICTURES[name](image[1:]), out[1:])


@pytest.mark.parametrize(("name", "bits"), [("depth16", 16), ("depth8", 8)])
def test_depth_is_rounded_to_its_grid(name, bits):
    depth = torch.linspace(0, 1, 1001).view(1, 1, 7, 143)
    out = DEPTHS[name](depth)
    assert (out - depth).abs().max() <= 0.5 / (2**bits - 1) + 1e-7
    assert torch.equal(DEPTHS[name](out), out) and out.min() == 0 and out.max() == 1


def test_every_way_is_tested():
    assert set(PICTURES) | set(DEPTHS) == {
        "float", "png8", "jpeg95", "jpeg75", "resize", "deblur", "depth16", "depth8"
    }  # fmt: skip


def test_eight_bits_are_what_a_file_holds(tmp_path):
    image = picture()[:1]
    write_photo(tmp_path / "a.png", bytes_of(image)[0].permute(1, 2, 0).numpy())
    stored = torch.from_numpy(np.array(read_photo(tmp_path / "a.png").pixels)).permute(2, 0, 1)
    assert torch.equal(PICTURES["png8"](image)[0], stored / 255)


def test_better_jpeg_is_nearer():
    image = picture()
    far, near = ((PICTURES[name](image) - image).square().mean() for name in ("jpeg75", "jpeg95"))
    assert near < far


def test_deblurring_steepens_an_edge():
    edge = torch.zeros(1, 3, 9, 40)
    edge[..., 20:] = 0.5
    edge[..., 18:22] = torch.tensor([0.1, 0.2, 0.3, 0.4])
    out = deblurred(edge + 0.25)
    assert out.diff(dim=-1).max() > 1.2 * edge.diff(dim=-1).max()
    assert torch.allclose(out[..., :5], torch.tensor(0.25)) and torch.allclose(
        out[..., -5:], torch.tensor(0.75)
    )


def test_eight_bits_kill_a_small_change_exactly_and_sixteen_do_not():
    depth = quantised(torch.rand(1, 1, 16, 16, generator=torch.Generator().manual_seed(1)), 8)
    delta = 3e-4 * (torch.rand(depth.shape, generator=torch.Generator().manual_seed(2)) - 0.5).sign()
    changed = (depth + delta).clamp(0, 1)
    assert torch.equal(quantised(changed, 8), depth)
    assert (quantised(changed, 16) - changed).abs().max() < 1e-5


def attacked(epsilon=0.2, lead=0.0):
    image, depth, _ = batch(6)
    depth, victim = quantised(depth, 8), Victim(lead=lead)
    label = victim(Shade()(image, depth)).argmax(1)
    return GDA(epsilon, 10)(Shade(), victim, image, depth, label), image, depth, label, victim


def test_what_was_found_survives_as_found():
    result, image, depth, label, victim = attacked()
    found = survival(result, image, depth, label, victim, Shade())
    assert result.success.any() and torch.equal(found["float"].fooled, result.success)
    assert found["float"].natural_right.all() and torch.equal(found["depth16"].fooled, result.success)


def test_a_small_change_of_depth_dies_in_eight_bits():
    result, image, depth, label, victim = attacked(1.5e-3, lead=0.0)
    assert torch.equal(quantised(result.depth, 8), depth)
    found = survival(result, image, depth, label, victim, Shade())
    assert not found["depth8"].fooled.any() and found["depth8"].natural_right.all()


def test_the_control_is_the_natural_picture_that_goes_the_same_way():
    result, image, depth, label, victim = attacked()

    def dark(image, depth):
        return 0 * image

    found = survival(result, image, depth, label, victim, Shade(), {"dark": dark, "same": Shade()})
    wrong = victim(0 * image).argmax(1) != label
    assert torch.equal(found["on dark"].natural_right, ~wrong) and not found["on dark"].fooled.any()
    assert torch.equal(found["on same"].fooled, result.success)


def test_an_attack_on_the_lens_goes_only_where_a_lens_is():
    image, depth, _ = batch()
    victim = Victim()
    label = victim(Shade()(image, depth)).argmax(1)
    result = replace(LensAttack(steps=5)(Shade(), victim, image, depth, label), depth=None)
    found = survival(
        result, image, depth, label, victim, Shade(), {"deaf": lambda image, depth: image, "same": Shade()}
    )
    assert "on deaf" not in found and torch.equal(found["on same"].fooled, result.success)


def test_batches_are_joined():
    result, image, depth, label, victim = attacked()
    found = survival(result, image, depth, label, victim, Shade())
    both = joined([found, found])
    assert list(both) == list(found) and len(both["png8"].fooled) == 12 and joined([]) == {}
