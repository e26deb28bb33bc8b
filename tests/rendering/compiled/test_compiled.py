"""Compiled loops give what the reference gives."""

import os
import signal
import subprocess
import sys

import pytest
import torch
from torch import Tensor

from cocnet import PhysicalRenderer, ThinLens
from cocnet.rendering.compiled import kernels, usable
from cocnet.rendering.compiled.jit import bands, in_threads, jit

LENS = ThinLens(0.05, 1.4, 2.0, 0.036)


def scene(height: int, width: int, channels: int = 3, batch: int = 1) -> tuple[Tensor, Tensor]:
    """Light up to 1 and inverse depth: sloping ground, discs in front of and behind the focus at 2 m, noise."""
    made = torch.Generator().manual_seed(height)
    image = torch.rand(batch, channels, height, width, generator=made)
    inverse = torch.linspace(0.9, 0.2, height)[:, None].expand(batch, 1, height, width).clone()
    rows, columns = torch.arange(height)[:, None], torch.arange(width)
    for n in range(8):
        v, u, r, z = torch.rand(4, generator=made).tolist()
        inside = (rows - v * height).square() + (columns - u * width).square() < (0.25 * r * height) ** 2
        inverse[n % batch, :, inside] = 1.5 * z
    return image, inverse


@pytest.fixture
def both(monkeypatch: pytest.MonkeyPatch):
    """Render with the reference, then with compiled loops."""

    def render(renderer: PhysicalRenderer, image: Tensor, inverse: Tensor) -> tuple[Tensor, Tensor]:
        with torch.inference_mode():
            monkeypatch.setenv("COCNET_COMPILED", "0")
            reference = renderer.from_inverse_depth(image, inverse)
            monkeypatch.delenv("COCNET_COMPILED")
            assert usable(image)
            return reference, renderer.from_inverse_depth(image, inverse)

    return render


RENDERERS = {
    "defaults": PhysicalRenderer(LENS),
    "wide open": PhysicalRenderer(ThinLens(0.085, 1.2, 2.0, 0.036)),
    "nearly sharp": PhysicalRenderer(ThinLens(0.05, 16.0, 2.0, 0.036)),
    "five blades": PhysicalRenderer(ThinLens(0.05, 1.4, 2.0, 0.036, blades=5, blade_rotation_rad=0.3)),
    "cat's eye": PhysicalRenderer(ThinLens(0.05, 1.4, 2.0, 0.036, cat_eye=0.5)),
    "axial aberration": PhysicalRenderer(ThinLens(0.05, 1.4, 2.0, 0.036, axial_ca=0.01)),
    "preview": PhysicalRenderer(LENS, preview=True),
    "large spots at full scale": PhysicalRenderer(LENS, sharp_lights=True),
    "bounded radius": PhysicalRenderer(LENS, max_radius_px=6),
}


@pytest.mark.parametrize("name", RENDERERS)
@pytest.mark.parametrize("size", [(96, 160), (77, 51)])
def test_equals_the_reference(both, name: str, size: tuple[int, int]) -> None:
    reference, found = both(RENDERERS[name], *scene(*size))
    assert (reference - found).abs().max() < 1e-5
    assert name == "nearly sharp" or (reference - scene(*size)[0]).abs().mean() > 0.02


def test_equals_the_reference_on_batches_and_lights(both) -> None:
    image, inverse = scene(64, 80, batch=2)
    reference, found = both(RENDERERS["defaults"], image, inverse)
    assert (reference - found).abs().max() < 1e-5
    image[0, :, 20:24, 30:33] = 30.0
    reference, found = both(RENDERERS["defaults"], image[:1], inverse[:1])
    assert reference.max() > 1.5
    assert (reference - found).abs().max() < 1e-5 * 30


@pytest.mark.parametrize("height", [1, 2, 3])
def test_pictures_of_a_few_pixels(both, height: int) -> None:
    reference, found = both(RENDERERS["defaults"], *scene(height, 9))
    assert (reference - found).abs().max() < 1e-5


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_any_number_of_threads_gives_the_same(threads: int) -> None:
    image, inverse = scene(150, 140)
    before = torch.get_num_threads()
    pictures = []
    try:
        for count in (1, threads):
            torch.set_num_threads(count)
            with torch.inference_mode():
                pictures.append(RENDERERS["defaults"].from_inverse_depth(image, inverse))
    finally:
        torch.set_num_threads(before)
    assert torch.equal(*pictures)


def test_what_needs_the_reference() -> None:
    light = torch.rand(1, 3, 8, 8)
    assert usable(light)
    assert not usable(light.double())
    assert not usable(light.to("meta"))
    asked = light.clone().requires_grad_()
    assert not usable(light, asked)
    with torch.no_grad():
        assert usable(light, asked)
    assert not torch.func.vmap(lambda t: torch.tensor(float(usable(t))))(light[0]).any()


def test_gradients_flow_as_before() -> None:
    image, inverse = scene(24, 32)
    depth = inverse.requires_grad_()
    RENDERERS["defaults"].from_inverse_depth(image, depth).square().sum().backward()
    assert depth.grad is not None and depth.grad.abs().max() > 0


def test_without_a_folder_for_machine_code_each_process_compiles(monkeypatch: pytest.MonkeyPatch) -> None:
    import numba

    whole = numba.njit

    def refusing(*args, **options):
        if options.pop("cache", False):
            raise RuntimeError("cannot cache function")
        return whole(*args, **options)

    monkeypatch.setattr(numba, "njit", refusing)
    assert jit(lambda a: a + 1)(2) == 3


def test_a_forked_process_starts_threads_of_its_own() -> None:
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        in_threads(lambda a: a, [(1,), (2,)])
        child = os.fork()
        if child == 0:
            in_threads(lambda a: a, [(1,), (2,)])
            os._exit(7)
        signal.signal(signal.SIGALRM, lambda *_: os.kill(child, signal.SIGKILL))
        signal.alarm(20)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    finally:
        signal.alarm(0)
        torch.set_num_threads(before)


def test_bands_cover_all_rows_once() -> None:
    for length, multiple in ((1, 1), (64, 1), (65, 1), (300, 128), (130, 16)):
        found = bands(length, multiple)
        assert [row for a, b in found for row in range(a, b)] == list(range(length))
        assert all(a % multiple == 0 for a, _ in found)


def test_an_error_in_a_thread_is_raised() -> None:
    before = torch.get_num_threads()
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            with pytest.raises(ZeroDivisionError):
                in_threads(lambda a: 1 / a, [(1,), (0,)])
    finally:
        torch.set_num_threads(before)


def test_a_warm_up_leaves_nothing_to_compile() -> None:
    kernels().warm()
    from cocnet.rendering.compiled import codes, hidden, march, mixture, outline, pool, scale

    loops = [
        loop
        for module in (codes, hidden, march, mixture, outline, pool, scale)
        for name, loop in vars(module).items()
        if hasattr(loop, "signatures") and not name.startswith("_")
        if loop.py_func.__module__ == module.__name__
    ]
    before = [len(f.signatures) for f in loops]
    assert min(before) > 0
    with torch.inference_mode():
        for renderer in RENDERERS.values():
            renderer.from_inverse_depth(*scene(96, 160))
    assert [len(f.signatures) for f in loops] == before


def test_any_memory_layout(both) -> None:
    image, inverse = scene(64, 80)
    expected, _ = both(RENDERERS["defaults"], image, inverse)
    apart = inverse.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2)
    turned = image.transpose(2, 3).contiguous().transpose(2, 3)
    for light in (image.contiguous(memory_format=torch.channels_last), turned):
        assert not light.is_contiguous()
        _, found = both(RENDERERS["defaults"], light, apart)
        assert (expected - found).abs().max() < 1e-5


def test_compiling_leaves_the_process_s_streams_alone() -> None:
    """Numba's coloured messages exchange sys.stderr, which another thread may have redirected meanwhile."""
    program = (
        "from cocnet.rendering.compiled import kernels\n"
        "kernels()\n"
        "from numba.core import errors\n"
        "assert not hasattr(errors, 'ColorShell')\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
