"""ColorFool (Shahin Shamsabadi et al., CVPR 2020): random colours that look natural, without gradients.

Enters: a victim, pictures, labels, and who finds sky, person, vegetation and water. Leaves: an `AttackResult` of
8-bit pictures. In Lab with L fixed: trial t of T shifts a and b of each region by at most m = t/T of what is left for
it; sky and water stay blue, vegetation green, persons as they are; whatever else there is may take any colour.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor
from torch.nn import functional

from cocnet.attacks.guard import ask_logits, evaluating
from cocnet.attacks.random_numbers import RandomNumbers, Seed
from cocnet.attacks.result import AttackResult, Victim, check_photos, judged, margin
from cocnet.compute import strict_float32
from cocnet.errors import InputError
from cocnet.imaging.color.lab import lab_to_srgb, srgb_to_lab

REACH = 127.0  # of a and b
SOFTEN_PX = 10
REGIONS = ("water", "sky", "vegetation", "person")
Mask = Float[Tensor, "1 h w"]
Segmenter = Callable[[Float[Tensor, "b 3 h w"]], Mapping[str, Float[Tensor, "b 1 h w"]]]


@dataclass(frozen=True)
class ColorFool:
    """The attack; called as attack(victim, image, label). Without a segmenter all may change: "unmasked".

    segmenter: pictures → soft masks of 0..1 by the names in `REGIONS`. A photo's trials follow from the seed alone,
    whatever is beside it in a batch. They end when the victim is fooled: `queries` counts them to that one, though
    `at_once` are shown together; where none fools, the one that came nearest is kept. Raises InputError.
    """

    segmenter: Segmenter | None = None
    trials: int = 1000
    seed: Seed = 0
    at_once: int = 16

    def __post_init__(self) -> None:
        for name in ("trials", "at_once"):
            if getattr(self, name) < 1:
                raise InputError(f"expected {name} from 1, got {getattr(self, name)}, try the default")

    @property
    def name(self) -> str:
        """The name in tables and on the command line."""
        return "colorfool-unmasked" if self.segmenter is None else "colorfool"

    @torch.no_grad()
    def __call__(
        self, victim: Victim, image: Float[Tensor, "b 3 h w"], label: Int64[Tensor, " b"]
    ) -> AttackResult:
        """Attack a batch, one photo after the other. Raises InputError."""
        check_photos(image, label)
        draws = self._draws(len(image))
        with strict_float32(image.device), evaluating(victim, self.segmenter):
            masks = {} if self.segmenter is None else _checked(self.segmenter(image.clone()), image)
            found = [
                self._one(
                    victim,
                    image[i],
                    label[i : i + 1],
                    {name: mask[i] for name, mask in masks.items()},
                    draws[i],
                )
                for i in range(len(image))
            ]
        queries = torch.tensor([count for _, count in found]).to(label)
        return judged(victim, torch.stack([picture for picture, _ in found]), label, queries)

    def _one(
        self,
        victim: Victim,
        image: Float[Tensor, "3 h w"],
        label: Int64[Tensor, "1"],
        masks: Mapping[str, Mask],
        draws: Float[Tensor, "trials regions 2"],
    ) -> tuple[Float[Tensor, "3 h w"], int]:
        """The first picture that fools and its trial's number, else the nearest one and all trials."""
        nearest, lead = image, -torch.inf
        for first, pictures in self._trials(image, masks, draws):
            leads = margin(ask_logits(victim, pictures), label.expand(len(pictures)))
            fooled = (leads > 0).nonzero()[:, 0]
            if len(fooled):
                return pictures[fooled[0]], first + int(fooled[0]) + 1
            if leads.max() > lead:
                nearest, lead = pictures[leads.argmax()], float(leads.max())
        return nearest, self.trials

    def _trials(
        self,
        image: Float[Tensor, "3 h w"],
        masks: Mapping[str, Mask],
        draws: Float[Tensor, "trials regions 2"],
    ) -> Iterator[tuple[int, Float[Tensor, "t 3 h w"]]]:
        """Some trials at a time, with how many were before."""
        lab, draws = srgb_to_lab(image), draws.to(image)
        regions = _regions(lab[1:], masks)
        for first in range(0, self.trials, self.at_once):
            numbers = torch.arange(first, min(first + self.at_once, self.trials))
            strength = ((numbers + 1) / self.trials).to(image)[:, None, None, None]
            shift = torch.zeros_like(lab[None, 1:])
            for i, region in enumerate(regions):
                chance = draws[numbers, i, :, None, None]
                shift = shift + region.weight * strength * (region.low + chance * (region.high - region.low))
            colours = (lab[None, 1:] + shift).clamp(-REACH, REACH)
            light = lab[None, :1].expand(len(numbers), -1, -1, -1)
            yield first, (lab_to_srgb(torch.cat([light, colours], 1)) * 255).round() / 255

    def _draws(self, count: int) -> Float[Tensor, "b trials regions 2"]:
        numbers = RandomNumbers.of(self.seed, count, torch.device("cpu"))
        return numbers.uniform(torch.empty(count, self.trials, len(REGIONS), 2))


@dataclass(frozen=True)
class _Region:
    """Where a shift goes, and its bounds in a and b at full strength."""

    weight: Mask
    low: Float[Tensor, "2 1 1"]
    high: Float[Tensor, "2 1 1"]


def _regions(colours: Float[Tensor, "2 h w"], masks: Mapping[str, Mask]) -> list[_Region]:
    """The rest of the picture, then each region that is there and may change."""
    regions = [_rest(colours, masks)]
    for name in REGIONS[:3]:
        mask = masks.get(name)
        if mask is None or not bool((mask > 0).any()):
            continue
        inside = colours[:, mask[0] > 0]
        least, most = inside.amin(1)[:, None, None], inside.amax(1)[:, None, None]
        low, high = -REACH - least, -most.clamp(max=0)
        if name == "vegetation":
            low = torch.stack([low[0], -least[1].clamp(min=0)])
            high = torch.stack([high[0], REACH - most[1]])
        regions.append(_Region(mask, low, high))
    return regions


def _rest(colours: Float[Tensor, "2 h w"], masks: Mapping[str, Mask]) -> _Region:
    """What no mask holds, with soft borders; any colour."""
    weight = torch.ones_like(colours[:1])
    if masks:
        union = torch.stack(list(masks.values())).sum(0).clamp(0, 1)
        before = SOFTEN_PX // 2
        wide = functional.pad(union[None], (before, SOFTEN_PX - 1 - before) * 2, mode="reflect")
        weight = 1 - functional.avg_pool2d(wide, SOFTEN_PX, 1)[0]
    low = torch.full_like(colours[:, :1, :1], -REACH)
    return _Region(weight, low, -low)


def _checked(
    masks: Mapping[str, Float[Tensor, "b 1 h w"]], image: Float[Tensor, "b 3 h w"]
) -> Mapping[str, Float[Tensor, "b 1 h w"]]:
    """The masks; raises InputError for a region that isn't known, or a mask of another shape."""
    for name, mask in masks.items():
        if name not in REGIONS:
            raise InputError(f"expected masks of {', '.join(REGIONS)}, got '{name}', try leaving it out")
        if mask.shape != (len(image), 1, *image.shape[2:]):
            got = list(mask.shape)
            raise InputError(f"expected a mask [b 1 h w] of the pictures' size, got {got}, try resizing it")
    return {name: mask.to(image) for name, mask in masks.items()}
