"""The matrix: its diagonal is the white-box score, and what is clean is counted before."""

import pytest
import torch
from linear import Shade, Victim, batch

from cocnet.attacks import GDA, transfer
from cocnet.errors import InputError


def test_diagonal_is_white_box():
    image, depth, _ = batch(6)
    victims = {"a": Victim(), "b": Victim(lead=5.0)}
    label = victims["a"](Shade()(image, depth)).argmax(1)
    attack = GDA(0.2, 10)
    matrix = transfer(
        attack, Shade(), victims, [(image[:4], depth[:4], label[:4]), (image[4:], depth[4:], label[4:])]
    )
    for k, victim in enumerate(victims.values()):
        alone = attack(Shade(), victim, image, depth, label)
        assert torch.equal(matrix.right[k, k], ~alone.success)
    assert matrix.accuracy.shape == (2, 2) and matrix.clean[0].all()
    assert torch.equal(matrix.fooled[0, 0], (~matrix.right[0, 0]).double().mean())


def test_without_victims_or_photos():
    with pytest.raises(InputError, match="victims and photos"):
        transfer(GDA(), Shade(), {}, [])
