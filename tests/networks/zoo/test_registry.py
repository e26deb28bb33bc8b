"""Names, arguments, cards, and padding."""

import json

import pytest
import torch
from torch import nn

from cocnet import create_model, list_models
from cocnet.errors import InputError, MissingExtraError
from cocnet.networks import Card, card_of, catalogue, register, shipped_weights
from cocnet.networks.layers.padding import crop, pad


def test_a_wrong_name_is_told_the_nearest():
    with pytest.raises(InputError, match="got 'dmshm', try dmshn"):
        create_model("dmshm")
    with pytest.raises(InputError, match=r"try one of .*pynet"):
        card_of("zzzz")


def test_a_wrong_argument_is_told_the_nearest():
    with pytest.raises(InputError, match="expected an argument of dbsi, got 'kernel', try kernels"):
        create_model("dbsi", kernel=(3,))
    with pytest.raises(InputError, match="expected an argument of dmshn, got 'width', try none"):
        create_model("dmshn", width=3)


def test_a_name_can_be_taken_once():
    with pytest.raises(InputError, match="expected a new model name"):
        list_models()
        register(Card("dmshn", "", 2021, None, 1))(nn.Identity)


def test_a_model_knows_how_it_was_made():
    model = create_model("dbsi", kernels=[3, 5])
    assert model.name == "dbsi" and model.arguments == {"kernels": [3, 5]}
    assert model.card == card_of("dbsi")


@pytest.mark.parametrize("card", list_models(), ids=lambda card: card.name)
def test_all_that_it_was_made_with_survives_json(card):
    with torch.device("meta"):
        arguments = create_model(card.name).arguments
        again = create_model(card.name, **json.loads(json.dumps(arguments))).arguments
    assert json.dumps(again) == json.dumps(arguments)


def test_cards_are_complete():
    for card in list_models():
        assert card.paper and 2000 < card.year < 2100 and card.licence and card.data
        assert card.conditioning in ("none", "depth", "lens") and card.size_multiple >= 1


def test_a_missing_package_names_its_extra(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "timm", None)
    with pytest.raises(MissingExtraError, match=r"cocnet\[brvit\]"):
        create_model("brvit")
    facts = {row["name"]: row for row in catalogue()}
    assert facts["brvit"]["parameters"] is None and facts["dmshn"]["parameters"] == 5_424_393


def test_catalogue_agrees_with_the_weights_folder():
    for facts in catalogue():
        assert facts["weights_shipped"] == (shipped_weights(facts["name"]) is not None)


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (16, 32), (33, 31)])
def test_padding_repeats_the_border_and_is_undone(size):
    x = torch.rand(2, 3, *size)
    padded = pad(x, 16)
    assert all(side % 16 == 0 and side >= 32 for side in padded.shape[-2:])
    assert torch.equal(crop(padded, *size), x)
    assert torch.equal(padded[..., -1, -1], x[..., -1, -1])
