"""Do pictures that fool one victim fool the others? The full matrix of Table III.

Enters: an attack, a renderer, victims by name, batches (image, depth, label). Leaves: a `TransferMatrix`, rows the
victims that were attacked, columns those that look; its diagonal is the white-box accuracy.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from cocnet.attacks.result import AttackResult, Victim
from cocnet.compute import strict_float32
from cocnet.errors import InputError

Batch = tuple[Tensor, Tensor, Tensor]
Attack = Callable[..., AttackResult]


@dataclass(frozen=True, eq=False)
class TransferMatrix:
    """right[s, t, i]: victim t names photo i rightly after an attack on victim s; `clean[t, i]` before it."""

    victims: tuple[str, ...]
    right: Bool[Tensor, "s t n"]
    clean: Bool[Tensor, "t n"]

    @property
    def accuracy(self) -> Float[Tensor, "s t"]:
        """Of all photos, as in Table III."""
        return self.right.double().mean(-1)

    @property
    def fooled(self) -> Float[Tensor, "s t"]:
        """Part of the photos that both victims name rightly before, which t no longer does; NaN without any."""
        before = self.clean[:, None] & self.clean[None]
        return (before & ~self.right).double().sum(-1) / before.double().sum(-1)


def transfer(
    attack: Attack,
    render: Callable[..., Tensor],
    victims: Mapping[str, Victim],
    dataset: Iterable[Batch],
) -> TransferMatrix:
    """Attack each victim on all batches, and show what comes out to all. Clean is the naturally rendered picture.

    Raises InputError without victims or photos.
    """
    names, found, clean = tuple(victims), [], []
    for image, depth, label in dataset:
        with torch.no_grad(), strict_float32(image.device):
            natural = render(image, depth)
        clean.append(seen(victims.values(), natural, label))
        pictures = [attack(render, victim, image, depth, label).image for victim in victims.values()]
        found.append(torch.stack([seen(victims.values(), picture, label) for picture in pictures]))
    if not names or not found:
        raise InputError(f"expected victims and photos, got {len(names)} and {len(found)} batches")
    return TransferMatrix(names, torch.cat(found, -1), torch.cat(clean, -1))


def seen(victims: Iterable[Victim], picture: Tensor, label: Tensor) -> Bool[Tensor, "t b"]:
    """Who names which photo rightly."""
    with torch.no_grad(), strict_float32(picture.device):
        return torch.stack([victim(picture).argmax(1) == label for victim in victims])
