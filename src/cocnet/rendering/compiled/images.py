"""The two compiled halves of the renderer, for batches.

Enters: as `fragments.fragments` and `layers.composite`. Leaves: the same within 1e-5.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from cocnet.rendering.compiled.composition import composed
from cocnet.rendering.compiled.splitting import one_split
from cocnet.rendering.fragments import Fragments
from cocnet.rendering.layers import Kernel
from cocnet.rendering.levels import LINEAR


def split(
    image: Float[Tensor, "b c h w"], x: Float[Tensor, "b 1 h w"], max_radius_px: float | None = None
) -> Fragments:
    """As `fragments.fragments`."""
    reach = float(x.abs().max()) if max_radius_px is None else max_radius_px
    found = [one_split(image[i : i + 1], x[i : i + 1], reach) for i in range(len(image))]
    return found[0] if len(found) == 1 else Fragments(*(torch.cat(part) for part in zip(*found, strict=True)))


def picture(
    parts: Fragments, max_radius_px: float, kernel: Kernel, fine_layers: int = LINEAR
) -> Float[Tensor, "b c h w"]:
    """As `layers.composite`."""
    return torch.cat(
        [
            composed(Fragments(*(part[i : i + 1] for part in parts)), max_radius_px, kernel, fine_layers)
            for i in range(len(parts.front))
        ]
    )


@torch.inference_mode()
def warm() -> None:
    """Render a small scene that needs every loop."""
    x = torch.full((1, 1, 48, 48), 12.0)
    x[..., 12:36, 12:36] = -12.0
    image = torch.rand(1, 3, 48, 48)
    picture(split(image, x), 12.0, lambda radius: torch.ones(3, 3) / 9)
