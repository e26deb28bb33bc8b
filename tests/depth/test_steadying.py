"""Depth steadied over a film: flicker goes, motion stays, scale is locked, a cut is seen."""

import itertools

import numpy as np
import pytest
import torch

from cocnet.depth.motion import moved, unchanged
from cocnet.depth.steadying import Moment, is_cut, steadied

RNG = np.random.default_rng(3)
TEXTURE = RNG.random((3, 64, 96)).astype(np.float32)
BLANK = np.zeros((64, 96), np.float32)


def smooth(picture):
    return torch.nn.functional.avg_pool2d(torch.from_numpy(picture)[None], 3, 1, 1)[0].numpy()


PICTURE = smooth(TEXTURE)
STEP = np.where(np.arange(96) < 40, 1.0, 0.2)[None].repeat(64, 0).astype(np.float32)


def moment(inverse, picture=PICTURE):
    return Moment(picture, np.asarray(inverse, np.float32), BLANK)


def test_what_stands_still_is_steadied():
    frames = [STEP + 0.05 * RNG.standard_normal(STEP.shape).astype(np.float32) for _ in range(12)]
    held, own, steady = moment(frames[0]), [], []
    for before, frame in itertools.pairwise(frames):
        found = steadied(held, moment(frame), 1 / 24)
        own.append(np.abs(frame - before).mean())
        steady.append(np.abs(found.inverse - held.inverse).mean())
        held = found
    assert np.mean(steady) < 0.15 * np.mean(own)
    assert np.abs(held.inverse - STEP).mean() < 0.04


def test_scale_and_shift_are_locked_and_dont_shrink():
    held = moment(STEP)
    for n in range(20):
        scale, shift = 1 + 0.3 * np.sin(n), 0.1 * np.cos(2 * n)
        noise = 0.05 * RNG.standard_normal(STEP.shape)
        held = steadied(held, moment(scale * STEP + shift + noise), 1 / 24)
    assert held.inverse[:, :36].mean() - held.inverse[:, 44:].mean() == pytest.approx(0.8, abs=0.08)
    assert held.inverse.mean() == pytest.approx(STEP.mean(), abs=0.05)


def test_depth_moves_with_the_picture():
    held = moment(STEP)
    for n in range(1, 6):
        picture, depth = np.roll(PICTURE, 4 * n, 2), np.roll(STEP, 4 * n, 1)
        held = steadied(held, moment(depth, picture), 1 / 24)
    assert np.abs(held.inverse - np.roll(STEP, 20, 1))[:, 24:].mean() < 0.01


@pytest.mark.parametrize(("down", "right"), [(0, 0), (3, -5), (-8, 12)])
def test_motion_is_found(down, right):
    now = np.roll(PICTURE, (down, right), (1, 2))
    planes = torch.from_numpy(np.concatenate([PICTURE, STEP[None]]))
    found = moved(planes, torch.from_numpy(now))[3].numpy()
    inner = (slice(16, -16), slice(16, -16))
    assert (np.abs(found - np.roll(STEP, (down, right), (0, 1)))[inner] < 1e-6).mean() > 0.97


def test_where_the_picture_is_another_nothing_is_kept():
    other = moment(0.5 * np.ones_like(STEP), 1 - PICTURE)
    assert float(unchanged(torch.from_numpy(PICTURE), torch.from_numpy(1 - PICTURE)).mean()) < 0.3
    assert np.abs(steadied(moment(STEP), other, 1 / 24).inverse - 0.5).mean() < 0.06


def test_a_cut_is_seen_and_a_move_or_a_change_of_light_is_none():
    warm = np.stack([PICTURE[0], 0.5 * PICTURE[1], 0.3 * PICTURE[2]])
    cold = np.stack([0.2 * PICTURE[0], 0.4 * PICTURE[1], PICTURE[2]])
    assert is_cut(moment(STEP, warm), moment(STEP, cold))
    assert not is_cut(moment(STEP, warm), moment(STEP, np.roll(warm, 30, 2)))
    assert not is_cut(moment(STEP, warm), moment(STEP, 0.9 * warm))
    assert is_cut(moment(STEP), Moment(PICTURE[:, :32], STEP[:32], BLANK[:32]))
