"""What a careful reader would doubt: baselines in the ball, NaN, ties, pixels in focus, cameras out of range."""

import pytest
import torch
from linear import Shade, Victim, batch

from cocnet.attacks import GDA, LensAttack, RandomSearch, SmoothGDA
from cocnet.attacks.pgd import PGDSettings, descend
from cocnet.attacks.random_numbers import RandomNumbers
from cocnet.errors import InputError
from cocnet.renderers import NearnessView, Physical, Setup


def test_the_baseline_stays_in_the_ball():
    image, depth, label = batch()
    depth = depth.clamp(0.3, 0.7)
    result = RandomSearch(GDA(0.1, 3, norm="l2"))(Shade(), Victim(lead=1e4), image, depth, label)
    assert (result.depth - depth).flatten(1).norm(dim=1).max() <= 0.1 + 1e-6


def test_random_cameras_are_even():
    attack = LensAttack()
    start = attack.origin(Shade(), torch.zeros(1, 1, 1, 1))
    numbers = RandomNumbers.of(0, 1, torch.device("cpu"))
    drawn = torch.cat([attack.draw(start, numbers) for _ in range(500)])
    assert ((drawn > 0) & (drawn < 1)).all() and (drawn.mean(0) - 0.5).abs().max() < 0.05


def test_smooth_random_depth_uses_its_budget():
    depth, attack = torch.full((1, 1, 64, 64), 0.5), SmoothGDA(0.1, 3)
    delta = attack.draw(torch.zeros_like(depth), RandomNumbers.of(0, 1, depth.device))
    change = (attack.moved(depth, delta) - depth).abs()
    assert 0.09 < change.max() <= 0.1 + 1e-6 and change.mean() > 0.05


def test_every_camera_of_the_range_is_rendered_as_it_is():
    camera = torch.tensor([[2.0, 1.4, 0.105]], requires_grad=True)
    image, depth = (
        torch.rand(1, 3, 32, 224, generator=torch.Generator().manual_seed(0)),
        torch.zeros(1, 1, 32, 224),
    )
    made = NearnessView(Physical())(image, depth, camera)
    free = NearnessView(Physical(), Setup(largest_radius=1.0))(image, depth, camera)
    assert torch.allclose(made, free, atol=1e-4)
    made.square().sum().backward()
    assert (camera.grad.abs() > 0).all()
    natural = LensAttack(0.0, 1)(
        NearnessView(Physical()), Victim(32, 1e4), image[..., :32], depth[..., :32], torch.tensor([0])
    )
    assert torch.allclose(
        natural.image, NearnessView(Physical())(image[..., :32], depth[..., :32]), atol=1e-5
    )


def test_a_camera_out_of_range_is_not_moved_into_it():
    class Fast(Shade):
        camera = torch.tensor([1.0, 0.95, 0.05])

    with pytest.raises(InputError, match="a wider CameraRange"):
        LensAttack()(Fast(), Victim(), *batch())


@pytest.mark.parametrize("attack", [GDA(0.1, 2), RandomSearch(GDA(0.1, 2))], ids=["gda", "random"])
def test_a_victim_of_nan_is_not_robust_but_refused(attack):
    image, depth, label = batch()
    with pytest.raises(InputError, match="only NaN for 3 of 3 photos"):
        attack(Shade(), lambda p: p.flatten(1)[:, :3] * torch.nan, image, depth, label)


def test_a_gradient_of_nan_counts_as_none():
    class Kink(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x.clone()

        @staticmethod
        def backward(ctx, grad):
            return grad * torch.nan

    image, depth, label = batch()
    found = GDA(0.1, 2)(Shade(), lambda p: Victim()(Kink.apply(p)), image, depth, label)
    assert found.zero_gradient.all()


@pytest.mark.parametrize(
    "start", [torch.rand(2, 3, 4, 4).half(), torch.rand(0, 3, 4, 4)], ids=["half", "none"]
)
def test_a_descent_starts_from_what_is_fine_enough(start):
    goal = torch.zeros(len(start), dtype=torch.int64)
    with pytest.raises(InputError, match="to start from"):
        descend(lambda x, rows: x, Victim(), start, goal, PGDSettings())


def test_nan_once_does_not_stay():
    (image, depth, label), victim, asked = batch(1), Victim(lead=5.0), []

    def sick(picture):
        asked.append(1)
        return victim(picture) * (torch.nan if len(asked) == 1 else 1.0)

    assert GDA(0.3, 5, early_stop=False)(Shade(), sick, image, depth, label + 1).margin.isfinite().all()


def test_a_tie_is_no_success():
    image, depth, _ = batch(1)
    tie = torch.tensor([[1.0, 1.0, 0.0]])
    result = GDA(0.1, 2)(Shade(), lambda p: tie + 0 * p.flatten(1)[:, :3], image, depth, torch.tensor([1]))
    assert not result.success.any()


def test_photos_do_not_depend_on_their_batch():
    image, depth, label = batch(4)
    for attack in (GDA(0.02, 3, early_stop=False, restarts=2), RandomSearch(GDA(0.02, 3))):
        whole = attack(Shade(), Victim(lead=1e4), image, depth, label).depth
        rows = [(image[k : k + 1], depth[k : k + 1], label[k : k + 1]) for k in range(4)]
        alone = torch.cat([attack(Shade(), Victim(lead=1e4), *row).depth for row in rows])
        assert torch.allclose(whole, alone)


def test_pixels_in_focus_are_attacked_too():
    image = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    depth = torch.ones(1, 1, 32, 32)
    depth[..., 16:] = torch.linspace(0.2, 0.8, 16)
    attack = GDA(0.02, 5, early_stop=False, loss="margin")
    result = attack(NearnessView(Physical()), Victim(32, 1e4), image, depth, torch.tensor([0]))
    assert (result.depth - depth)[..., :12].abs().max() > 0
