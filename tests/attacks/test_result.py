"""Margins and verdicts against logits written by hand."""

import torch

from cocnet.attacks.result import judged, margin

LOGITS = torch.tensor([[3.0, 1.0, 2.0], [0.0, 5.0, 4.0], [1.0, 1.0, 0.0]])


def test_margin_by_hand():
    assert margin(LOGITS, torch.tensor([0, 2, 0])).tolist() == [-1.0, 1.0, 0.0]


def test_margin_has_a_gradient():
    logits = LOGITS.clone().requires_grad_()
    margin(logits, torch.tensor([0, 2, 2])).sum().backward()
    assert logits.grad.tolist() == [[-1, 0, 1], [0, 1, -1], [0.5, 0.5, -1]]


def test_a_tie_is_no_success():
    image, label = torch.rand(3, 3, 4, 4), torch.tensor([0, 2, 0])
    result = judged(lambda x: LOGITS, image, label, torch.tensor([1, 2, 3]))
    assert result.success.tolist() == [False, True, False]
    assert result.prediction.tolist() == [0, 1, 0] and result.queries.tolist() == [1, 2, 3]
    assert result.depth is None and result.camera is None and torch.equal(result.image, image)
