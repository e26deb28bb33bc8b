"""Random colours: what may change and how far, when it ends, that a seed decides all."""

import pytest
import torch

from cocnet.attacks.colorfool import REGIONS, ColorFool
from cocnet.errors import InputError
from cocnet.imaging.color.lab import srgb_to_lab

SIZE = 24


def grey(value=0.5, count=1):
    return torch.full((count, 3, SIZE, SIZE), value)


def never(x):
    """A victim that can't be fooled, and comes nearer the redder a picture is."""
    red = x[:, 0].mean((1, 2))
    return torch.stack([torch.full_like(red, 2.0), red], 1)


def left(image, name):
    mask = torch.zeros(len(image), 1, *image.shape[2:])
    mask[..., : SIZE // 2] = 1
    return {name: mask}


def test_a_colour_that_fools_ends_it(linear, untouched):
    image = grey(count=2) + torch.tensor([0.05, 0.0, 0.0])[:, None, None]
    with untouched(linear):
        result = ColorFool(trials=200)(linear, image, torch.tensor([0, 0]))
    assert result.success.all() and result.prediction.tolist() == [1, 1]
    assert 1 < result.queries[0] < 200 and result.queries[0] == result.queries[1]
    assert torch.equal(result.image[0], result.image[1])
    assert torch.equal(result.image, (result.image * 255).round() / 255)


def test_the_segmenter_is_evaluated_and_left_as_it_was(linear):
    class Segmenter(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.norm, self.modes = torch.nn.BatchNorm2d(3), []

        def forward(self, image):
            self.modes.append(self.training)
            self.norm(image)
            return left(image, "person")

    segmenter = Segmenter().train()
    with pytest.warns(UserWarning, match="evaluation mode"):
        ColorFool(segmenter, trials=3)(linear, grey(), torch.tensor([0]))
    assert segmenter.modes == [False] and segmenter.training
    assert int(segmenter.norm.num_batches_tracked) == 0


def test_trials_shown_together_are_the_same_attack(linear):
    image, label = grey() + torch.tensor([0.05, 0.0, 0.0])[:, None, None], torch.tensor([0])
    one, many = (ColorFool(trials=200, at_once=n)(linear, image, label) for n in (1, 64))
    assert torch.equal(one.image, many.image) and torch.equal(one.queries, many.queries)
    other = ColorFool(trials=200, seed=1)(linear, image, label)
    assert not torch.equal(other.image, one.image)


def test_lightness_stays_where_colours_are_in_the_gamut():
    """The first of many trials is a small shift."""
    image = 0.3 + 0.4 * torch.rand(1, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(0))
    attack = ColorFool(trials=40, at_once=4)
    _, pictures = next(attack._trials(image[0], {}, attack._draws(1)[0]))
    before, after = srgb_to_lab(image), srgb_to_lab(pictures)
    assert (after[:, 0] - before[:, 0]).abs().max() < 1.5
    shift = (after - before)[:, 1:].flatten(2)
    assert (shift.std(2) < 1).all()
    strength = torch.arange(1, 5)[:, None] / 40 * 127
    assert (shift.mean(2).abs() <= strength + 1).all() and shift.mean(2).abs().max() > 1


def test_without_success_the_nearest_is_kept():
    result = ColorFool(trials=60, at_once=7)(never, grey(), torch.tensor([0]))
    assert not result.success.any() and result.queries.item() == 60
    pictures = torch.cat(
        [p for _, p in ColorFool(trials=60)._trials(grey()[0], {}, ColorFool(trials=60)._draws(1)[0])]
    )
    assert result.image[0, 0].mean() == pytest.approx(float(pictures[:, 0].mean((1, 2)).max()), abs=1e-6)


def test_a_person_keeps_its_colour_up_to_a_soft_border():
    attack = ColorFool(lambda image: left(image, "person"), trials=30)
    result = attack(never, grey(), torch.tensor([0]))
    change = (result.image - grey()).abs().amax((0, 1, 2))
    border = SIZE // 2
    assert change[: border - 5].max() <= 0.5 / 255 + 1e-6 and change[border + 5 :].min() > 10 / 255
    assert attack.name == "colorfool" and ColorFool().name == "colorfool-unmasked"


@pytest.mark.parametrize(
    ("name", "green", "blue"), [("sky", -1, -1), ("water", -1, -1), ("vegetation", -1, 1)]
)
def test_what_has_a_colour_of_its_own_keeps_to_it(name, green, blue):
    """From grey, sky and water only lose red and yellow, vegetation only red and blue; shifts inside the gamut."""
    attack = ColorFool(lambda image: left(image, name), trials=500, at_once=50)
    _, pictures = next(
        attack._trials(grey()[0], {k: m[0] for k, m in left(grey(), name).items()}, attack._draws(1)[0])
    )
    shift = (srgb_to_lab(pictures) - srgb_to_lab(grey()))[:, 1:, :, : SIZE // 2 - 5].mean((2, 3))
    assert (shift[:, 0] * green >= -0.6).all() and (shift[:, 1] * blue >= -0.6).all()
    assert (shift.abs().amax(0) > 5).all()


def test_masks_that_do_not_fit():
    for masks, text in (
        ({"tree": torch.ones(1, 1, SIZE, SIZE)}, "'tree'"),
        ({"sky": torch.ones(1, 1, 3, 3)}, "size"),
    ):
        with pytest.raises(InputError, match=text):
            ColorFool(lambda image, masks=masks: masks)(never, grey(), torch.tensor([0]))
    empty = {name: torch.zeros(1, 1, SIZE, SIZE) for name in REGIONS}
    results = [
        ColorFool(who, trials=9)(never, grey(), torch.tensor([0])) for who in (None, lambda image: empty)
    ]
    assert torch.equal(results[0].image, results[1].image)
    with pytest.raises(InputError, match="trials from 1"):
        ColorFool(trials=0)
