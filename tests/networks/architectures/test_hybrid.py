"""The hybrid: untrained it is the physical renderer; it keeps constant pictures; tiles are the whole; large blurs."""

from dataclasses import replace

import pytest
import torch
from scenes import lens_of

from cocnet import Highlights, PhysicalRenderer, create_model, render_tiled
from cocnet.errors import DepthError, InputError
from cocnet.imaging import linear_to_srgb
from cocnet.networks.layers.scales import enlarged
from cocnet.networks.zoo.widening import between, renewed, widened
from cocnet.renderers import HybridRenderer, hybrid_renderer
from cocnet.renderers.network import coc_map

TINY = {"channels": [4, 8, 8], "groups": 1, "kernel_size": 5}


def stirred(seed=0):
    """A hybrid whose kernels are not zero."""
    model = create_model("cocnet-hybrid", **TINY)
    made = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.phi.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=made) * 0.1)
    return model.eval()


def given(height=24, width=40):
    made = torch.Generator().manual_seed(1)
    return [torch.rand(2, c, height, width, generator=made) for c in (3, 1, 3)]


@torch.no_grad()
def test_untrained_it_is_the_physical_renderer():
    image, _, _ = given()
    depth = torch.linspace(0.5, 3, 40).expand(2, 1, 24, 40)
    lens = lens_of(sensor_width_m=0.004)
    model = create_model("cocnet-hybrid", **TINY)
    for lights in (None, Highlights()):
        expected = PhysicalRenderer(lens, highlights=lights)(image, depth)
        ours = HybridRenderer(model, lights).render(image, 1 / depth, lens)
        assert torch.allclose(ours, expected, atol=1e-5)


@torch.no_grad()
def test_of_a_photo_it_sees_what_a_file_holds(monkeypatch):
    """Restored highlights are the renderer's; bright paper in their range would look like lights to the network."""
    image, _, _ = given()
    image[:, :, 8:12, 10:20] = 1.0
    model, seen = create_model("cocnet-hybrid", **TINY), []
    original = type(model).correct_light  # type: ignore[attr-defined]
    monkeypatch.setattr(
        type(model), "correct_light", lambda self, *of: seen.extend(of) or original(self, *of)
    )
    lens, depth = lens_of(sensor_width_m=0.004), torch.linspace(0.5, 3, 40).expand(2, 1, 24, 40)
    HybridRenderer(model, Highlights()).render(image, 1 / depth, lens)
    assert torch.equal(seen[0], image) and float(seen[2].max()) <= 1 + 1e-5


@pytest.mark.parametrize(("axial_ca", "highlights"), [(0.0, None), (0.5, None), (0.0, Highlights())])
def test_without_gradients_the_physical_picture_comes_in_tiles(axial_ca, highlights, monkeypatch):
    made = torch.Generator().manual_seed(3)
    image = torch.rand(2, 3, 100, 260, generator=made)
    depth = torch.where(torch.arange(260) < 150, 0.9, 1.5).expand(2, 1, 100, 260)
    model = create_model("cocnet-hybrid", **TINY)
    lens = lens_of(sensor_width_m=0.02, axial_ca=axial_ca)
    whole = HybridRenderer(model, highlights).render(image, 1 / depth, lens).detach()
    windows, tiled = [], render_tiled
    monkeypatch.setattr(
        hybrid_renderer,
        "render_tiled",
        lambda *given: tiled(*given, None, lambda _, count: windows.append(count)),  # type: ignore[call-arg]
    )
    monkeypatch.setattr("cocnet.rendering.tiling.DEFAULT_MB", 1)
    with torch.no_grad():
        assert torch.allclose(
            HybridRenderer(model, highlights).render(image, 1 / depth, lens), whole, atol=1e-3
        )
        plain = HybridRenderer(model).render(image, 1 / depth, lens)
    assert (highlights is None) == torch.allclose(plain, whole, atol=1e-3)
    assert windows[0] > 1


@torch.no_grad()
def test_constant_colours_stay():
    colour = torch.tensor([0.2, 0.5, 0.9])[None, :, None, None].expand(2, 3, 24, 40)
    out = stirred()(colour, given()[1], colour)
    assert torch.allclose(out, colour, atol=1e-5)


@pytest.mark.parametrize("size", [(24, 40), (113, 150)])
def test_tiles_are_the_whole(size):
    model, inputs = stirred().double(), [x.double() for x in given(*size)]
    whole = model(*inputs).detach()
    assert float((whole - inputs[2]).abs().max()) > 0.05
    model.tile_px, seen = 16, []
    model.on_unit = lambda: seen.append(model.units)
    with torch.no_grad():
        assert torch.allclose(model(*inputs), whole, atol=1e-12)
    assert len(seen) == seen[0] == -(-max(size[0], 8) // 16) * -(-size[1] // 16)


def test_light_is_never_made_brighter_and_can_be_taken_away():
    image, depth, physical = given()
    physical[:, :, 4:9, 6:12] = 5.0
    model = stirred()
    out = model(image, depth, physical)
    shown = out.detach()
    lights = physical > 1
    assert bool((shown[lights] <= physical[lights] * (1 + 1e-5)).all()) and bool((shown[lights] < 1).any())
    assert float(shown[~lights].max()) < 2
    out.sum().backward()
    assert all(bool(p.grad.isfinite().all()) for p in model.parameters())


@torch.no_grad()
def test_large_blurs_are_corrected_at_a_smaller_scale():
    """Twice the picture of twice the blur gets the correction of the small one, enlarged."""
    model = stirred()
    model.config = replace(model.config, most_radius_px=7.0)
    depth, lens = torch.linspace(0.6, 3, 40).expand(1, 1, 32, 40), lens_of(sensor_width_m=0.0025)
    assert 3.5 < 32 * float(coc_map(model, 1 / depth, lens).abs().max()) < 7
    image, _, physical = (0.2 + 0.3 * x[:1] for x in given(32, 40))

    def correction(*planes):
        image, depth, physical = planes
        return linear_to_srgb(
            model.correct_light(image, coc_map(model, 1 / depth, lens), physical)
        ) - linear_to_srgb(physical)

    small = correction(image, depth, physical)
    twice = (x.repeat_interleave(2, 2).repeat_interleave(2, 3) for x in (image, depth, physical))
    assert torch.allclose(correction(*twice), enlarged(small, 2), atol=1e-4)
    assert float(small.abs().max()) > 0.02


@torch.no_grad()
@pytest.mark.parametrize("halvings", [0, 1, 2])
def test_tiles_of_light_are_the_whole_at_every_scale(halvings):
    model = stirred().double()
    image, _, physical = (x.double() for x in given(150, 301))
    depth = torch.linspace(0.6, 3, 301, dtype=torch.float64).expand(2, 1, 150, 301)
    lens = lens_of(sensor_width_m=0.01)
    largest = 32 * float(coc_map(model, 1 / depth, lens).abs().max())
    model.config = replace(model.config, most_radius_px=1.1 * largest / 2**halvings)
    model.tile_px = None
    whole = model.correct_light(image, coc_map(model, 1 / depth, lens), physical)
    model.tile_px = 16
    assert torch.allclose(
        model.correct_light(image, coc_map(model, 1 / depth, lens), physical), whole, atol=1e-12
    )
    assert model.units > 1 and float((whole - physical).abs().max()) > 0.05


def test_the_first_step_has_a_direction():
    model = create_model("cocnet-hybrid", **TINY).train()
    image, depth, physical = given()
    (model(image, depth, physical) - image).square().mean().backward()
    assert all(float(phi.weight.grad.abs().max()) > 0 for phi in model.phi)


def test_wider_it_gives_the_same_pictures_and_goes_on_learning():
    narrow = stirred()
    wide = widened(narrow, (8, 12, 8)).train()
    out = wide(*given())
    assert torch.allclose(out, narrow(*given()), atol=1e-6) and wide.arguments["channels"] == [8, 12, 8]
    (out - given()[0]).square().mean().backward()
    assert float(wide.decoders[0][0].weight.grad[:4, 12 + 4 :].abs().max()) > 0
    with pytest.raises(InputError, match="expected 3 levels of at least"):
        widened(narrow, (8, 4, 8))
    with pytest.raises(InputError, match="expected a cocnet-hybrid to widen, got dbsi"):
        widened(create_model("dbsi"), (8, 12, 8))


def test_dead_levels_are_drawn_anew_and_learn():
    old = stirred()
    with torch.no_grad():
        for parameter in old.decoders[1:].parameters():
            parameter.fill_(-1.0)
    fresh = renewed(old, (4, 12, 6, 8), 1).train()
    out = fresh(*given())
    assert torch.allclose(out, old(*given()), atol=1e-6) and fresh.arguments["channels"] == [4, 12, 6, 8]
    for _ in range(2):
        fresh.zero_grad()
        (fresh(*given()) - given()[0]).square().mean().backward()
        with torch.no_grad():
            for parameter in fresh.parameters():
                parameter -= 0.1 * parameter.grad
    assert all(float(decoder[0].weight.grad.abs().max()) > 0 for decoder in fresh.decoders)
    for channels, kept in [((8, 12, 8), 1), ((4, 8, 8), 3), ((4, 8, 8), 0)]:
        with pytest.raises(InputError, match="expected channels that begin with"):
            renewed(old, channels, kept)


def test_between_two():
    one, other = stirred(0), stirred(1)
    middle = between(one, other, 0.75)
    for mine, theirs, found in zip(one.parameters(), other.parameters(), middle.parameters(), strict=True):
        assert torch.allclose(found, 0.75 * mine + 0.25 * theirs)
    assert middle.arguments == one.arguments and middle is not one
    with pytest.raises(InputError, match="of the same shape"):
        between(one, widened(one, (8, 12, 8)), 0.5)


def test_one_pixel_before_the_lens_does_not_blow_up_the_picture():
    model, lens = stirred(), lens_of(sensor_width_m=0.01)
    image, _, physical = given(24, 40)
    depth = torch.full((2, 1, 24, 40), 2.0)
    depth[:, :, 3, 3] = 1e-3
    seen = []
    whole = model._whole
    model._whole = lambda seen_, tile: seen.append(seen_.image.shape[-1]) or whole(seen_, tile)
    with torch.no_grad():
        out = model.correct_light(image, coc_map(model, 1 / depth, lens), physical)
    assert out.shape == image.shape and bool(out.isfinite().all()) and max(seen) <= 40


@pytest.mark.parametrize("grads", [False, True])
def test_planes_that_do_not_belong_together(grads):
    image, depth, physical = given()
    twice = [x.repeat_interleave(2, 2).repeat_interleave(2, 3) for x in (image, depth, physical)]
    model, lens = stirred(), lens_of()
    with torch.set_grad_enabled(grads):
        for call in (model, model.correct_light):
            with pytest.raises(InputError, match="expected the physical renderer's picture"):
                call(image, depth, twice[2])
            with pytest.raises(DepthError, match="expected depth"):
                call(image, twice[1], physical)
            with pytest.raises(DepthError, match="expected depth"):
                call(image, depth.double(), physical)
        with pytest.raises(DepthError, match="expected depth"):
            HybridRenderer(model).render(image, twice[1], lens)
        with pytest.raises(DepthError, match="expected depth"):
            HybridRenderer(model).render(image, depth[:1], lens)


def test_without_the_physical_picture():
    image, depth, _ = given()
    with pytest.raises(InputError, match="expected the physical renderer's picture"):
        stirred()(image, depth)
