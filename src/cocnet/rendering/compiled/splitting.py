"""The fragments of one image, as `fragments.fragments` makes them.

Enters: an image and the signed radius of its circle of confusion (px, + behind the focus). Leaves: fragments.
"""

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from cocnet.rendering import fragments as plain
from cocnet.rendering import matting
from cocnet.rendering.compiled.hidden import any_of, hide, nearby, pull, push, seeds
from cocnet.rendering.compiled.in_place import Array
from cocnet.rendering.compiled.jit import bands, in_threads
from cocnet.rendering.compiled.mixture import again, begin_mixture, smoothed
from cocnet.rendering.compiled.outline import jumps, middles, silhouettes, touching

CHUNK = 4096  # pixels of the band that one thread solves at a time
CONSTANTS = np.array(
    [
        matting.UNSOLVED,
        matting.LEAST,
        matting.SPREAD_SHARE,
        matting.NOISE,
        matting.NOISE_SHARE,
        matting.OUTLINE_SIGMA**-2,
    ],
    np.float32,
)


def one_split(
    image: Float[Tensor, "1 c h w"], x: Float[Tensor, "1 1 h w"], max_radius_px: float
) -> plain.Fragments:
    """As `fragments.fragments`, for one image."""
    picture, radius = image[0].contiguous().numpy(), x[0, 0].contiguous().numpy()
    rim = _silhouettes(radius, plain.beside_lights(image))
    front = torch.ones(1, image.shape[1] + 1, *image.shape[2:])
    front[:, :-1] = image
    back = torch.zeros_like(front)
    if not rim.any():
        return plain.Fragments(front, x, back, x)
    index, found = _matte(picture, radius, rim)
    front[0].flatten(1).index_copy_(1, index, torch.cat([found.near * found.alpha, found.alpha[None]]))
    back[0].flatten(1).index_copy_(1, index, torch.cat([found.far, torch.ones_like(found.alpha)[None]]))
    ends = plain.sides(x.flatten().index_select(0, index), found)
    x_front, x_back = (x.flatten().index_copy(0, index, end).view_as(x) for end in ends)
    rim = np.zeros_like(rim)
    rim.reshape(-1)[index.numpy()] = True
    _hide(back[0].numpy(), x_back[0, 0].numpy(), x_front[0, 0].numpy(), rim, plain.fill_levels(max_radius_px))
    return plain.Fragments(front, x_front, back, x_back)


def _silhouettes(x: Float[Array, "h w"], lit: Bool[Tensor, "1 1 h w"] | None) -> Bool[Array, "h w"]:
    whole = np.zeros((0, 0), np.bool_) if lit is None else lit[0, 0].numpy()
    rim = np.empty(x.shape, np.bool_)
    limits = [np.float32(v) for v in (plain.JUMP_PX, plain.SHARP_JUMP_PX, plain.SHARP_PX, plain.JUMP_RATIO)]
    in_threads(lambda a, b: silhouettes(x, whole, *limits, a, b, rim), bands(len(x)))
    return rim


def _matte(
    image: Float[Array, "c h w"], x: Float[Array, "h w"], rim: Bool[Array, "h w"]
) -> tuple[Int[Tensor, " p"], matting.Matte]:
    """As `matting.matte`."""
    index, middle = _band(x, rim)
    rows, columns = index.numpy() // x.shape[1], index.numpy() % x.shape[1]
    p, c = len(rows), len(image)
    number = np.full(x.shape, -1, np.int32)
    number[rows, columns] = np.arange(p, dtype=np.int32)
    falls = np.stack([_fall(s) for s in (matting.CLEAN_PX, matting.SPREAD_PX, matting.BAND_PX)])
    chunks = [(start, min(start + CHUNK, p)) for start in range(0, p, CHUNK)]
    share = np.empty(p, np.float32)
    in_threads(lambda a, b: smoothed(x, rows, columns, middle, falls[0], a, b, share), chunks)
    outline = matting.coverage(torch.from_numpy(share)).numpy()
    about = ((0,) * c, image, x, number, rows, columns, middle, outline, CONSTANTS)
    facts, found = np.empty((p, 2, c, c + 3), np.float32), np.empty((p, 3 + 2 * c), np.float32)
    in_threads(lambda a, b: begin_mixture(*about, falls[:2], a, b, facts, found), chunks)
    for _ in range(matting.ROUNDS - 1):
        old, found = found, np.empty_like(found)
        in_threads(lambda a, b: again(*about, falls[2], facts, a, b, old, found), chunks)  # noqa: B023
    made = torch.from_numpy(found).T
    ends = torch.from_numpy(facts[:, :, 0, c]).T
    own = torch.from_numpy(image).flatten(1).index_select(1, index)
    return index, matting.exact(own, matting.Matte(made[0], made[3 : 3 + c], made[3 + c :], ends[0], ends[1]))


def _band(x: Float[Array, "h w"], rim: Bool[Array, "h w"]) -> tuple[Int[Tensor, " p"], Float[Array, " p"]]:
    """Flat indices of the pixels that touch both sides of a jump, and the x that parts these."""
    jump, band = np.empty_like(x), np.empty_like(rim)
    in_threads(lambda a, b: jumps(x, rim, a, b, jump), bands(len(x)))
    in_threads(lambda a, b: touching(x, rim, jump, a, b, band), bands(len(x)))
    index = torch.from_numpy(np.flatnonzero(band))
    middle = np.empty(len(index), np.float32)
    middles(x, index.numpy() // x.shape[1], index.numpy() % x.shape[1], middle)
    return index, middle


def _fall(sigma_px: float) -> Float[Array, "n n"]:
    """A Gaussian over a window."""
    line = np.arange(-matting.WINDOW, matting.WINDOW + 1)
    return np.exp((line[:, None] ** 2 + line**2) / (-2 * sigma_px**2)).astype(np.float32)


def _hide(
    back: Float[Array, "d h w"],
    x_back: Float[Array, "h w"],
    x_front: Float[Array, "h w"],
    rim: Bool[Array, "h w"],
    levels: int,
) -> None:
    """Carry the far side of every silhouette in behind its near side: changes `back` and `x_back`."""
    far = _distance(rim, levels)
    found = np.empty((len(back) + 2, *far.shape), np.float32)
    dazzling = np.float32(plain.DAZZLING)
    in_threads(lambda a, b: seeds(back, x_back, x_front, rim, dazzling, a, b, found), bands(len(far)))
    filled = _push_pull(found, levels - 1)
    limits = [np.float32(v) for v in (plain.EMPTY, plain.SHARP_JUMP_PX, plain.SEEN_PX)]
    in_threads(lambda a, b: hide(back, x_back, x_front, rim, filled, far, *limits, a, b), bands(len(rim)))


def _distance(rim: Bool[Array, "h w"], levels: int) -> Float[Array, "i j"]:
    """As `fragments.distance`, from full scale."""
    pyramid = [rim]
    for _ in range(levels):
        height, width = pyramid[-1].shape
        pyramid.append(np.empty((-(-height // 2), -(-width // 2)), np.bool_))
        in_threads(lambda a, b: any_of(pyramid[-2], a, b, pyramid[-1]), bands(len(pyramid[-1])))
    far = np.full(pyramid[-1].shape, np.inf, np.float32)
    for level in range(levels, 0, -1):
        own, coarser, far = pyramid[level], far, np.empty(pyramid[level].shape, np.float32)
        reach = np.float32(2.0**level)
        in_threads(lambda a, b: nearby(own, coarser, reach, a, b, far), bands(len(far)))  # noqa: B023
    return far


def _push_pull(seeds: Float[Array, "d h w"], levels: int) -> Float[Array, "d h w"]:
    """As `fragments.push_pull`."""
    pyramid = [seeds]
    while len(pyramid) <= levels and max(pyramid[-1].shape[1:]) > 1:
        d, height, width = pyramid[-1].shape
        pyramid.append(np.empty((d, -(-height // 2), -(-width // 2)), np.float32))
        in_threads(lambda a, b: pull(pyramid[-2], a, b, pyramid[-1]), bands(len(pyramid[-1][0])))
    coarse = np.zeros((0, 0, 0), np.float32)
    for fine in reversed(pyramid):
        in_threads(lambda a, b: push(coarse, np.float32(plain.EMPTY), a, b, fine), bands(len(fine[0])))  # noqa: B023
        coarse = fine
    return coarse
