"""What a silhouette's pixels are made of: coverage α and two colours, I = αF + (1 − α)B, from the photo beside them.

Enters: an image, the signed radius of the circle of confusion (px, + behind the focus), and where it jumps. Leaves
α, F and B of each pixel in a narrow band there. Either side's light is a Gaussian with the mean and covariance of
the clean pixels around (Bayesian matting, Chuang et al. 2001), α has the smoothed outline as its prior; the pixels
of the band then tell each other what they found. In the end I = αF + (1 − α)B holds exactly: no light is lost.
"""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional

WINDOW = 2  # px, the reach of clean colours
ROUNDS = 3
OUTLINE_SIGMA = 0.1  # how far α may be from the smoothed outline
NOISE, NOISE_SHARE = 1e-5, 1e-3  # variance of light that neither side explains, and its part of what they do
UNSOLVED = 0.02  # weight of the band's own pixels in the first round: thin things have no others
SPREAD_SHARE = 0.3  # of the variance around is left once the nearest colours are known
CLEAN_PX, SPREAD_PX, BAND_PX = 1.0, 1.5, 0.7  # sigmas of the windows, in the first round and after it
OUTLINE_PX = 1.1  # how wide an outline is that crosses a pixel
_CHUNK = 1 << 15
LEAST = 1e-6  # weight of what is hardly of a side
BEHIND = 0.03  # of B: up to this it may be off
BRIGHTER = 2.0  # times the light that is found in front or in the pixel may be in front


class Matte(NamedTuple):
    """α, the colours in front and behind, and the signed CoC radius in px of both."""

    alpha: Float[Tensor, " p"]
    near: Float[Tensor, "c p"]
    far: Float[Tensor, "c p"]
    x_near: Float[Tensor, " p"]
    x_far: Float[Tensor, " p"]

    def part(self, where: slice) -> "Matte":
        """Some of the pixels."""
        return Matte(*(t[..., where] for t in self))


class Spread(NamedTuple):
    """Covariances of the light in front and behind, and what α is without looking at colours."""

    near: Float[Tensor, "p c c"]
    far: Float[Tensor, "p c c"]
    outline: Float[Tensor, " p"]


def matte(
    image: Float[Tensor, "b c h w"], x: Float[Tensor, "b 1 h w"], rim: Bool[Tensor, "b 1 h w"]
) -> tuple[Int[Tensor, " p"], Matte]:
    """Flat indices of the band along the jumps `rim` of x, and what its pixels are made of.

    Differentiable in image and x, apart from the choice of the band and of each pixel's side.
    """
    index, middle = _band(x, rim)
    number = torch.full_like(x, -1, dtype=torch.int32).flatten()
    number[index] = torch.arange(len(index), dtype=torch.int32, device=x.device)
    windows = [
        _Windows.of(image, x, number, i, m)
        for i, m in zip(torch.split(index, _CHUNK), torch.split(middle, _CHUNK), strict=True)
    ]
    outline = torch.cat([window.outline() for window in windows])
    begun = [
        window.begin(outline, part)
        for window, part in zip(windows, torch.split(outline, _CHUNK), strict=True)
    ]
    found = Matte(*(torch.cat(part, -1) for part in zip(*(first for first, _ in begun), strict=True)))
    places = [slice(start, start + _CHUNK) for start in range(0, len(index), _CHUNK)]
    for _ in range(ROUNDS - 1):
        parts = [
            window.again(found, found.part(place), spread)
            for window, place, (_, spread) in zip(windows, places, begun, strict=True)
        ]
        found = Matte(*(torch.cat(part, -1) for part in zip(*parts, strict=True)))
    return index, exact(torch.cat([window.own for window in windows], 1), found)


def exact(own: Float[Tensor, "c p"], found: Matte) -> Matte:
    """F as what B leaves of a pixel's light, αF = I − (1 − α)B, and α no less than F within 0…BRIGHTER needs.

    Of what neither explains, B takes half, if little; else it is in front, as sharp as the near side: hairs that show
    no pixel of their own colour stay.
    """
    behind = 1 - found.alpha
    rest = own - found.alpha * found.near - behind * found.far
    off = BEHIND * found.far
    taken = torch.maximum(torch.minimum(rest / (2 * behind).clamp(min=BEHIND), off), -off)
    far = (found.far + taken).clamp(min=0)
    most = BRIGHTER * torch.maximum(torch.maximum(own, found.near), far)
    least = torch.maximum((own - far) / (most - far).clamp(min=LEAST), (far - own) / far.clamp(min=LEAST))
    alpha = torch.maximum(found.alpha, least.amax(0).clamp(max=1))
    near = (own - (1 - alpha) * far).clamp(min=0) / alpha.clamp(min=LEAST)
    return found._replace(alpha=alpha, near=near, far=far)


def _band(
    x: Float[Tensor, "b 1 h w"], rim: Bool[Tensor, "b 1 h w"]
) -> tuple[Int[Tensor, " p"], Float[Tensor, " p"]]:
    """Flat indices of the pixels that touch both sides of a jump, and the x that parts these."""
    beside = functional.max_pool2d(rim.float(), 3, 1, 1).flatten() > 0
    index = beside.nonzero().squeeze(1)
    around, inside = _neighbours(x, index, 1)
    depth = x.detach().flatten()[around]
    low, high = depth.where(inside, torch.inf).amin(1), depth.where(inside, -torch.inf).amax(1)
    jump = torch.zeros_like(x).flatten()
    torn = rim.flatten()[index]
    jump[index] = (high - low) * torn
    touches = torn | (high - low > 0.5 * (jump[around] * inside).amax(1))
    return index[touches], ((low + high) / 2)[touches]


def _offsets(reach: int, device: torch.device) -> Int[Tensor, "n 2"]:
    line = torch.arange(-reach, reach + 1, device=device)
    return torch.cartesian_prod(line, line)


def _neighbours(
    x: Float[Tensor, "b 1 h w"], index: Int[Tensor, " p"], reach: int
) -> tuple[Int[Tensor, "p n"], Bool[Tensor, "p n"]]:
    """Flat indices of the window around each flat index, and which of them lie inside the picture."""
    height, width = x.shape[-2:]
    offsets = _offsets(reach, x.device)
    row = (index // width % height)[:, None] + offsets[:, 0]
    column = (index % width)[:, None] + offsets[:, 1]
    inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
    base = (index // (height * width) * height * width)[:, None]
    return base + row.clamp(0, height - 1) * width + column.clamp(0, width - 1), inside


class _Windows(NamedTuple):
    """Windows around some pixels of the band; number: of each neighbour in the band, −1 where it is clean."""

    own: Float[Tensor, "c p"]
    own_x: Float[Tensor, " p"]
    colour: Float[Tensor, "c p n"]
    depth: Float[Tensor, "p n"]
    near: Bool[Tensor, "p n"]
    inside: Bool[Tensor, "p n"]
    number: Int[Tensor, "p n"]
    middle: Float[Tensor, " p"]

    @staticmethod
    def of(
        image: Float[Tensor, "b c h w"],
        x: Float[Tensor, "b 1 h w"],
        number: Int[Tensor, " bhw"],
        index: Int[Tensor, " p"],
        middle: Float[Tensor, " p"],
    ) -> "_Windows":
        """What lies around the pixels of `index`; x below `middle` is the near side."""
        around, inside = _neighbours(x, index, WINDOW)
        flat = image.transpose(0, 1).flatten(1)
        colour = flat.index_select(1, around.flatten()).view(-1, *around.shape)
        depth = x.flatten().index_select(0, around.flatten()).view(around.shape)
        own = (flat.index_select(1, index), x.flatten().index_select(0, index))
        return _Windows(*own, colour, depth, depth < middle[:, None], inside, number[around], middle)

    def fall(self, sigma_px: float) -> Float[Tensor, "p n"]:
        """A Gaussian about the middle, nothing outside the picture."""
        distance2 = _offsets(WINDOW, self.depth.device).square().sum(1)
        return torch.exp(distance2 / (-2 * sigma_px**2)).to(self.depth.dtype) * self.inside

    def outline(self) -> Float[Tensor, " p"]:
        """How much of each pixel the smoothed outline covers."""
        fall = self.fall(CLEAN_PX)
        return coverage((fall * self.near).sum(1) / fall.sum(1))

    def purity(self) -> Float[Tensor, "p n"]:
        """1 where a pixel of the band has its side's outermost x, less towards the middle: there x is a mixture."""
        off = (self.depth - self.middle[:, None]) * self.inside
        most = torch.where(self.near, (off * self.near).amin(1, True), (off * ~self.near).amax(1, True))
        return torch.where(self.number < 0, 1.0, (off / most.where(most != 0, 1.0)) ** 2 + LEAST)

    def begin(self, band: Float[Tensor, " q"], own: Float[Tensor, " p"]) -> tuple[Matte, Spread]:
        """From the clean pixels of both sides, or what is there of thin things; `band`: the outlines of all."""
        with torch.no_grad():
            outline = band[self.number.clamp(min=0)]
            weights = [
                side * torch.where(self.number < 0, 1.0, UNSOLVED * share**4 + LEAST)
                for side, share in ((self.near, outline), (~self.near, 1 - outline))
            ]
            shares = [_shares(self.fall(CLEAN_PX) * weight) for weight in weights]
            wider = [_shares(self.fall(SPREAD_PX) * weight) for weight in weights]
            pure = [_shares(share * self.purity()) for share in shares]
        means = [(self.colour * share).sum(-1) for share in shares]
        spreads = [_spread(self.colour, *pair) for pair in zip(means, wider, strict=True)]
        ends = [(self.depth * share).sum(1) for share in pure]
        spread = Spread(spreads[0], spreads[1], own)
        return self._solved(Matte(own, means[0], means[1], ends[0], ends[1]), spread), spread

    def again(self, band: Matte, own: Matte, spread: Spread) -> Matte:
        """From what the band's pixels have found, each in the share in which it consists of a side."""
        clean, number = self.number < 0, self.number.clamp(min=0).flatten()
        fall = self.fall(BAND_PX)
        alpha = band.alpha.index_select(0, number).view(clean.shape)
        means = []
        for colour, share, side in ((band.near, alpha, self.near), (band.far, 1 - alpha, ~self.near)):
            weight = _shares(fall * (torch.where(clean, side, share**4) + LEAST))
            told = colour.index_select(1, number).view(-1, *clean.shape)
            means.append((torch.where(clean, self.colour, told) * weight).sum(-1))
        return self._solved(Matte(own.alpha, means[0], means[1], own.x_near, own.x_far), spread)

    def _solved(self, mean: Matte, spread: Spread) -> Matte:
        """The likeliest α of mean colours, and the likeliest colours of that α."""
        gap, rest = mean.near - mean.far, self.own - mean.far
        a, b = (mean.alpha**2)[:, None, None], ((1 - mean.alpha) ** 2)[:, None, None]
        explained = a * spread.near + b * spread.far
        size = explained.diagonal(dim1=1, dim2=2).sum(1)[:, None, None]
        noise = torch.eye(len(gap), dtype=gap.dtype, device=gap.device)
        explained = explained + (NOISE + NOISE_SHARE * size) * noise
        told, off = torch.linalg.solve(explained, torch.stack([gap.T, rest.T], -1)).unbind(-1)
        told, off = told.T, off.T
        prior = OUTLINE_SIGMA**-2
        alpha = (((told * rest).sum(0) + prior * spread.outline) / ((told * gap).sum(0) + prior)).clamp(0, 1)
        off = (off - alpha * told).T[..., None]
        low = self.colour.where(self.inside, torch.inf).amin(-1)
        high = self.colour.where(self.inside, -torch.inf).amax(-1)
        near = mean.near + alpha * (spread.near @ off)[..., 0].T
        far = mean.far + (1 - alpha) * (spread.far @ off)[..., 0].T
        return Matte(alpha, near.clamp(low, high), far.clamp(low, high), mean.x_near, mean.x_far)


def _shares(weight: Float[Tensor, "p n"]) -> Float[Tensor, "p n"]:
    return weight / weight.sum(1, keepdim=True).clamp(min=1e-12)


def _spread(
    colour: Float[Tensor, "c p n"], mean: Float[Tensor, "c p"], share: Float[Tensor, "p n"]
) -> Float[Tensor, "p c c"]:
    """Covariance of weighted colours about their mean."""
    off = (colour - mean[..., None]).permute(1, 0, 2)
    return SPREAD_SHARE * (off * share[:, None]) @ off.mT


def coverage(smoothed: Float[Tensor, " p"]) -> Float[Tensor, " p"]:
    """How much of a pixel a straight outline covers, from the outline smoothed with CLEAN_PX."""
    distance = 2**0.5 * CLEAN_PX * torch.erfinv((2 * smoothed - 1).clamp(-0.999999, 0.999999))
    return (0.5 + distance / OUTLINE_PX).clamp(0, 1)
