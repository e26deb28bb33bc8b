"""The oracles on a GPU: what the CPU gives within 1e-4, gradients, tiles, networks; one that is not there is told."""

from typing import Any

import numpy as np
import pytest
import torch
from linear import Shade, Victim, batch
from scenes import SCENES, inverse_of, lens_of, load

from cocnet import Highlights, InputError, PhysicalRenderer, RenderOptions, create_model, render, render_tiled
from cocnet.apps.cli.main import main
from cocnet.attacks import GDA
from cocnet.compute import strict_float32
from cocnet.imaging import write_photo
from cocnet.renderers import HybridRenderer, NetworkRenderer
from cocnet.rendering.reference import reference

GPU = "cuda"
NETWORKS = ["cocnet-b3-less", "cocnet-b3-less-depth", "cocnet-b3-less-lens", "dbsi", "dmshn"]


@pytest.fixture
def gpu():
    if not torch.cuda.is_available():
        pytest.skip("PyTorch finds no GPU with CUDA here")
    return torch.device(GPU)


def world(height=96, width=144):
    """Noise, a near disc before a slanted plane; radii up to 12 px."""
    made = torch.Generator().manual_seed(7)
    light = torch.rand(1, 3, height, width, generator=made)
    x = torch.linspace(-2, 12, width).expand(1, 1, height, width).clone()
    rows, columns = torch.arange(height)[:, None], torch.arange(width)
    x[..., (rows - height // 2) ** 2 + (columns - width // 2) ** 2 < 24**2] = -9.0
    return light, x, inverse_of(lens_of(), x, width)


@pytest.mark.cuda
@pytest.mark.parametrize(
    "options", [{}, {"mode": "eq8"}, {"highlights": Highlights()}, {"preview": True}, {"sharp_lights": True}]
)
@pytest.mark.parametrize(
    "lens", [{}, {"blades": 6}, {"cat_eye": 0.5}, {"axial_ca": 0.05}, {"lateral_ca": 0.003}]
)
def test_the_physical_renderer_is_the_cpus(gpu, lens, options):
    light, _, inverse = world()
    renderer = PhysicalRenderer(lens_of(**lens), **options)
    light[..., 10:14, 20:24] = 3.0
    with strict_float32(gpu), torch.no_grad():
        found = renderer.from_inverse_depth(light.to(gpu), inverse.to(gpu))
        expected = renderer.from_inverse_depth(light, inverse)
    assert found.device.type == gpu.type and torch.allclose(found.cpu(), expected, atol=1e-4)


@pytest.mark.cuda
def test_the_physical_renderer_is_its_reference(gpu):
    light, x, inverse = world()
    light = torch.nn.functional.avg_pool2d(light, 9, 1, 4)
    with torch.no_grad():
        found = PhysicalRenderer(lens_of()).from_inverse_depth(light.to(gpu), inverse.to(gpu)).cpu()
    slow = reference(light, x, lens_of(), samples_px=6)
    assert float(-10 * (found - slow).square().mean().log10()) > 36


@pytest.mark.cuda
def test_gradients_are_the_cpus(gpu):
    light, _, inverse = world()
    weights = torch.rand(light.shape, generator=torch.Generator().manual_seed(1))
    found = []
    for place in (torch.device("cpu"), gpu):
        inputs = [t.to(place).requires_grad_() for t in (light, inverse)]
        with strict_float32(place):
            made = PhysicalRenderer(lens_of()).from_inverse_depth(*inputs)
            found.append([g.cpu() for g in torch.autograd.grad((made * weights.to(place)).sum(), inputs)])
    for ours, theirs in zip(*found, strict=True):
        assert float((ours - theirs).norm() / theirs.norm()) < 1e-3


@pytest.mark.cuda
@torch.no_grad()
def test_tiles_are_the_whole(gpu):
    light, x, inverse = (t.to(gpu) for t in world(240, 400))
    renderer = PhysicalRenderer(lens_of(), sharp_lights=True)
    inverse = inverse_of(lens_of(), x, 400)
    whole, out = renderer.from_inverse_depth(light, inverse)[0], torch.full_like(light[0], torch.nan)

    def write(rows, columns, made):
        out[:, rows, columns] = made

    render_tiled(
        renderer,
        *(240, 400),
        lambda rows, columns: (light[0, :, rows, columns], inverse[0, :, rows, columns]),
        write,
        float(x.abs().max()),
        max_mem_mb=24,
    )
    assert float((out - whole).abs().max()) < 1e-3


@pytest.mark.cuda
@torch.no_grad()
@pytest.mark.parametrize("name", NETWORKS)
def test_networks_are_the_cpus(gpu, name):
    light, _, inverse = world(96, 144)
    renderer = NetworkRenderer(create_model(name).eval())
    with strict_float32(gpu):
        expected = renderer.render(light, inverse, lens_of())
        renderer.network.to(gpu)
        found = renderer.render(light.to(gpu), inverse.to(gpu), lens_of())
    assert torch.allclose(found.cpu(), expected, atol=1e-4)


@pytest.mark.cuda
@torch.no_grad()
def test_the_hybrid_and_its_tiles_are_the_cpus(gpu):
    image, depth, _, lens = load(SCENES[0])
    network: Any = create_model("cocnet-hybrid").eval()
    renderer = HybridRenderer(network)
    for parameter in network.phi.parameters():
        torch.nn.init.normal_(parameter, std=0.02, generator=torch.Generator().manual_seed(0))
    with strict_float32(gpu):
        expected = renderer.render(image, 1 / depth, lens)
        network.to(gpu)
        network.tile_px, network.margin_px = 64, network.config.margin
        found = renderer.render(image.to(gpu), 1 / depth.to(gpu), lens)
    assert float((expected - image).abs().max()) > 0.01
    assert torch.allclose(found.cpu(), expected, atol=1e-3)


@pytest.mark.cuda
def test_an_attack_stays_in_its_bounds(gpu):
    image, depth, label = (t.to(gpu) for t in batch())
    victim = Victim()
    victim.weight = victim.weight.to(gpu)
    result = GDA(0.02, 4)(Shade(), victim, image, depth, label)
    assert result.depth.device.type == gpu.type
    assert float((result.depth - depth).abs().max()) <= 0.02 + 1e-6


@pytest.mark.cuda
@pytest.mark.parametrize("model", [None, "cocnet-hybrid", "cocnet-b3-less-depth"])
def test_a_photo_is_the_cpus(gpu, model):
    pixels = np.random.default_rng(0).integers(0, 256, (96, 128, 3), dtype=np.uint8)
    depth = np.linspace(1, 4, 128, dtype=np.float32)[None].repeat(96, 0)
    options = RenderOptions(focus_m=1.5, grain="off", model=model)
    one = render(pixels, depth, options).pixels.astype(int)
    other = render(pixels, depth, options, device=GPU).pixels.astype(int)
    assert np.abs(one - other).max() <= 1


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
@pytest.mark.parametrize("command", ["render", "batch", "video", "attack"])
def test_a_gpu_that_is_not_there_is_told_in_one_line(command, tmp_path, capsys):
    photo = tmp_path / "in" / "one.png"
    photo.parent.mkdir()
    write_photo(photo, np.full((64, 64, 3), 90, np.uint8))
    given = {
        "render": [str(photo), "--out", str(tmp_path / "out.png")],
        "batch": [str(photo.parent), "--out", str(tmp_path / "out"), "--workers", "1"],
        "video": [str(photo.parent), "--out", str(tmp_path / "out.mp4")],
        "attack": [str(photo), "--out", str(tmp_path / "out.png")],
    }[command]
    code = main([command, *given, "--device", "cuda"])
    said = capsys.readouterr()
    lines = [line for line in (said.err + said.out).splitlines() if "expected a device that is there" in line]
    assert code == 1 and lines and all("try cpu" in line for line in lines)
    assert not (tmp_path / "out.png").exists() and not (tmp_path / "out.mp4").exists()


def test_a_device_of_another_name():
    with pytest.raises(InputError, match="expected a device that is there, got 'gpu'"):
        render(np.zeros((32, 32, 3), np.uint8), np.ones((32, 32), np.float32), device="gpu")
