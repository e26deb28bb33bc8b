"""The losses of relative disparity: what doesn't count, what does, and which way gradients push."""

import pytest
import torch

from cocnet.training.engine.disparity_losses import disparity_loss, order_loss


def planes(seed=0):
    generator = torch.Generator().manual_seed(seed)
    target = torch.rand(2, 1, 16, 24, generator=generator)
    return target, torch.ones_like(target)


def test_scale_and_shift_cost_little_and_shape_much():
    target, known = planes()
    exact = disparity_loss(target, target, known)
    moved = disparity_loss(1.1 * target - 0.05, target, known)
    other = disparity_loss(planes(1)[0], target, known)
    assert float(exact) == pytest.approx(0, abs=1e-6)
    assert float(moved) < 0.15 * float(other) and float(disparity_loss(1 - target, target, known)) > float(
        other
    )


def test_a_wrong_scale_alone_still_costs_something():
    target, known = planes()
    assert float(disparity_loss(5 * target, target, known)) - float(disparity_loss(target, target, known)) > 0


def test_what_is_not_known_does_not_count():
    target, known = planes()
    known[..., 8:] = 0
    wrong = target.clone()
    wrong[..., 8:] = 50
    assert float(disparity_loss(wrong, target, known)) == pytest.approx(0, abs=1e-6)
    assert torch.isfinite(disparity_loss(wrong, target, torch.zeros_like(known)))


def test_edges_that_are_smeared_cost_more_than_ones_that_are_there():
    target = torch.zeros(1, 1, 16, 16)
    target[..., 8:] = 1
    smeared = torch.nn.functional.avg_pool2d(target, 5, 1, 2, count_include_pad=False)
    assert float(disparity_loss(smeared, target, torch.ones_like(target))) > 0.1


def subject(height=16, width=16):
    mask = torch.zeros(1, 1, height, width)
    mask[..., 4:10, 5:11] = 1
    return mask


def test_the_subject_is_pushed_forward_and_the_background_back():
    mask = subject()
    disparity = torch.full_like(mask, 0.5).requires_grad_()
    order_loss(disparity, torch.full_like(mask, 0.5), mask, pairs=4000).backward()
    grad = disparity.grad
    assert (grad[mask > 0.5] < 0).all()
    above = torch.zeros_like(mask, dtype=torch.bool)
    above[..., :4, :] = True
    assert (grad[above] > 0).all()
    assert (grad[..., 10:, :] == 0).all()  # below the subject there may be ground in front


def test_a_clear_target_is_believed_against_the_mask():
    mask = subject()
    target = 1 - mask
    right, wrong = order_loss(target, target, mask), order_loss(mask, target, mask)
    assert float(right) < 1e-3 < float(wrong)


def test_without_a_subject_there_is_no_order():
    nothing = torch.zeros(1, 1, 8, 8)
    assert float(order_loss(nothing, nothing, nothing)) == 0
