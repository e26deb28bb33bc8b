"""Pictures of what an attack did, for looking at.

Enters: pictures [3 h w] of 0..1, nearness [1 h w]. Leaves: pictures [3 h w] of 0..1; JPEG as text for a page.
"""

import base64
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from cocnet.imaging import depth_picture, write_photo

TIMES = 10


def coloured(change: Float[Tensor, "1 h w"], scale: float) -> Float[Tensor, "3 h w"]:
    """A change of nearness: red nearer, blue farther, white none; full colour at ±scale."""
    share = (change / max(scale, 1e-30)).clamp(-1, 1)
    near, far = share.clamp(min=0), (-share).clamp(min=0)
    return torch.cat([1 - far, 1 - near - far, 1 - near])


def difference(first: Float[Tensor, "3 h w"], second: Float[Tensor, "3 h w"]) -> Float[Tensor, "3 h w"]:
    """Grey where alike, ten times the difference elsewhere."""
    return (0.5 + TIMES * (second - first)).clamp(0, 1)


def near_colours(depth: Float[Tensor, "1 h w"]) -> Float[Tensor, "3 h w"]:
    """Nearness: bright yellow near, dark blue far."""
    return torch.from_numpy(depth_picture(depth[0].cpu().numpy())).permute(2, 0, 1).float() / 255


def as_text(picture: Float[Tensor, "3 h w"], quality: int = 90) -> str:
    """A JPEG in base64."""
    codes = (picture.detach().clamp(0, 1) * 255).round().byte().permute(1, 2, 0).cpu().numpy()
    with TemporaryDirectory() as folder:
        path = Path(folder) / "picture.jpg"
        write_photo(path, np.ascontiguousarray(codes), quality=quality)
        return base64.b64encode(path.read_bytes()).decode()
