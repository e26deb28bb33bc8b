"""Geometric self-ensemble: one network looks at a picture mirrored and turned, and the mean counts.

Timofte, Rothe, Van Gool, CVPR 2016 ("Seven ways to improve example-based single image super resolution"). Enters and
leaves: what the network takes and gives, [b c h w] of any height and width.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

# Transposed or not, then flipped along these axes. Any first 2 or 4 are as unlike each other as can be.
SYMMETRIES: tuple[tuple[bool, tuple[int, ...]], ...] = (
    (False, ()),
    (True, (2, 3)),
    (False, (2, 3)),
    (True, ()),
    (False, (3,)),
    (True, (3,)),
    (False, (2,)),
    (True, (2,)),
)


class SelfEnsemble(nn.Module):
    """The mean of what a network makes of the first `views` (1..8) of a picture's symmetries, each turned back."""

    def __init__(self, network: nn.Module, views: int) -> None:
        super().__init__()
        self.network, self.symmetries = network, SYMMETRIES[:views]

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        """The mean over the views; the network runs once for each."""
        found = [self._seen(x, transposed, axes) for transposed, axes in self.symmetries]
        return sum(found[1:], start=found[0]) / len(found)

    def _seen(self, x: Float[Tensor, "b c h w"], transposed: bool, axes: tuple[int, ...]) -> Tensor:
        view = (x.transpose(2, 3) if transposed else x).flip(axes)
        found: Tensor = self.network(view.contiguous(memory_format=torch.channels_last)).float().flip(axes)
        return found.transpose(2, 3) if transposed else found
