"""Per-pixel convolution: the fast forms are the plain one, forward and backward, and store no kernels."""

import pytest
import torch
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.checkpoint import checkpoint

from cocnet.errors import InputError
from cocnet.networks.layers import local_filter as module
from cocnet.networks.layers.difference_filter import difference_filter
from cocnet.networks.layers.local_filter import local_filter_reference, predicted_filter

SIDE = 11


@pytest.fixture
def thin_strips(monkeypatch):
    """Four rows at a time, so that small pictures have many strips."""
    monkeypatch.setattr(module.strips, "__defaults__", (1,))


def given(b=2, c=3, n=4, h=9, w=7, side=3, dtype=torch.float64):
    made = torch.Generator().manual_seed(3)
    shapes = (b, c, h, w), (b, n, h, w), (c * side**2, n, 1, 1), (c * side**2,)
    return [torch.randn(s, generator=made, dtype=dtype).requires_grad_() for s in shapes]


def plain(image, features, weight, bias, beside=None):
    seen = image if beside is None else torch.cat([image, beside.expand_as(image)], 1)
    kernels = functional.conv2d(features, weight, bias)
    filtered = local_filter_reference(seen, kernels.unflatten(1, (seen.shape[1], -1)))
    return filtered.unflatten(1, (-1, image.shape[1])).sum(1)


def given_beside(b=2, c=3, n=4, h=9, w=7, side=3, dtype=torch.float64):
    """With a plane that all channels are filtered with."""
    image, features, _, _ = given(b, c, n, h, w, side, dtype)
    made = torch.Generator().manual_seed(4)
    shapes = (2 * c * side**2, n, 1, 1), (2 * c * side**2,), (b, 1, h, w)
    return [image, features, *(torch.randn(s, generator=made, dtype=dtype).requires_grad_() for s in shapes)]


def test_reference_by_hand():
    image = torch.arange(12.0).view(1, 1, 3, 4)
    kernels = torch.zeros(1, 1, 9, 3, 4)
    kernels[:, :, 5] = 1  # the tap one to the right
    expected = torch.tensor([[1.0, 2, 3, 3], [5, 6, 7, 7], [9, 10, 11, 11]])
    assert torch.equal(local_filter_reference(image, kernels)[0, 0], expected)
    kernels[:] = 1 / 9
    assert torch.allclose(local_filter_reference(torch.ones(1, 1, 3, 4), kernels), torch.ones(1, 1, 3, 4))


@pytest.mark.parametrize("images", [1, 2])
def test_differences_equal_reference(images, monkeypatch):
    made = torch.Generator().manual_seed(2)
    seen = torch.rand(2, images, 3, 6, 7, generator=made, dtype=torch.float64).requires_grad_()
    base = torch.rand(2, 3, 6, 7, generator=made, dtype=torch.float64).requires_grad_()
    kernels = torch.randn(2, images * 9, 6, 7, generator=made, dtype=torch.float64).requires_grad_()
    expected = -kernels.sum(1, keepdim=True) * base
    for i in range(images):
        shared = kernels[:, 9 * i : 9 * i + 9].unsqueeze(1).expand(-1, 3, -1, -1, -1)
        expected = expected + local_filter_reference(seen[:, i], shared)
    assert torch.allclose(difference_filter(seen, base, kernels), expected)
    assert torch.autograd.gradcheck(difference_filter, (seen, base, kernels))
    assert torch.autograd.gradcheck(difference_filter, (seen.detach(), base.detach(), kernels))
    plain = difference_filter(seen, base, kernels)
    monkeypatch.setattr(torch.compiler, "is_compiling", lambda: True)
    assert torch.allclose(difference_filter(seen, base, kernels), plain)


@pytest.mark.parametrize("make", [given, given_beside])
@pytest.mark.parametrize("shape", [(2, 3, 16, 40, 24), (1, 6, 5, 17, 3), (1, 3, 8, 1, 1)])
@pytest.mark.usefixtures("thin_strips")
def test_predicted_equals_reference(shape, make):
    b, c, n, h, w = shape
    inputs = make(b, c, n, h, w, SIDE, torch.float32)
    pairs = []
    for filtered in (predicted_filter, plain):
        out = filtered(*inputs)
        pairs.append([out, *torch.autograd.grad(out.square().sum(), inputs)])
    for fast, slow in zip(*pairs, strict=True):
        assert torch.allclose(fast, slow, rtol=1e-5, atol=1e-5 * slow.abs().max().item())


@pytest.mark.parametrize("make", [given, given_beside])
@pytest.mark.usefixtures("thin_strips")
def test_gradcheck(make):
    inputs = make(1, 3, 2, 5, 3)
    assert torch.autograd.gradcheck(predicted_filter, inputs)


@pytest.mark.parametrize("make", [given, given_beside])
def test_only_what_is_asked_for_gets_a_gradient(make):
    for i in range(len(make())):
        inputs = make()
        inputs[i].requires_grad_(False)
        predicted_filter(*inputs).sum().backward()
        assert inputs[i].grad is None
        assert all(bool(x.grad.any()) for x in inputs[:i] + inputs[i + 1 :])


def test_gradients_of_gradients():
    inputs = given(1, 3, 2, 4, 3)
    assert torch.autograd.gradgradcheck(predicted_filter, inputs)
    inputs[0].requires_grad_(False)
    assert torch.autograd.gradgradcheck(predicted_filter, inputs)
    assert torch.autograd.gradgradcheck(predicted_filter, given_beside(1, 2, 2, 4, 3))
    seen, base, kernels = (
        torch.rand(s, dtype=torch.float64) for s in ((1, 1, 3, 4, 3), (1, 3, 4, 3), (1, 9, 4, 3))
    )
    assert torch.autograd.gradgradcheck(
        difference_filter, [x.requires_grad_() for x in (seen, base, kernels)]
    )


@pytest.mark.parametrize("reentrant", [False, True])
def test_checkpointed_gradients_are_the_same(reentrant):
    found = []
    for call in (predicted_filter, lambda *x: checkpoint(predicted_filter, *x, use_reentrant=reentrant)):
        inputs = given()
        call(*inputs).square().sum().backward()
        found.append([x.grad for x in inputs])
    assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))


class Largest(TorchDispatchMode):
    """The largest tensor that any operation makes, in elements."""

    def __init__(self):
        super().__init__()
        self.seen = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        for x in out if isinstance(out, (tuple, list)) else [out]:
            if isinstance(x, torch.Tensor):
                self.seen = max(self.seen, x.numel())
        return out


@pytest.mark.usefixtures("thin_strips")
def test_no_kernels_of_the_whole_picture():
    inputs = given(1, 3, 4, 64, 8, SIDE, torch.float32)
    largest = Largest()
    saved = []
    hooks = torch.autograd.graph.saved_tensors_hooks(lambda x: saved.append(x.numel()) or x, lambda x: x)
    with largest, hooks:
        out = predicted_filter(*inputs)
    with largest:
        out.sum().backward()
    kernels = 3 * SIDE**2 * 64 * 8
    assert largest.seen <= kernels / 8, "a strip of 4 rows of 64, with margins"
    assert sum(saved) < kernels / 16, "image and features are all that is kept"


def test_autocast_keeps_the_precision():
    inputs = given(1, 3, 4, 9, 7, 3, torch.float32)
    expected = predicted_filter(*inputs)
    with torch.autocast("cpu", torch.bfloat16):
        out = predicted_filter(*inputs)
    assert out.dtype == torch.float32 and torch.equal(out, expected)


def test_wrong_shapes_are_named():
    image, features, weight, bias = given()
    with pytest.raises(InputError, match="k odd"):
        predicted_filter(image, features, weight[:12], bias[:12])
    with pytest.raises(InputError, match=r"weight \[c·k² 3 1 1\]"):
        predicted_filter(image, features[:, :3], weight, bias)
    with pytest.raises(InputError, match="of its size"):
        difference_filter(image[:, None], image, torch.zeros(2, 9, 9, 8))
    for base, taps in ((image[:, :1], 9), (image[..., 1:], 9), (image, 19)):
        with pytest.raises(InputError, match="expected images"):
            difference_filter(torch.stack([image, image], 1), base, torch.zeros(2, taps, 9, 7))
