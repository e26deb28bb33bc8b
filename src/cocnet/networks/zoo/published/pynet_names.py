"""What PyNET's published TensorFlow checkpoint calls the tensors of `architectures.pynet`: `generator/Variable`,
`generator/Variable_1`, …, in the order in which the published network makes them.

Enters: a name here. Leaves: the name there; axes in PyTorch's order.
"""

from collections.abc import Callable, Iterator

import torch
from jaxtyping import Float
from torch import Tensor

from cocnet.networks.architectures.pynet import STEPS
from cocnet.networks.zoo.published.mapping import PublishedNames

_NUMBERED = {"Variable", *(f"Variable_{number}" for number in range(1000))}
Made = Iterator[tuple[str, Callable[[Tensor], Tensor]]]


def _in_order_of_making() -> Made:
    for level in range(1, 6):
        yield from _block_made(f"encoders.{level - 1}", 3, level > 1, folded=level == 1)
    for level in range(5, 0, -1):
        for number, step in enumerate(STEPS[level]):
            yield from _block_made(f"levels.{level - 1}.blocks.{number}", int(step[0]), level > 1)
        if level > 1:
            yield f"first_ups.{level - 2}.conv.weight", _from_hwoi
            yield f"second_ups.{level - 2}.conv.weight", _from_hwoi
        yield from _conv_made(f"heads.{level}")
    yield "up0.conv.weight", _from_hwoi
    yield from _conv_made("heads.0")
    yield "last_up.conv.weight", _from_hwoi
    yield from _conv_made("last")


def _block_made(block: str, largest: int, norm: bool, folded: bool = False) -> Made:
    """Branch by branch, two convs each: weight, bias, the norm's shift and scale."""
    for branch in range((largest - 1) // 2):
        for conv in range(2):
            at = conv * (3 if norm else 2)
            yield from _conv_made(f"{block}.branches.{branch}.{at}", folded and conv == 0)
            if norm:
                yield f"{block}.branches.{branch}.{at + 1}.bias", torch.clone
                yield f"{block}.branches.{branch}.{at + 1}.weight", torch.clone


def _conv_made(conv: str, folded: bool = False) -> Made:
    yield f"{conv}.weight", _from_folded if folded else _from_hwoi
    yield f"{conv}.bias", torch.clone


def _from_hwoi(weight: Float[Tensor, "k k i o"]) -> Float[Tensor, "o i k k"]:
    """TensorFlow's order of axes as PyTorch's, of convs and, as theirs are [k k out in], of transposed convs."""
    return weight.permute(3, 2, 0, 1)


def _from_folded(weight: Float[Tensor, "k k 4c o"]) -> Float[Tensor, "o 4c k k"]:
    """Also the inputs' order: TensorFlow folds to (place, channel), PyTorch to (channel, place)."""
    ours = _from_hwoi(weight)
    return ours.reshape(len(ours), 4, -1, *ours.shape[2:]).transpose(1, 2).flatten(1, 2)


_MADE = {name: (number, change) for number, (name, change) in enumerate(_in_order_of_making())}


def of_pynet(ours: str) -> str:
    """The published name of a tensor."""
    number = _MADE[ours][0]
    return f"generator/Variable_{number}" if number else "generator/Variable"


def _changed(ours: str, tensor: Tensor) -> Tensor:
    return _MADE[ours][1](tensor)


PYNET = PublishedNames(
    of_pynet,
    origin="the authors' weights of PyNET, trained on EBB!'s training pairs",
    changed=_changed,
    left_out=lambda name: name.split("/")[-1] not in _NUMBERED,  # the optimiser's
)
