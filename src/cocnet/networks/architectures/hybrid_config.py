"""The numbers of cocnet-hybrid, and how far it sees.

Enters: nothing. Leaves: plain numbers, px.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class HybridConfig:
    """Every number of the architecture.

    channels: of the levels, finest first; groups of (convolution, ReLU) per module; kernel_size k of the kernels;
    filtered: levels, finest first, that have kernels. radius_scale_px: of the radius that is its input.
    most_radius_px: a picture with larger blurs is corrected at half its scale, or a quarter, …
    """

    channels: tuple[int, ...] = (32, 48, 64, 96)
    groups: int = 2
    kernel_size: int = 5
    filtered: int = 4
    radius_scale_px: float = 32.0
    most_radius_px: float = 28.0

    @property
    def size_multiple(self) -> int:
        """Pictures are padded inside to multiples of this, px."""
        return 2 ** (len(self.channels) - 1)

    @property
    def margin(self) -> int:
        """How far a pixel and the one beside it see, px, as a multiple of size_multiple: what tiles need around
        them."""
        seen = [1]  # at each level, what decoders need beside a tile
        for _ in self.channels[1:]:
            seen.append(-(-(seen[-1] + self.groups) // 2) + 1)
        reach = seen[-1] + self.groups
        for own in reversed(seen[:-1]):
            reach = max(2 * reach, own + self.groups) + self.groups
        kernels = max(
            (own + self.kernel_size // 2) << level for level, own in enumerate(seen[: self.filtered])
        )
        return -(-max(reach, kernels) // self.size_multiple) * self.size_multiple
