"""IFAN: its filters against plain loops, the parts that the paper counts, its loss."""

import pytest
import torch
from torch.nn import functional

from cocnet import create_model
from cocnet.networks.architectures.ifan import Encoder, adapted, filter_channels
from cocnet.networks.architectures.ifan_reblurring import (
    Reblurring,
    ifan_loss,
    moved_across,
    shrunk,
)


def count(module):
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.fixture
def draws():
    return torch.Generator().manual_seed(5)


def test_parts_have_the_sizes_of_the_published_network():
    model = create_model("ifan")
    with torch.device("meta"):
        reblurring = Reblurring(filter_channels(128), 128)
    assert count(model) == 10_476_996
    assert count(Encoder((32, 64, 128, 128))) == 923_520
    assert filter_channels(128) == 15_232 and filter_channels(3) == 357
    assert (count(model.disparity), count(model.filters)) == (1_329_409, 3_293_184)
    assert count(model.from_disparity) + count(model.filter_trunk) == 1_624_576
    assert count(reblurring) == 19_139_685


def naive(x, filters, published):
    """One iteration after the other, pixel by pixel."""
    _, c, h, w = x.shape
    count = filters.shape[1] // (7 * c)
    for n in range(count):
        part, bias = filters[0, 6 * c * n :], filters[:, 6 * c * count + c * n :][:, :c]
        for axis in (0, 1):
            before, after = x.clone(), torch.empty_like(x)
            for k in range(c):
                first = 3 * k if axis == 0 or published else 3 * c + 3 * k
                for i in range(h):
                    for j in range(w):
                        total = 0.0
                        for tap in (-1, 0, 1):
                            row = min(max(i + tap, 0), h - 1) if axis == 0 else i
                            column = min(max(j + tap, 0), w - 1) if axis == 1 else j
                            total += float(part[first + tap + 1, i, j]) * float(before[0, k, row, column])
                        after[0, k, i, j] = total
            x = after
        x = functional.leaky_relu(x + bias, 0.1)
    return x


@pytest.mark.parametrize("published", [False, True])
def test_adaptive_convolution_is_the_plain_loop(draws, published):
    x = torch.randn(1, 2, 4, 5, generator=draws)
    filters = torch.randn(1, 2 * 14, 4, 5, generator=draws)
    assert torch.allclose(adapted(x, filters, published), naive(x, filters, published), atol=1e-5)


def test_the_published_filtering_is_another(draws):
    x, filters = torch.randn(1, 2, 6, 6, generator=draws), torch.randn(1, 14, 6, 6, generator=draws)
    assert not torch.allclose(adapted(x, filters), adapted(x, filters, published=True), atol=1e-2)


@torch.no_grad()
def test_the_switch_is_kept_by_a_model_and_changes_its_picture(draws):
    torch.manual_seed(1)
    model = create_model("ifan-lite").eval()
    image = torch.rand(1, 3, 16, 24, generator=draws)
    right = model(image)
    model.published_filtering = True  # type: ignore[assignment]
    assert not torch.equal(right, model(image))
    assert create_model("ifan", published_filtering=True).published_filtering
    assert not create_model("ifan").published_filtering


@pytest.mark.parametrize("name", ["ifan-lite", "deblur-hybrid"])
@torch.no_grad()
def test_it_can_start_as_the_picture_itself(draws, name):
    model, image = create_model(name).eval(), torch.rand(1, 3, 11, 21, generator=draws)
    model.start_at_identity()
    assert torch.equal(model(image), image)


@torch.no_grad()
def test_a_view_moved_by_its_disparity_is_the_other(draws):
    right = torch.rand(1, 3, 8, 32, generator=draws)
    left = torch.cat([right[..., 2:], right[..., -1:].expand(-1, -1, -1, 2)], -1)
    assert torch.allclose(moved_across(right, torch.full((1, 1, 8, 32), 2.0)), left, atol=1e-5)
    assert torch.allclose(moved_across(right, torch.zeros(1, 1, 8, 32)), right, atol=1e-5)


@pytest.fixture
def trained_part(draws):
    torch.manual_seed(2)
    model = create_model("ifan-lite")
    width = model.disparity.first.in_channels
    blurred, sharp = (torch.rand(2, 3, 32, 32, generator=draws) for _ in range(2))
    return model, Reblurring(filter_channels(width), width), blurred, sharp


def test_pictures_without_two_views_have_no_disparity_term(trained_part, draws):
    model, reblurring, blurred, sharp = trained_part
    views = torch.rand(2, 2, 3, 32, 32, generator=draws)
    with torch.no_grad():
        none = ifan_loss(model, reblurring, blurred, sharp)
        masked = ifan_loss(model, reblurring, blurred, sharp, views, torch.tensor([False, False]))
        one = ifan_loss(model, reblurring, blurred, sharp, views, torch.tensor([False, True]))
    assert none.disparity is None and masked.disparity is None
    assert float(none.total()) == float(none.sharp + none.reblurred)
    with torch.no_grad():
        disparity = model.disparity_of(views[1:, 1])
    expected = functional.mse_loss(moved_across(shrunk(views[1:, 1]), disparity), shrunk(views[1:, 0]))
    assert float(one.disparity) == pytest.approx(float(expected))
    assert float(one.total()) == pytest.approx(float(none.total() + expected))


def test_every_weight_that_is_trained_gets_a_gradient(trained_part, draws):
    model, reblurring, blurred, sharp = trained_part
    views = torch.rand(2, 2, 3, 32, 32, generator=draws)
    ifan_loss(model, reblurring, blurred, sharp, views).total().backward()
    for module in (model, reblurring):
        for name, parameter in module.named_parameters():
            assert parameter.grad is not None and bool(parameter.grad.any()), name


@torch.no_grad()
def test_reblurring_without_filters_leaves_the_sharp_picture(draws):
    reblurring = Reblurring(14, 4)
    torch.nn.init.zeros_(reblurring.trunk.last.weight)
    torch.nn.init.zeros_(reblurring.trunk.last.bias)
    sharp = torch.rand(1, 3, 4, 5, generator=draws)
    assert torch.equal(reblurring(sharp, torch.rand(1, 14, 4, 5, generator=draws)), sharp)
