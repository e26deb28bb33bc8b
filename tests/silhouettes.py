"""Sharp subjects before a blurred background, drawn so that every pixel of their rim is a known mixture.

Enters: a name and a seed. Leaves: α, the subject's and the background's light; the truth is αF + (1 − α)·blurred B.
Depth is made as users have it: a hard mask, a mixture, smaller and enlarged, too fat, too thin, moved, a network's.
"""

from dataclasses import dataclass

import numpy as np
import torch
from scipy.ndimage import distance_transform_edt, gaussian_filter, shift, zoom
from torch import Tensor

import cocnet
from cocnet.imaging import linear_to_srgb

SIZE, OVER = 192, 8
NEAR_M, FAR_M = 1.0, 10.0
LENS = cocnet.ThinLens(focal_length_m=0.05, f_number=1.07, focus_distance_m=NEAR_M, sensor_width_m=0.036)


@dataclass(frozen=True)
class Silhouette:
    """α [h w], subject and background in linear light [h w 3]."""

    alpha: np.ndarray
    subject: np.ndarray
    background: np.ndarray


def _texture(rng, low, high, sigma, grey=0.0):
    made = gaussian_filter(rng.random((SIZE, SIZE, 3)), (sigma, sigma, 0))
    made = (1 - grey) * made + grey * made.mean(-1, keepdims=True)
    return ((made - made.min()) / (made.max() - made.min()) * (high - low) + low).astype("f4")


def _drawn(inside):
    return inside.reshape(SIZE, OVER, SIZE, OVER).mean((1, 3)).astype("f4")


def _places():
    return (np.mgrid[0 : SIZE * OVER, 0 : SIZE * OVER] + 0.5) / OVER - SIZE / 2


def plank(seed):
    """A dark block with a rounded end and a thin bar, before a coarse coloured wall."""
    rng = np.random.default_rng(seed)
    y, x = _places()
    turn = rng.uniform(0.1, 1.4)
    u, v = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
    inside = (
        ((np.abs(u) < 40) & (np.abs(v) < 25))
        | (np.hypot(u - 40, v) < 25)
        | ((np.abs(v + 0.3 * u) < 2.5) & (u < 20))
    )
    return Silhouette(_drawn(inside), np.full((SIZE, SIZE, 3), 0.05, "f4"), _texture(rng, 0.2, 0.9, 1.8))


def bright(seed):
    """A bright textured disc and post before a dark wall."""
    rng = np.random.default_rng(seed)
    y, x = _places()
    inside = (np.hypot(x + 20, y) < 38) | ((np.abs(x - 40) < 6) & (np.abs(y) < 70))
    return Silhouette(_drawn(inside), _texture(rng, 0.6, 0.95, 3), _texture(rng, 0.03, 0.3, 2))


def two_sided(seed):
    """Textures on both sides."""
    rng = np.random.default_rng(seed)
    y, x = _places()
    inside = (np.hypot(x + 15, y) < 40) | (np.abs(y - 0.5 * x - 25) < 3)
    subject = _texture(rng, 0.02, 0.3, 2) * np.float32([1, 0.6, 0.4])
    return Silhouette(_drawn(inside), subject, _texture(rng, 0.2, 0.8, 3))


def low_contrast(seed):
    """Two sides that differ little, with shades of grey alone behind."""
    rng = np.random.default_rng(seed)
    y, x = _places()
    inside = np.hypot(x, y - 10) < 45 + 6 * np.sin(3 * np.arctan2(y, x))
    subject = _texture(rng, 0.25, 0.4, 2) * np.float32([1.2, 0.9, 0.8])
    return Silhouette(_drawn(inside), subject, _texture(rng, 0.3, 0.6, 3, grey=1))


def discs(seed):
    """Many dark discs of all sizes."""
    rng = np.random.default_rng(seed)
    y, x = _places()
    inside = np.zeros_like(x, bool)
    for _ in range(9):
        down, across = rng.uniform(-75, 75, 2)
        inside |= np.hypot(x - across, y - down) < rng.uniform(4, 25)
    return Silhouette(_drawn(inside), np.full((SIZE, SIZE, 3), 0.07, "f4"), _texture(rng, 0.2, 0.9, 2))


def hair(seed):
    """A dark head with hairs of 1 to 2.5 px."""
    rng = np.random.default_rng(seed)
    y, x = _places()
    inside = np.hypot(x, y - 40) < 45
    for _ in range(12):
        turn, width, bend = rng.uniform((-3, 0.5, -0.01), (0, 1.25, 0.01))
        u = x * np.cos(turn) + (y - 40) * np.sin(turn)
        v = (y - 40) * np.cos(turn) - x * np.sin(turn)
        inside |= (np.abs(v - bend * u * u) < width) & (u > 0) & (u < 85)
    return Silhouette(_drawn(inside), np.full((SIZE, SIZE, 3), 0.05, "f4"), _texture(rng, 0.3, 0.8, 4))


def net(seed):
    """A net of threads 2.4 px wide."""
    rng = np.random.default_rng(seed)
    y, x = _places()
    inside = (np.abs((x + 0.2 * y) % 24 - 12) < 1.2) | (np.abs((y - 0.2 * x) % 24 - 12) < 1.2)
    return Silhouette(_drawn(inside), np.full((SIZE, SIZE, 3), 0.1, "f4"), _texture(rng, 0.2, 0.9, 3))


def painted(seed):
    """A red disc before a wall painted with blocks: edges in the photo without any in depth."""
    rng = np.random.default_rng(seed)
    y, x = _places()
    blocks = (np.mgrid[0:SIZE, 0:SIZE] // 20).sum(0)[..., None] % 2 * np.float32(0.4)
    subject = np.broadcast_to(np.float32([0.5, 0.1, 0.08]), (SIZE, SIZE, 3))
    return Silhouette(_drawn(np.hypot(x, y) < 45), subject, _texture(rng, 0.1, 0.3, 2) + blocks)


SHAPES = {
    "plank": plank,
    "bright": bright,
    "two-sided": two_sided,
    "low contrast": low_contrast,
    "discs": discs,
    "hair": hair,
    "net": net,
    "painted": painted,
}


def depths(alpha: np.ndarray) -> dict[str, np.ndarray]:
    """Inverse depth (1/m) as users have it."""
    coarse = alpha.reshape(SIZE // 8, 8, SIZE // 8, 8).mean((1, 3))
    large = np.clip(zoom(coarse, 8, order=3, mode="nearest", grid_mode=True), 0, 1)
    smoothed = gaussian_filter((alpha > 0.5).astype("f4"), 2)
    shares = {
        "hard": alpha > 0.5,
        "mixed": alpha,
        "8 times smaller": large,
        "2 px too fat": smoothed > 0.3,
        "2 px too thin": smoothed > 0.7,
        "moved by 2 px": shift((alpha > 0.5).astype("f4"), (2, 2), order=0, mode="nearest"),
        "a network's": gaussian_filter(shift(large, (1.5, -2), order=1, mode="nearest"), 1.5),
    }
    return {
        name: (1 / FAR_M + share * (1 / NEAR_M - 1 / FAR_M)).astype("f4") for name, share in shares.items()
    }


def light_of(scene: Silhouette) -> Tensor:
    """The all-in-focus photo, linear [1 3 h w]."""
    cover = scene.alpha[..., None]
    return _tensor(cover * scene.subject + (1 - cover) * scene.background)


def blurred(light: Tensor, inverse: np.ndarray) -> Tensor:
    """The renderer alone on that inverse depth."""
    with torch.inference_mode():
        return cocnet.PhysicalRenderer(LENS).from_inverse_depth(light, torch.from_numpy(inverse)[None, None])


def truth_of(scene: Silhouette) -> Tensor:
    """The subject before its background blurred by itself."""
    behind = blurred(_tensor(scene.background), np.full((SIZE, SIZE), 1 / FAR_M, "f4"))
    cover = torch.from_numpy(scene.alpha)
    return cover * _tensor(scene.subject) + (1 - cover) * behind


def rim_of(scene: Silhouette, reach_px: float = 0) -> np.ndarray:
    """The mixed pixels, and what lies within reach_px of them."""
    mixed = (scene.alpha > 0) & (scene.alpha < 1)
    return distance_transform_edt(~mixed) <= reach_px


def psnr(made: Tensor, truth: Tensor, where: np.ndarray) -> float:
    """sRGB PSNR in dB of linear pictures [1 3 h w] on some pixels."""
    error = linear_to_srgb(made.clamp(0, 1)) - linear_to_srgb(truth.clamp(0, 1))
    return float(-10 * np.log10(error.square()[0, :, torch.from_numpy(where)].mean()))


def _tensor(picture: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(picture, "f4")).permute(2, 0, 1)[None]
