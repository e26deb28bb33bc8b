"""How alike two pictures are: PSNR, SSIM (Wang et al. 2004), MS-SSIM (Wang et al. 2003), in plain PyTorch.

Enters: two pictures [b c h w] of floats, 0..data_range. Leaves: a score a picture, [b]; colours count alike. All are
differentiable.
"""

from collections.abc import Callable
from typing import Literal, get_args

import torch
from jaxtyping import Float, Float64
from torch import Tensor
from torch.nn import functional

from cocnet.errors import InputError

Window = Literal["uniform", "gaussian"]
SIZE_PX = {"uniform": 7, "gaussian": 11}
SIGMA_PX = 1.5
K1, K2 = 0.01, 0.03
SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
STRIP_ROWS = 128
_FLOOR = 1e-6  # a scale's contrast below it counts as none: powers of negative numbers have no value

Picture = Float[Tensor, "b c h w"]
Plane = Float[Tensor, "b 1 h w"]
Score = Float[Tensor, "b"]


def psnr(a: Picture, b: Picture, data_range: float = 1.0) -> Score:
    """10·log10(data_range²/MSE) in dB, infinity for equal pictures. Raises InputError for unlike shapes."""
    check_pair(a, b, data_range)
    kind = torch.promote_types(a.dtype, torch.float32)  # of half precision squares have no room
    error = functional.mse_loss(a.to(kind), b.to(kind), reduction="none").mean((1, 2, 3))
    return 10 * torch.log10(data_range**2 / error)


def ssim(
    a: Picture,
    b: Picture,
    window: Window = "uniform",
    size: int | None = None,
    data_range: float = 1.0,
) -> Score:
    """Mean structural similarity over all windows that lie inside the picture, −1..1.

    S = (2µaµb + C1)(2σab + C2)/((µa² + µb² + C1)(σa² + σb² + C2)), C = (K·data_range)². "uniform" is the mean of
    size² px [7] with sample covariance n/(n − 1), scikit-image's default; "gaussian" has σ = 1.5 px, size [11] and
    plain covariance, as first published. Raises InputError, also where the picture is smaller than the window.
    """
    check_pair(a, b, data_range)
    size = _checked_size(window, size, a)
    mean, bessel = _mean_filter(window, size, a), _bessel(window, size)

    def one_colour(x: Plane, y: Plane) -> Score:
        rows, columns = (side - size + 1 for side in x.shape[-2:])
        total = x.new_zeros(len(x))
        for top in range(0, rows, STRIP_ROWS):  # whose maps stay in the processor's cache
            seen = slice(top, min(top + STRIP_ROWS, rows) + size - 1)
            luminance, contrast = _ssim_maps(x[..., seen, :], y[..., seen, :], mean, bessel, data_range)
            total = total + (luminance * contrast).sum((1, 2, 3))
        return total / (rows * columns)

    return _by_colour(one_colour, a, b)


def ms_ssim(a: Picture, b: Picture, data_range: float = 1.0) -> Score:
    """SSIM over five scales, each half of the last: Π_j contrast_j^w_j · luminance_5^w_5, colours averaged.

    Gaussian windows of 11 px, σ 1.5, and the published weights; between scales means of 2 × 2 px, odd rows and
    columns left out. Raises InputError, also where the shorter side is below 176 px (11 px at the last scale).
    """
    check_pair(a, b, data_range)
    least = SIZE_PX["gaussian"] << (len(SCALE_WEIGHTS) - 1)
    if min(a.shape[-2:]) < least:
        got = f"{a.shape[-1]} × {a.shape[-2]}"
        raise InputError(f"expected pictures of at least {least} px for five scales, got {got}, try ssim")
    mean = _mean_filter("gaussian", SIZE_PX["gaussian"], a)

    def one_colour(x: Plane, y: Plane) -> Score:
        score = torch.ones((), dtype=x.dtype, device=x.device)
        for scale, weight in enumerate(SCALE_WEIGHTS):
            if scale:
                x, y = functional.avg_pool2d(x, 2), functional.avg_pool2d(y, 2)
            luminance, contrast = _ssim_maps(x, y, mean, 1.0, data_range)
            last = scale == len(SCALE_WEIGHTS) - 1
            term = luminance * contrast if last else contrast
            score = score * term.mean((1, 2, 3)).clamp(min=_FLOOR) ** weight
        return score

    return _by_colour(one_colour, a, b)


def check_pair(a: Tensor, b: Tensor, data_range: float = 1.0) -> None:
    """Raise InputError unless both are floats [b c h w] of one shape, dtype and device."""
    if a.ndim != 4 or not a.is_floating_point() or 0 in a.shape:
        got = f"{list(a.shape)} {a.dtype}"
        raise InputError(f"expected pictures [b c h w] of floats, got {got}, try picture[None].float()")
    if a.shape != b.shape or a.dtype != b.dtype or a.device != b.device:
        one, two = (f"{list(x.shape)} {x.dtype} on {x.device}" for x in (a, b))
        raise InputError(f"expected two pictures of one shape and dtype, got {one} and {two}, try resizing")
    if not data_range > 0:
        raise InputError(f"expected data_range above 0, got {data_range}, try 1.0")


def _by_colour(score: Callable[[Plane, Plane], Score], a: Picture, b: Picture) -> Score:
    """The mean of a score over colours, one at a time: half the time of all at once, whose maps are new memory."""
    scores = [score(a[:, c : c + 1], b[:, c : c + 1]) for c in range(a.shape[1])]
    return torch.stack(scores).mean(0)


def _ssim_maps(
    a: Plane, b: Plane, mean: Callable[[Tensor], Tensor], bessel: float, data_range: float
) -> tuple[Tensor, Tensor]:
    """Luminance and contrast-structure a window; only the sum of the two variances is ever needed."""
    c1, c2 = (K1 * data_range) ** 2, (K2 * data_range) ** 2
    a, b = a - data_range / 2, b - data_range / 2  # variances don't see it, and float32 keeps more digits
    at, bt, squares, product = mean(a), mean(b), mean(a * a + b * b), mean(a * b)
    variances = bessel * (squares - at * at - bt * bt)
    covariance = bessel * (product - at * bt)
    at, bt = at + data_range / 2, bt + data_range / 2
    luminance = (2 * at * bt + c1) / (at * at + bt * bt + c1)
    return luminance, (2 * covariance + c2) / (variances + c2)


def _mean_filter(window: Window, size: int, like: Tensor) -> Callable[[Tensor], Tensor]:
    """The weighted mean of each window inside a plane [b 1 h w], as two passes."""
    if window == "uniform":
        return lambda x: run_sums(run_sums(x, size, 2), size, 3) / size**2
    place = torch.arange(size, dtype=torch.float64) - size // 2
    weights = torch.exp(-(place**2) / (2 * SIGMA_PX**2))
    row = (weights / weights.sum()).to(like)[None, None, None]

    return lambda x: functional.conv2d(functional.conv2d(x, row), row.mT)


def run_sums(x: Tensor, size: int, axis: int) -> Tensor:
    """Sums of `size` neighbours along an axis, by doubling: of 7, four additions (1 + 2 + 4)."""
    count, at, width, part = x.shape[axis] - size + 1, 0, 1, x
    total: Tensor | None = None
    while width <= size:
        if size & width:
            piece = part.narrow(axis, at, count)
            total, at = piece if total is None else total + piece, at + width
        if 2 * width <= size:
            left = part.shape[axis] - width
            part = part.narrow(axis, 0, left) + part.narrow(axis, width, left)
        width *= 2
    assert total is not None
    return total


def _bessel(window: Window, size: int) -> float:
    return size**2 / (size**2 - 1) if window == "uniform" else 1.0


def _checked_size(window: Window, size: int | None, like: Tensor) -> int:
    """The window's size; raises InputError for an unknown window, an even size, or a smaller picture."""
    if window not in get_args(Window):
        raise InputError(f"expected window {' or '.join(get_args(Window))}, got {window!r}, try uniform")
    size = SIZE_PX[window] if size is None else size
    if size < 3 or size % 2 == 0:
        raise InputError(f"expected an odd window size of 3 px or more, got {size}, try {SIZE_PX[window]}")
    if min(like.shape[-2:]) < size:
        got = f"{like.shape[-1]} × {like.shape[-2]}"
        raise InputError(f"expected pictures of at least {size} px, got {got}, try a smaller window")
    return size


def as_8_bit(picture: Float[Tensor, "*b 3 h w"]) -> Float64[Tensor, "*b 3 h w"]:
    """A picture as a file of 8 bit has it: clipped, rounded to 1/255, in float64."""
    return picture.detach().clamp(0, 1).mul_(255).round_().double().div_(255)
