"""The fragments of one image, as `fragments.fragments` makes them.

Enters: an image and the signed radius of its circle of confusion (px, + behind the focus). Leaves: fragments, and
what a way back needs of how they were made.
"""

from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from cocnet.rendering import fragments as plain
from cocnet.rendering import matting
from cocnet.rendering.compiled.hidden import along_columns, along_rows, any_of, hide, pull, push, seeds
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


def _fall(sigma_px: float) -> Float[Array, "n n"]:
    """A Gaussian over a window."""
    line = np.arange(-matting.WINDOW, matting.WINDOW + 1)
    return np.exp((line[:, None] ** 2 + line**2) / (-2 * sigma_px**2)).astype(np.float32)


FALLS = np.stack([_fall(s) for s in (matting.CLEAN_PX, matting.SPREAD_PX, matting.BAND_PX)])


class Band(NamedTuple):
    """The pixels along silhouettes, and what was found about them (as in `mixture`).

    places: flat; number: of each pixel in the band, or −1; middle: the x that parts a pixel's sides; outline: its
    coverage without looking at colours; facts: spreads, the sides' x, the window's extremes; rounds: what each found.
    """

    places: Int[Tensor, " p"]
    rows: Int[Array, " p"]
    columns: Int[Array, " p"]
    number: Int[Array, "h w"]
    middle: Float[Array, " p"]
    outline: Float[Array, " p"]
    facts: Float[Array, "p 2 c e"]
    rounds: list[Float[Array, "p f"]]

    def about(self, image: Float[Array, "c h w"], x: Float[Array, "h w"]) -> tuple[Any, ...]:
        """What the loops of `mixture` and of its way back read first."""
        places = (self.rows, self.columns, self.middle, self.outline)
        return ((0,) * len(image), image, x, self.number, *places, CONSTANTS)

    def matte(self) -> matting.Matte:
        """What the last round found, before `matting.exact`."""
        made, ends = torch.from_numpy(self.rounds[-1]).T, torch.from_numpy(self.facts[:, :, 0, -3]).T
        c = self.facts.shape[2]
        return matting.Matte(made[0], made[3 : 3 + c], made[3 + c :], ends[0], ends[1])


class Carried(NamedTuple):
    """How background was carried in: weights of the sums at half the scale and below, the same of the means that
    these became, and the pixels behind which it was put."""

    weights: list[Float[Array, "i j"]]
    have: list[Float[Array, "i j"]]
    taken: Bool[Array, "h w"]


def one_split(
    image: Float[Tensor, "1 c h w"], x: Float[Tensor, "1 1 h w"], max_radius_px: float
) -> plain.Fragments:
    """Each pixel of one picture parted into what is in front and what is behind, as `fragments.fragments` does."""
    rim = rim_of(image, x)
    return split_at(image, x, rim, max_radius_px)[0] if rim.any() else unsplit(image, x)


def unsplit(image: Float[Tensor, "1 c h w"], x: Float[Tensor, "1 1 h w"]) -> plain.Fragments:
    """The parts of a picture without silhouettes: every pixel is in front, nothing is behind."""
    front = torch.cat([image, torch.ones_like(x)], 1)
    return plain.Fragments(front, x, torch.zeros_like(front), x, plain.endless(x))


def split_at(
    image: Float[Tensor, "1 c h w"],
    x: Float[Tensor, "1 1 h w"],
    rim: Bool[Array, "h w"],
    max_radius_px: float,
) -> tuple[plain.Fragments, Band, Carried]:
    """The fragments of a picture with silhouettes `rim`."""
    band = _band_of(image[0].contiguous().numpy(), x[0, 0].contiguous().numpy(), rim)
    own = image[0].flatten(1).index_select(1, band.places)
    found = matting.exact(own, band.matte())
    front, _, back, _, x_last = unsplit(image, x)
    front[0].flatten(1).index_copy_(1, band.places, torch.cat([found.near * found.alpha, found.alpha[None]]))
    back[0].flatten(1).index_copy_(1, band.places, torch.cat([found.far, torch.ones_like(found.alpha)[None]]))
    ends = plain.sides(x.flatten().index_select(0, band.places), found)
    x_front, x_back = (x.flatten().index_copy(0, band.places, end).view_as(x) for end in ends)
    back_x, front_x, last_x = (t[0, 0].numpy() for t in (x_back, x_front, x_last))
    carried = _hide(back[0].numpy(), back_x, front_x, last_x, band.number >= 0, max_radius_px)
    return plain.Fragments(front, x_front, back, x_back, x_last), band, carried


def rim_of(image: Float[Tensor, "1 c h w"], x: Float[Tensor, "1 1 h w"]) -> Bool[Array, "h w"]:
    """Where depth jumps, so that a pixel may be a mixture of near and far, as `fragments.silhouettes` says."""
    return _silhouettes(x[0, 0].detach().contiguous().numpy(), plain.beside_lights(image))


def _silhouettes(x: Float[Array, "h w"], lit: Bool[Tensor, "1 1 h w"] | None) -> Bool[Array, "h w"]:
    whole = np.zeros((0, 0), np.bool_) if lit is None else lit[0, 0].numpy()
    rim = np.empty(x.shape, np.bool_)
    limits = [np.float32(v) for v in (plain.JUMP_PX, plain.SHARP_JUMP_PX, plain.SHARP_PX, plain.JUMP_RATIO)]
    in_threads(lambda a, b: silhouettes(x, whole, *limits, a, b, rim), bands(len(x)))
    return rim


def _band_of(image: Float[Array, "c h w"], x: Float[Array, "h w"], rim: Bool[Array, "h w"]) -> Band:
    """Pixels near silhouettes with opacities and both colours, as `matting.matte` has them before its last round."""
    index, middle = _band(x, rim)
    rows, columns = index.numpy() // x.shape[1], index.numpy() % x.shape[1]
    p, c = len(rows), len(image)
    number = np.full(x.shape, -1, np.int32)
    number[rows, columns] = np.arange(p, dtype=np.int32)
    chunks = chunks_of(p)
    share = np.empty(p, np.float32)
    in_threads(lambda a, b: smoothed(x, rows, columns, middle, FALLS[0], a, b, share), chunks)
    outline = matting.coverage(torch.from_numpy(share)).numpy()
    facts, rounds = np.empty((p, 2, c, c + 3), np.float32), [np.empty((p, 3 + 2 * c), np.float32)]
    band = Band(index, rows, columns, number, middle, outline, facts, rounds)
    about = band.about(image, x)
    in_threads(lambda a, b: begin_mixture(*about, FALLS[:2], a, b, facts, rounds[0]), chunks)
    for _ in range(matting.ROUNDS - 1):
        rounds.append(np.empty_like(rounds[0]))
        in_threads(lambda a, b: again(*about, FALLS[2], facts, a, b, *rounds[-2:]), chunks)
    return band


def chunks_of(count: int) -> list[tuple[int, int]]:
    """Begin and end of what one thread solves of the band at a time."""
    return [(start, min(start + CHUNK, count)) for start in range(0, count, CHUNK)]


def _band(x: Float[Array, "h w"], rim: Bool[Array, "h w"]) -> tuple[Int[Tensor, " p"], Float[Array, " p"]]:
    """Flat indices of the pixels that touch both sides of a jump, and the x that parts these."""
    jump, band = np.empty_like(x), np.empty_like(rim)
    in_threads(lambda a, b: jumps(x, rim, a, b, jump), bands(len(x)))
    in_threads(lambda a, b: touching(x, rim, jump, a, b, band), bands(len(x)))
    index = torch.from_numpy(np.flatnonzero(band))
    middle = np.empty(len(index), np.float32)
    middles(x, index.numpy() // x.shape[1], index.numpy() % x.shape[1], middle)
    return index, middle


def _hide(
    back: Float[Array, "d h w"],
    x_back: Float[Array, "h w"],
    x_front: Float[Array, "h w"],
    x_last: Float[Array, "h w"],
    rim: Bool[Array, "h w"],
    reach_px: float,
) -> Carried:
    """Carry the far side of every silhouette in behind its near side: changes `back`, `x_back` and `x_last`."""
    far = _distance(rim, plain.leak_px(reach_px))
    found = np.empty((len(back) + 2, *far.shape), np.float32)
    dazzling = np.float32(plain.DAZZLING)
    in_threads(lambda a, b: seeds(back, x_back, x_front, rim, dazzling, a, b, found), bands(len(far)))
    pyramid, weights = _push_pull(found, plain.fill_levels(reach_px) - 1)
    taken = np.empty_like(rim)
    limits = (plain.EMPTY, plain.SHARP_JUMP_PX, plain.SEEN_PX, plain.BEYOND_PX, plain.BEYOND)
    about = (back, x_back, x_front, x_last, rim, pyramid[0], far, *map(np.float32, limits))
    in_threads(lambda a, b: hide(*about, a, b, taken), bands(len(rim)))
    return Carried(weights, [means[-1] for means in pyramid], taken)


def _distance(rim: Bool[Array, "h w"], most_px: float) -> Float[Array, "i j"]:
    """How far each 2 × 2 px are from the next silhouette, along rows plus columns, as `fragments.distance`."""
    there = np.empty([-(-size // 2) for size in rim.shape], np.bool_)
    in_threads(lambda a, b: any_of(rim, a, b, there), bands(len(there)))
    far = np.where(there, np.float32(0), np.float32(np.inf))
    in_threads(lambda a, b: along_rows(far, a, b), bands(len(far)))
    in_threads(lambda a, b: along_columns(far, np.float32(most_px), a, b), bands(far.shape[1]))
    return far


def _push_pull(
    seeds: Float[Array, "d h w"], levels: int
) -> tuple[list[Float[Array, "d i j"]], list[Float[Array, "i j"]]]:
    """As `fragments.push_pull`, at all scales, and what each had of weight before the coarser ones filled it."""
    pyramid = [seeds]
    while len(pyramid) <= levels and max(pyramid[-1].shape[1:]) > 1:
        d, height, width = pyramid[-1].shape
        pyramid.append(np.empty((d, -(-height // 2), -(-width // 2)), np.float32))
        in_threads(lambda a, b: pull(pyramid[-2], a, b, pyramid[-1]), bands(len(pyramid[-1][0])))
    weights = [sums[-1].copy() for sums in pyramid]
    coarse = np.zeros((0, 0, 0), np.float32)
    for fine in reversed(pyramid):
        in_threads(lambda a, b: push(coarse, np.float32(plain.EMPTY), a, b, fine), bands(len(fine[0])))  # noqa: B023
        coarse = fine
    return pyramid, weights
