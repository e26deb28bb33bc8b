"""Every network in one table: its size, its call, its gradients, its checkpoint."""

from dataclasses import dataclass
from functools import lru_cache

import pytest
import torch

from cocnet import create_model, list_models, load_model, save_checkpoint
from cocnet.errors import DepthError, InputError
from cocnet.networks import card_of


@dataclass(frozen=True)
class Row:
    name: str
    parameters: int
    size_multiple: int
    conditioning: str = "none"
    needs: str | None = None
    physical: bool = False


ROWS = [
    Row("brvit", 123_147_051, 32, needs="timm"),
    Row("cocnet-b2", 5_177_604, 16),
    Row("cocnet-b2-lens", 5_177_892, 16, "lens"),
    Row("cocnet-b2-less", 1_367_508, 16),
    Row("cocnet-b2-less-lens", 1_367_652, 16, "lens"),
    Row("cocnet-b3", 7_337_796, 16),
    Row("cocnet-b3-depth", 7_607_643, 16, "depth"),
    Row("cocnet-b3-less-depth", 2_044_299, 16, "depth"),
    Row("cocnet-b3-dir", 7_071_081, 16),
    Row("cocnet-b3-lens", 7_338_084, 16, "lens"),
    Row("cocnet-b3-less", 1_908_468, 16),
    Row("cocnet-b3-less-lens", 1_908_612, 16, "lens"),
    Row("cocnet-hybrid", 493_352, 8, "lens", physical=True),
    Row("dbsi", 1_946_980, 8),
    Row("deblur-hybrid", 1_625_600, 8),
    Row("dmshn", 5_424_393, 16),
    Row("dmshn-stacked", 10_848_786, 16),
    Row("ifan", 10_476_996, 8),
    Row("ifan-lite", 660_084, 8),
    Row("mpfnet", 6_123_864, 16),
    Row("pynet", 47_551_791, 64, "depth"),
]


@lru_cache(maxsize=1)
def model_of(name):
    """One model at a time is kept, in eval mode: the rows come model by model."""
    torch.manual_seed(3)
    model = create_model(name).eval()
    if card_of(name).physical:
        for phi in model.phi:
            torch.nn.init.normal_(phi.weight, std=0.1)  # untrained, it is its third input
    return model


@pytest.fixture(params=ROWS, ids=lambda row: row.name, scope="module")
def row(request):
    if request.param.needs:
        pytest.importorskip(request.param.needs)
    return request.param


def inputs(row, height, width, grad=False):
    random = torch.Generator().manual_seed(height * width)
    image = torch.rand(1, 3, height, width, generator=random).requires_grad_(grad)
    depth = torch.rand(1, 1, height, width, generator=random).requires_grad_(grad)
    physical = torch.rand(1, 3, height, width, generator=random).requires_grad_(grad)
    given = (image,) if row.conditioning == "none" else (image, depth)
    return (*given, physical) if row.physical else given


def test_every_registered_name_has_its_row():
    assert [card.name for card in list_models()] == sorted(row.name for row in ROWS)


def test_card_and_parameters(row):
    card = card_of(row.name)
    assert (card.size_multiple, card.conditioning) == (row.size_multiple, row.conditioning)
    assert card.physical == row.physical
    counted = sum(parameter.numel() for parameter in model_of(row.name).parameters())
    assert counted == row.parameters
    if card.published_parameters is not None:
        assert abs(counted / 1e6 - card.published_parameters) < 0.01  # some papers round, some cut off


def test_odd_size_is_kept_and_gradients_flow(row):
    given = inputs(row, 37, 53, grad=True)
    out = model_of(row.name)(*given)
    assert out.shape == (1, 3, 37, 53) and bool(out.isfinite().all())
    for tensor, gradient in zip(given, torch.autograd.grad(out.square().sum(), given), strict=True):
        assert gradient.shape == tensor.shape and bool(gradient.isfinite().all()) and bool(gradient.any())


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 20), (20, 1)])
@torch.no_grad()
def test_row_16_tiny_pictures_and_the_same_again(row, height, width):
    given = inputs(row, height, width)
    out = model_of(row.name)(*given)
    assert out.shape == (1, 3, height, width) and bool(out.isfinite().all())
    assert torch.equal(out, model_of(row.name)(*given))


@torch.no_grad()
def test_pictures_of_a_batch_do_not_see_each_other(row):
    given = [torch.cat([tensor, tensor.flip(-1)]) for tensor in inputs(row, 9, 7)]
    alone = model_of(row.name)(*(tensor[:1] for tensor in given))
    assert torch.allclose(model_of(row.name)(*given)[:1], alone, atol=1e-5)


@torch.no_grad()
def test_checkpoint_round_trip(row, tmp_path):
    model, path = model_of(row.name), tmp_path / "net.safetensors"
    save_checkpoint(model, path)
    again = load_model(path)
    path.unlink()
    assert not again.training and again.name == row.name
    after = again.state_dict()
    assert all(torch.equal(tensor, after[name]) for name, tensor in model.state_dict().items())
    assert [p.requires_grad for p in model.parameters()] == [p.requires_grad for p in again.parameters()]
    given = inputs(row, 5, 6)
    assert torch.equal(model(*given), again(*given))


def test_bad_calls(row):
    model = model_of(row.name)
    for image in (torch.rand(3, 8, 8), torch.rand(1, 1, 8, 8), torch.zeros(1, 3, 8, 8).long()):
        with pytest.raises(InputError, match="expected image"):
            model(image)
    with pytest.raises(InputError, match="expected image"):
        model(torch.rand(1, 3, 0, 8))
    if row.conditioning == "none":
        return
    with pytest.raises(DepthError, match="expected a depth map for"):
        model(torch.rand(1, 3, 8, 8))
    with pytest.raises(DepthError, match="expected depth"):
        model(torch.rand(1, 3, 8, 8), torch.rand(1, 1, 8, 9))
