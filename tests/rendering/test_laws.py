"""Laws that every renderer of bokeh obeys, with answers known beforehand."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scenes import inverse_of, lens_of, render
from torch.nn import functional

from cocnet import PhysicalRenderer
from cocnet.optics import lens_psf
from cocnet.rendering.matting import BRIGHTER


def spread(spot):
    """Distance of a spot's centroid from the middle pixel, px, and second moment about the centroid, px²."""
    at = torch.arange(len(spot)) - len(spot) // 2
    x, y = (spot.sum(0) * at).sum() / spot.sum(), (spot.sum(1) * at).sum() / spot.sum()
    moment = (spot * ((at[:, None] - y) ** 2 + (at - x) ** 2)).sum() / spot.sum()
    return float(torch.hypot(x, y)), float(moment)


def two_planes(height, width, near, far):
    x = torch.full((1, 1, height, width), float(far))
    x[..., height // 4 : -height // 4, width // 4 : -width // 4] = near
    return x


DEPTHS = {
    "two planes": lambda h, w: two_planes(h, w, -9.0, 6.0),
    "in front": lambda h, w: two_planes(h, w, -12.0, 0.0),
    "slanted": lambda h, w: torch.linspace(-14, 14, w).expand(1, 1, h, w).clone(),
    "noise": lambda h, w: 20 * torch.rand(1, 1, h, w, generator=torch.Generator().manual_seed(1)) - 10,
}
OPTIONS = {
    "plain": {},
    "blades": {"blades": 5, "blade_rotation_rad": 0.3},
    "cat's eye": {"cat_eye": 0.8},
    "axial": {"axial_ca": 0.05},
    "lateral": {"lateral_ca": 0.01},
    "preview": {"preview": True},
}


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("options", OPTIONS)
def test_constant_stays_constant_up_to_the_border(depth, options):
    image = torch.tensor([0.2, 0.5, 0.9]).view(1, 3, 1, 1).expand(1, 3, 70, 90).clone()
    out = render(image, DEPTHS[depth](70, 90), **OPTIONS[options])
    assert torch.allclose(out, image, atol=2e-5)


@pytest.mark.parametrize("options", [o for o in OPTIONS if o not in ("axial", "lateral")])
def test_all_in_focus_is_the_identity(options, random):
    image = torch.rand(1, 3, 40, 52, generator=random)
    out = render(image, torch.zeros(1, 1, 40, 52), **OPTIONS[options])
    assert torch.allclose(out, image, atol=1e-6)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10**6), height=st.integers(1, 40), width=st.integers(1, 40), reach=st.floats(0, 15)
)
def test_output_is_no_darker_than_black_and_hardly_brighter_than_the_input(seed, height, width, reach):
    """What is in front at a rim may be brighter than the pixel shows, and then than all others."""
    made = torch.Generator().manual_seed(seed)
    image = torch.rand(1, 3, height, width, generator=made)
    x = (torch.rand(1, 1, height, width, generator=made) * 2 - 1) * reach
    out = render(image, x)
    assert out.isfinite().all() and out.min() >= 0 and out.max() <= BRIGHTER * image.max()
    without_rims = render(image, torch.full_like(x, reach))
    assert image.min() - 1e-5 <= without_rims.min() and without_rims.max() <= image.max() + 1e-5


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("level", [1.0, 3.0, 5.0])
@pytest.mark.parametrize("blades", [0, 5])
def test_uniform_depth_is_plain_convolution(sign, level, blades, random):
    image = torch.rand(1, 3, 48, 48, generator=random)
    x = torch.full((1, 1, 48, 48), sign * level)
    out = render(image, x, blades=blades)
    spot = lens_psf(lens_of(blades=blades), level, front=sign < 0).float()
    half = len(spot) // 2
    padded = functional.pad(image, (half,) * 4, mode="replicate")
    expected = functional.conv2d(padded, spot.flip(0, 1).expand(3, 1, -1, -1), groups=3)
    assert torch.allclose(out, expected, atol=2e-3)


@pytest.mark.parametrize("radius", [0.4, 1.0, 2.7, 4.0, 7.3, 12.0, 20.0])
@pytest.mark.parametrize("sign", [1, -1])
def test_lone_point_keeps_its_energy_and_has_the_second_moment_of_a_disc(radius, sign):
    image = torch.zeros(1, 3, 96, 96)
    image[..., 48, 48] = 1.0
    spot = render(image, torch.full((1, 1, 96, 96), sign * radius))[0, 0].double()
    assert float(spot.sum()) == pytest.approx(1, abs=1e-3)
    shift, moment = spread(spot)
    assert moment == pytest.approx(radius**2 / 2, rel=0.03, abs=0.01)
    assert shift < 0.2 * radius


@pytest.mark.parametrize("radius", [3.0, 4.0, 8.0])
def test_half_plane_of_light_becomes_the_edge_function_of_the_disc(radius):
    image = torch.zeros(1, 3, 64, 64)
    image[..., 32:] = 1.0
    out = render(image, torch.full((1, 1, 64, 64), radius), sharp_lights=True)[0, 0, 32]
    t = (torch.arange(64) + 0.5 - 32).clamp(-radius, radius)
    edge = 0.5 + (t * (radius**2 - t**2).sqrt() + radius**2 * torch.asin(t / radius)) / (math.pi * radius**2)
    assert (out - edge).abs().max() < 0.03


def test_sharp_foreground_takes_no_light_from_a_blurred_background():
    image = torch.zeros(1, 3, 64, 64)
    image[..., 16:48, 16:48] = 0.3
    x = two_planes(64, 64, 0.0, 12.0)
    dark = render(image, x)
    image[image == 0] = 1.0
    bright = render(image, x)
    assert torch.allclose(dark[..., 18:46, 18:46], bright[..., 18:46, 18:46], atol=1e-4)
    assert torch.allclose(dark[..., 18:46, 18:46], torch.tensor(0.3), atol=1e-4)


def test_blurred_foreground_shows_the_background_that_it_hides():
    image = torch.zeros(1, 3, 80, 80)
    image[:, 0] = 1.0
    image[..., 20:60, 20:60] = torch.tensor([0.0, 1.0, 0.0]).view(1, 3, 1, 1)
    out = render(image, two_planes(80, 80, -8.0, 0.0))
    inside = out[0, :, 40, 22]
    assert inside[0] > 0.2 and inside[1] > 0.2 and inside.sum() == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("mode", ["over", "eq8"])
def test_gradients_are_those_of_finite_differences(mode):
    made = torch.Generator().manual_seed(3)
    image = torch.rand(1, 3, 10, 12, generator=made, dtype=torch.float64)
    depth = 1 + torch.rand(1, 1, 10, 12, generator=made, dtype=torch.float64)

    def loss(image, depth, focus, stop):
        lens = lens_of(focus_distance_m=focus, f_number=stop, sensor_width_m=0.004)
        return PhysicalRenderer(lens, mode=mode, sharp_lights=True)(image, depth)

    inputs = [image, depth, torch.tensor(1.31, dtype=torch.float64), torch.tensor(2.2, dtype=torch.float64)]
    inputs = [t.clone().requires_grad_() for t in inputs]
    assert torch.autograd.gradcheck(loss, inputs, eps=1e-7, atol=1e-4, rtol=1e-3, fast_mode=True)
    for gradient in torch.autograd.grad((loss(*inputs) ** 2).sum(), inputs):
        assert gradient.isfinite().all() and gradient.abs().max() > 1e-4


def test_batch_is_the_pictures_one_by_one(random):
    image = torch.rand(2, 3, 40, 40, generator=random)
    depth = 1 + torch.rand(2, 1, 40, 40, generator=random)
    focus = torch.tensor([1.0, 1.6])
    together = PhysicalRenderer(lens_of(focus_distance_m=focus))(image, depth)
    for i in range(2):
        alone = PhysicalRenderer(lens_of(focus_distance_m=float(focus[i])))(
            image[i : i + 1], depth[i : i + 1]
        )
        assert torch.allclose(together[i : i + 1], alone, atol=2e-4)


def test_eq8_of_a_constant_is_the_sum_of_squared_masks():
    image = torch.ones(1, 3, 40, 40)
    out = render(image, two_planes(40, 40, 0.0, 4.0), mode="eq8")
    mask = (two_planes(40, 40, 0.0, 1.0)).clone()
    spot = lens_psf(lens_of(), 4.0).float()[None, None]
    half = spot.shape[-1] // 2
    blurred = functional.conv2d(functional.pad(mask, (half,) * 4, mode="replicate"), spot)
    expected = blurred**2 + (1 - mask) ** 2
    assert torch.allclose(out[:, :1], expected, atol=1e-4) and out.min() < 0.6


def test_stopping_down_by_two_stops_halves_the_spot():
    image = torch.zeros(1, 3, 80, 80)
    image[..., 40, 40] = 1
    roots = []
    for stop in (2.0, 4.0):
        lens = lens_of(f_number=stop, sensor_width_m=0.006)
        spot = PhysicalRenderer(lens)(image, torch.full((1, 1, 80, 80), 20.0))[0, 0].double()
        roots.append(spread(spot)[1] ** 0.5)
    assert roots[0] / roots[1] == pytest.approx(2, rel=0.05)


def test_inverse_depth_round_trip():
    lens = lens_of()
    x = torch.tensor([[-3.0, 0.0, 5.0]])
    assert torch.allclose(lens.coc_radius_px(inverse_of(lens, x, 64), 64), x, atol=1e-4)


def test_a_light_beside_a_silhouette_does_not_glow_through_the_occluder():
    image = torch.full((1, 3, 80, 80), 0.2)
    image[..., 39:42, 40:43] = 60.0
    x = torch.zeros(1, 1, 80, 80)
    x[..., :40] = -8.0
    out = render(image, x)[0, 0]
    away = torch.cat([out[:33, 30:40].flatten(), out[48:, 30:40].flatten()])
    assert away.max() < 0.6 and out[40, 41] > 20


def test_a_bright_background_does_not_shine_through_a_small_step_far_from_it():
    x = torch.full((1, 1, 96, 96), -0.3)
    x[..., 48:] = 0.9
    x[..., :20, :] = 6.0
    image = torch.full((1, 3, 96, 96), 0.02)
    image[..., :20, :] = 0.9
    out = render(image, x)
    assert float(out[..., 45:, :].max()) < 0.021
    assert float(out[..., 12:19, :].min()) > 0.1


@pytest.mark.parametrize("slope", [0.0, 0.3, 0.7, 1.0])
def test_depth_that_is_mixed_at_a_silhouette_renders_like_depth_that_is_not(slope):
    rows, columns = torch.meshgrid(torch.arange(64.0), torch.arange(64.0), indexing="ij")
    off = (columns - 32 - slope * (rows - 32)) / math.hypot(1, slope)
    covered = (off + 0.5).clamp(0, 1)
    image = (0.03 * covered + 0.35 * (1 - covered)).expand(1, 3, -1, -1)
    for width in (1.0, 1.5):
        mixed = 6.5 * (1 - (off / width + 0.5).clamp(0, 1))
        soft = render(image, mixed[None, None])
        hard = render(image, 6.5 * (off < 0).float()[None, None])
        assert float((soft - hard).abs()[..., 16:-16, 16:-16].max()) < 0.05


@pytest.mark.parametrize("near, far", [(-0.9, 0.6), (-1.4, 0.0), (0.2, 1.7), (-1.5, 0.3)])
def test_a_small_step_at_a_sharp_edge_is_a_silhouette(near, far):
    x = torch.full((1, 1, 48, 48), far)
    x[..., 24:] = near
    covered = (x == near).float()
    spot = lens_psf(lens_of(), abs(near), front=near < 0).float()
    half = len(spot) // 2
    seen = functional.conv2d(functional.pad(covered, (half,) * 4, mode="replicate"), spot[None, None])
    out = render((0.6 - 0.5 * covered).expand(1, 3, -1, -1), x)
    assert float((out - (0.6 - 0.5 * seen)).abs().max()) < 0.04


def axes(spot):
    """Standard deviations along x and y, px."""
    at = torch.arange(len(spot), dtype=torch.float64)
    shares = [spot.double().sum(axis) / spot.double().sum() for axis in (0, 1)]
    return [float(((at - (share * at).sum()) ** 2 * share).sum().sqrt()) for share in shares]


@pytest.mark.parametrize("radius", [7.0, 12.0, 24.0])
@pytest.mark.parametrize(
    "shape",
    [{}, {"squeeze": 1.33}, {"squeeze": 2.0}, {"squeeze": 4.0}, {"blades": 3}, {"blades": 5, "squeeze": 2.0}],
    ids=str,
)
def test_a_point_is_as_wide_and_as_tall_as_its_spot_at_every_scale(shape, radius):
    """Layers of these radii are blurred at a quarter or less of the picture's size."""
    width, height = axes(lens_psf(lens_of(**shape), radius))
    found = []
    for shift in (0, 1, 3, 5):
        image = torch.zeros(1, 3, 128, 128)
        image[..., 60 + shift, 60 + shift] = 1
        found.append(axes(render(image, torch.full((1, 1, 128, 128), radius), **shape)[0, 0]))
    across, down = torch.tensor(found).mean(0).tolist()
    assert across == pytest.approx(width, rel=0.08) and down == pytest.approx(height, rel=0.02)


def test_a_picture_does_not_depend_on_the_lights_of_another_in_its_batch(random):
    image = torch.rand(2, 3, 48, 48, generator=random)
    image[1, :, 20:24, 20:24] = 9.0
    x = torch.cat([two_planes(48, 48, -12.0, 9.0), two_planes(48, 48, 5.0, 14.0)])
    together = render(image, x)
    for i in range(2):
        assert torch.equal(together[i], render(image[i : i + 1], x[i : i + 1])[0])


def test_a_light_of_which_one_colour_is_below_white_keeps_its_shape_under_axial_colour():
    image = torch.full((1, 3, 64, 64), 0.05)
    image[:, :, 30:33, 30:33] = torch.tensor([8.0, 2.0, 0.95]).view(1, 3, 1, 1)
    x = torch.full((1, 1, 64, 64), 14.0)
    assert torch.allclose(render(image, x, axial_ca=1e-6), render(image, x), atol=1e-4)


def test_bound_of_zero_leaves_the_picture_as_it_is(random):
    image = torch.rand(1, 3, 40, 40, generator=random)
    x = two_planes(40, 40, -12.0, 9.0)
    assert torch.allclose(render(image, x, max_radius_px=0.0), image, atol=1e-6)


def test_a_flag_of_the_tensor_changes_nothing_where_there_are_no_gradients(random):
    image = torch.rand(1, 3, 64, 64, generator=random)
    image[..., 30:33, 30:33] = 9.0
    x = torch.full((1, 1, 64, 64), 14.0)
    with torch.no_grad():
        assert torch.equal(render(image.clone().requires_grad_(), x), render(image, x))


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_full(random, kind):
    image = torch.rand(1, 3, 40, 40, generator=random).to(kind)
    x = two_planes(40, 40, -12.0, 9.0)
    out = render(image, x)
    assert out.dtype == kind and torch.equal(out, render(image.float(), x).to(kind))
