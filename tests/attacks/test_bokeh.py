"""Attacks on depth and camera: what they may change, and what a linear world says that they must find."""

from dataclasses import replace

import pytest
import torch
from linear import Shade, Victim, batch

from cocnet.attacks import GDA, BackgroundGDA, CameraRange, DepthOffset, LensAttack, RandomSearch, SmoothGDA
from cocnet.attacks.bokeh import binomial
from cocnet.attacks.render_attack import RenderAttack
from cocnet.errors import DepthError, InputError

ATTACKS: list[RenderAttack] = [
    GDA(0.02, 4),
    SmoothGDA(0.02, 4, kernel=5),
    BackgroundGDA(0.02, 4),
    DepthOffset(0.02, 4),
]
ATTACKS += [DepthOffset(0.02, 4, grid=0), LensAttack(steps=4)]


def test_linear_world_is_met_exactly():
    victim, (image, depth, label) = Victim(lead=1e4), batch()
    result = GDA(0.01, 10, loss="margin")(Shade(), victim, image, depth, label)
    slope = -0.3 * (victim.weight[1:] - victim.weight[0]).view(2, 3, 8, 8).sum(1)
    best = (result.depth - depth)[:, 0]
    likely = [(depth[:, 0] + 0.01 * s.sign()).clamp(0, 1) - depth[:, 0] for s in slope]
    assert all(
        any(torch.allclose(row, other[i], atol=1e-6) for other in likely) for i, row in enumerate(best)
    )


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda a: f"{a.name}{getattr(a, 'grid', '')}")
def test_every_attack_stays_in_its_bounds(attack):
    image, depth, label = batch()
    for one in (
        attack,
        replace(attack, random_start=True),
        RandomSearch(attack),
        replace(attack, targeted=True),
    ):
        result = one(Shade(), Victim(), image, depth, label)
        assert result.depth.min() >= 0 and result.depth.max() <= 1
        assert (result.depth - depth).abs().max() <= 0.02 / getattr(attack, "span", 1.0) + 1e-6
        again = one(Shade(), Victim(), image, depth, label)
        assert torch.equal(result.image, again.image) and torch.equal(result.success, again.success)
        assert (result.queries <= 5).all() and (result.camera is None) == (attack.name != "lens")


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda a: f"{a.name}{getattr(a, 'grid', '')}")
def test_nothing_moves_without_a_budget(attack):
    image, depth, label = batch()
    result = replace(attack, epsilon=0.0)(Shade(), Victim(lead=1e4), image, depth, label)
    assert torch.equal(result.depth, depth) and not result.success.any()


def test_smooth_with_one_px_is_gda():
    image, depth, label = batch()
    one = SmoothGDA(0.02, 6, kernel=1)(Shade(), Victim(lead=50.0), image, depth, label)
    other = GDA(0.02, 6)(Shade(), Victim(lead=50.0), image, depth, label)
    assert torch.allclose(one.depth, other.depth, atol=1e-7) and torch.equal(one.queries, other.queries)


def test_smooth_is_smooth_and_background_stays_behind():
    image, depth, label = batch()
    victim = Victim(lead=1e4)
    rough = GDA(0.02, 6, loss="margin")(Shade(), victim, image, depth, label).depth - depth
    smooth = SmoothGDA(0.02, 6, kernel=5, loss="margin")(Shade(), victim, image, depth, label).depth - depth
    assert smooth.diff(dim=-1).abs().mean() < 0.5 * rough.diff(dim=-1).abs().mean()
    behind = (
        BackgroundGDA(0.02, 6, threshold=0.4, loss="margin")(Shade(), victim, image, depth, label).depth
        - depth
    )
    assert not behind[depth >= 0.4].any() and behind[depth < 0.4].abs().max() > 0.01


def test_depth_offset_is_an_affine_or_coarse_change():
    image, depth, label = batch()
    line = (
        DepthOffset(0.02, 6, grid=0, loss="margin")(Shade(), Victim(lead=1e4), image, depth, label).depth
        - depth
    )
    inner = line[:, :, 1:-1]
    assert (inner.diff(dim=2).diff(dim=2).abs() < 1e-6).all() and (inner.diff(dim=3).abs() < 1e-6).all()
    with pytest.raises(InputError, match="grid of 0 or from 2"):
        DepthOffset(grid=1)


def test_binomial_kernels():
    line = binomial(5)
    assert line.tolist() == [1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16]
    where = torch.arange(9) - 4
    assert float((binomial(9) * where**2).sum()) == pytest.approx(2.0)


def test_cameras_come_back_from_their_place():
    reach = CameraRange()
    for camera in ([1.0, 2.0, 0.05], [0.05, 1.4, 0.105], [2.0, 16.0, 0.035]):
        place = reach.place(torch.tensor(camera))
        assert reach.camera(place[None])[0].tolist() == pytest.approx(camera, rel=1e-5)
    u = torch.rand(2, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(reach.camera, u)


def test_lens_attack_finds_the_stop_that_fools():
    image, depth, label = batch()
    result = LensAttack(steps=20, loss="margin")(Shade(), Victim(lead=3.0), image, depth, label)
    natural = LensAttack(0.0, 1)(Shade(), Victim(lead=3.0), image, depth, label)
    f_number = result.camera[:, 1]
    assert (result.success | (f_number < 1.41) | (f_number > 15.9)).all() and result.success.sum() >= 2
    assert (result.margin >= natural.margin).all()
    low, high = torch.tensor(CameraRange().rows).unbind(1)
    assert (result.camera >= low - 1e-5).all() and (result.camera <= high + 1e-5).all()
    with pytest.raises(InputError, match="a renderer with a camera"):
        LensAttack()(lambda image, depth: image, Victim(), image, depth, label)


@pytest.mark.parametrize(
    ("image", "depth", "label", "error"),
    [
        (torch.rand(3, 8, 8), torch.rand(1, 1, 8, 8), torch.zeros(1).long(), InputError),
        (torch.rand(1, 3, 8, 8), torch.rand(1, 1, 8, 9), torch.zeros(1).long(), DepthError),
        (torch.rand(1, 3, 8, 8), torch.rand(1, 1, 8, 8).half(), torch.zeros(1).long(), DepthError),
        (torch.rand(1, 3, 8, 8), torch.rand(1, 1, 8, 8) + 1, torch.zeros(1).long(), DepthError),
        (torch.rand(1, 3, 8, 8), torch.rand(1, 1, 8, 8), torch.zeros(2).long(), InputError),
        (torch.rand(1, 3, 8, 8), torch.rand(1, 1, 8, 8), torch.zeros(1), InputError),
    ],
)
def test_what_can_not_be_attacked(image, depth, label, error):
    with pytest.raises(error, match="expected"):
        GDA()(Shade(), Victim(), image, depth, label)


def test_photographic_bounds_are_stops_and_dioptres_around_the_natural_camera():
    camera = torch.tensor([1.0, 2.8, 0.075])
    found = CameraRange.around(camera, stops=1, dioptres=0.25)
    assert found.focus == pytest.approx((0.75, 1.25)) and found.focal_length_m == pytest.approx(
        (0.075, 0.075)
    )
    assert found.f_number == pytest.approx((2.8 / 2**0.5, 2.8 * 2**0.5))
    still = CameraRange.around(camera)
    assert still.rows == tuple((value, value) for value in camera.tolist())
    assert CameraRange.around(camera, dioptres=3).focus[0] == pytest.approx(0.01)
    ends = found.camera(torch.tensor([[0.0, 0.0, 0.0], [1.0, 1.0, 1.0]]))
    assert ends[:, 2].tolist() == pytest.approx([0.075, 0.075])
    assert torch.allclose(found.camera(found.place(camera)[None])[0], camera, atol=1e-5)
    with pytest.raises(InputError, match="stops and dioptres from 0"):
        CameraRange.around(camera, stops=-1)
