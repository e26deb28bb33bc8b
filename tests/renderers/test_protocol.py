"""Every renderer behind one call: the protocol's promises, a row each."""

from dataclasses import replace

import pytest
import torch
from scenes import lens_of

from cocnet import InputError, PhysicalRenderer, create_model, open_renderer, save_checkpoint
from cocnet.errors import DepthError
from cocnet.renderers import HybridRenderer, NetworkRenderer, Physical, render_windows

LENS = lens_of(sensor_width_m=0.01)
ROWS = {
    "physical": {"depth", "lens"},
    "physical-eq8": {"depth", "lens"},
    "identity": set(),
    "blur": set(),
    "cocnet-b3-less": set(),
    "cocnet-b3-less-depth": {"depth"},
    "cocnet-hybrid": {"depth", "lens"},
}


def world(height=32, width=48):
    made = torch.Generator().manual_seed(0)
    light = torch.rand(2, 3, height, width, generator=made)
    return light, torch.linspace(0.3, 2, width).expand(2, 1, height, width).contiguous()


@pytest.fixture(scope="module", params=ROWS)
def renderer(request):
    return open_renderer(request.param)


def test_light_in_light_out(renderer):
    light, inverse = world()
    made = renderer.render(light, inverse, LENS)
    assert made.shape == light.shape and made.dtype == light.dtype and bool(made.isfinite().all())
    assert renderer.reads == ROWS[renderer.name]
    assert renderer.name == "identity" or float((made - light).abs().max()) > 0.01


def test_what_it_reads_is_differentiable_and_needed(renderer):
    light, inverse = (x.requires_grad_() for x in world())
    focus = torch.tensor(1.5, requires_grad=True)
    renderer.render(light, inverse, LENS.at(focus_distance_m=focus)).square().mean().backward()
    assert bool(light.grad.any()) and bool(light.grad.isfinite().all())
    assert ("depth" in renderer.reads) == (inverse.grad is not None and bool(inverse.grad.any()))
    assert ("lens" in renderer.reads) == (focus.grad is not None and bool(focus.grad.any()))
    if "depth" in renderer.reads:
        with pytest.raises(DepthError, match="expected inverse depth"):
            renderer.render(light, None, LENS)
    if "lens" in renderer.reads:
        with pytest.raises(InputError, match="expected a lens"):
            renderer.render(light, inverse)


@torch.no_grad()
def test_windows_are_the_whole(renderer, monkeypatch):
    monkeypatch.setattr("cocnet.rendering.tiling.DEFAULT_MB", 1)
    if isinstance(renderer, Physical):
        renderer = replace(renderer, sharp_lights=True)
    (light, inverse), out, steps = [x[0] for x in world(96, 144)], torch.zeros(3, 96, 144), []

    def read(rows, columns):
        return light[:, rows, columns], inverse[:, rows, columns]

    def write(rows, columns, made):
        out[:, rows, columns] = made

    radius = float(LENS.coc_radius_px(inverse, 144).abs().max())
    follow = lambda done, count: steps.append((done, count))  # noqa: E731
    render_windows(renderer, LENS, 96, 144, read, write, radius, on_progress=follow)
    assert torch.allclose(out, renderer.render(light[None], inverse[None], LENS)[0], atol=1e-3)
    assert steps == sorted(steps) and all(done <= count for done, count in steps)


def test_the_physical_one_is_the_renderer_of_that_lens():
    light, inverse = world()
    expected = PhysicalRenderer(LENS)(light, 1 / inverse)
    assert torch.allclose(open_renderer().render(light, inverse, LENS), expected, atol=1e-6)


def test_names_and_files(tmp_path):
    tiny = create_model("cocnet-b3-less-lens", channels=[4, 8], groups=1, kernel_size=3)
    path = save_checkpoint(tiny, tmp_path / "tiny.safetensors", data="none")
    assert open_renderer(path).reads == {"depth", "lens"}
    with pytest.raises(InputError, match="try physical"):
        open_renderer("physicl")
    with pytest.raises(InputError, match="open_renderer"):
        NetworkRenderer(create_model("cocnet-hybrid", channels=[4], groups=1, filtered=1))
    with pytest.raises(InputError, match="try cocnet-hybrid"):
        HybridRenderer(tiny)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_network_that_gives_no_numbers_is_an_error(bad):
    """Saved, it would be a black picture."""
    network = create_model("dbsi")
    with torch.no_grad():
        list(network.parameters())[-1].fill_(bad)
    light = torch.rand(1, 3, 32, 32)
    with pytest.raises(InputError, match="expected numbers from dbsi, got NaN or infinity"):
        NetworkRenderer(network).render(light, torch.ones(1, 1, 32, 32), None)
