"""Windows' means and maxima, and colours' likelihood, as loops compiled for this processor: no gradients.

Enters and leaves what `windows` and `refine` say, equal within 1e-5; sums are kept in double precision, so that a
running one stays exact. `rendering.compiled.usable` says where they can be used.
"""

from itertools import pairwise

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor

from cocnet.rendering.compiled.jit import in_threads, jit

Plane = Float32[np.ndarray, "h w"]
COLUMNS = 256  # of a strip whose running maxima stay in the cache


def box(x: Float[Tensor, "c h w"], reach: int) -> Float[Tensor, "c h w"]:
    """Mean over (2·reach + 1)² px, at the border over what is inside: `windows.box`, compiled."""
    out = torch.empty_like(x, memory_format=torch.contiguous_format)
    planes = zip(x.numpy(), out.numpy(), strict=True)
    parts = _parts(x.shape[1])
    in_threads(_mean_rows, [(plane, reach, *part, made) for plane, made in planes for part in parts])
    return out


def highest(x: Float[Tensor, "c h w"], reach: int) -> Float[Tensor, "c h w"]:
    """Maximum over (2·reach + 1)² px: `windows.highest`, compiled."""
    out = torch.empty_like(x, memory_format=torch.contiguous_format)
    planes = list(zip(x.numpy(), out.numpy(), strict=True))
    strips, parts = range(0, x.shape[2], COLUMNS), _parts(x.shape[1])
    in_threads(_highest_down, [(plane, reach, i, made) for plane, made in planes for i in strips])
    in_threads(_highest_across, [(made, reach, *part) for _, made in planes for part in parts])
    return out


def products(
    guide: Float[Tensor, "3 h w"], where: Float[Tensor, "1 h w"], scale: int
) -> Float[Tensor, "10 i j"]:
    """A side's weight, weighted colours and their six products, means over scale × scale px."""
    height, width = guide.shape[1:]
    out = torch.empty(10, -(-height // scale), -(-width // scale))
    arrays = guide.numpy(), where[0].numpy(), scale
    in_threads(_product_rows, [(*arrays, *part, out.numpy()) for part in _parts(out.shape[1])])
    return out


def log_likelihood(
    guide: Float[Tensor, "3 h w"], means: Float[Tensor, "10 i j"], variance: float, scale: int
) -> Float[Tensor, "1 h w"]:
    """log p(colour) of each pixel's Gaussian, by the means of `products` around it."""
    out = torch.empty_like(guide[:1])
    arrays = guide.numpy(), means.numpy(), np.float32(variance), scale
    in_threads(_log_rows, [(*arrays, *part, out[0].numpy()) for part in _parts(guide.shape[1])])
    return out


def slopes(
    means: Float[Tensor, "4 h w"], guide_mean: Float[Tensor, "3 h w"], inverse: Float[Tensor, "6 h w"]
) -> Float[Tensor, "4 h w"]:
    """The guided filter's a and b, by the means of guide × plane and of the plane."""
    out = torch.empty_like(means)
    arrays = means.numpy(), guide_mean.numpy(), inverse.numpy()
    in_threads(_slope_rows, [(*arrays, *part, out.numpy()) for part in _parts(means.shape[1])])
    return out


def _parts(length: int) -> list[tuple[int, int]]:
    """Begin and end of as many parts as there are threads."""
    ends = [length * k // torch.get_num_threads() for k in range(torch.get_num_threads() + 1)]
    return [part for part in pairwise(ends) if part[0] < part[1]]


@jit
def _mean_rows(x, reach, first, end, out):
    """Rows first…end of the means over what is inside of (2·reach + 1)² px."""
    height, width = x.shape
    columns, shares = np.zeros(width), np.empty(width)
    for i in range(width):
        shares[i] = 1.0 / (min(i + reach, width - 1) - max(i - reach, 0) + 1)
    for y in range(max(first - reach, 0), min(first + reach, height)):
        for i in range(width):
            columns[i] += x[y, i]
    for y in range(first, end):
        if y + reach < height:
            for i in range(width):
                columns[i] += x[y + reach, i]
        if y > first and y - reach > 0:
            for i in range(width):
                columns[i] -= x[y - reach - 1, i]
        share = 1.0 / (min(y + reach, height - 1) - max(y - reach, 0) + 1)
        total = 0.0
        for i in range(min(reach, width)):
            total += columns[i]
        for i in range(width):
            more = columns[i + reach] if i + reach < width else 0.0
            less = columns[i - reach - 1] if i - reach > 0 else 0.0
            total += more - less
            out[y, i] = total * (share * shares[i])


@jit
def _highest_down(x, reach, left, out):
    """Maxima over 2·reach + 1 px down a strip of columns (van Herk 1992): from the end of a block of so many rows up,
    and from the beginning of the next one down."""
    height, right, size = x.shape[0], min(left + COLUMNS, x.shape[1]), 2 * reach + 1
    up = np.empty((size + 1, right - left), np.float32)
    down = np.empty(right - left, np.float32)
    for begin in range(-reach, height - reach, size):
        up[size] = -np.inf
        for k in range(size - 1, -1, -1):
            up[k] = up[k + 1]
            if 0 <= begin + k < height:
                _raise(up[k], x[begin + k, left:right])
        down[:] = -np.inf
        for k in range(min(size, height - reach - begin)):
            if k > 0 and begin + k + size - 1 < height:
                _raise(down, x[begin + k + size - 1, left:right])
            made = out[begin + k + reach, left:right]
            made[:] = down
            _raise(made, up[k])


@jit
def _raise(row, other):
    for i in range(len(row)):
        row[i] = row[i] if row[i] > other[i] else other[i]


@jit
def _highest_across(x, reach, first, end):
    """Maxima over 2·reach + 1 px along rows first…end, in place, as `_highest_down` does it."""
    width, size = x.shape[1], 2 * reach + 1
    length = -(-(width + 2 * reach) // size) * size
    row = np.full(length, -np.inf, np.float32)
    down = np.empty(length, np.float32)
    for y in range(first, end):
        row[reach : reach + width] = x[y]
        row[reach + width :] = -np.inf
        for begin in range(0, length, size):
            most = row[begin]
            for i in range(begin, begin + size):
                most = row[i] if row[i] > most else most
                down[i] = most
            for i in range(begin + size - 2, begin - 1, -1):
                row[i] = row[i] if row[i] > row[i + 1] else row[i + 1]
        for i in range(width):
            x[y, i] = row[i] if row[i] > down[i + size - 1] else down[i + size - 1]
        row[:reach] = -np.inf


@jit
def _log_rows(guide, means, variance, scale, first, end, out):
    width = guide.shape[2]
    model = np.empty((10, means.shape[2]), np.float32)
    for y in range(first, end):
        if y == first or y % scale == 0:
            _gaussians(means[:, y // scale], variance, model)
        for i in range(width):
            u = i // scale
            r, g, b = guide[0, y, i] - model[0, u], guide[1, y, i] - model[1, u], guide[2, y, i] - model[2, u]
            square = model[3, u] * r * r + model[4, u] * g * g + model[5, u] * b * b
            square += np.float32(2) * (model[6, u] * r * g + model[7, u] * r * b + model[8, u] * g * b)
            out[y, i] = np.float32(-0.5) * (square + model[9, u])


@jit
def _gaussians(means, variance, model):
    """Centre, inverse covariance (xx, yy, zz, xy, xz, yz) and log determinant along a row."""
    for u in range(means.shape[1]):
        weight = max(means[0, u], np.float32(1e-6))
        r, g, b = means[1, u] / weight, means[2, u] / weight, means[3, u] / weight
        xx = means[4, u] / weight - r * r + variance
        xy = means[5, u] / weight - r * g
        xz = means[6, u] / weight - r * b
        yy = means[7, u] / weight - g * g + variance
        yz = means[8, u] / weight - g * b
        zz = means[9, u] / weight - b * b + variance
        p, q, s = yy * zz - yz * yz, xz * yz - xy * zz, xy * yz - xz * yy
        determinant = xx * p + xy * q + xz * s
        share = np.float32(1) / determinant
        model[0, u], model[1, u], model[2, u] = r, g, b
        model[3, u], model[6, u], model[7, u] = p * share, q * share, s * share
        model[4, u], model[5, u] = (xx * zz - xz * xz) * share, (xx * yy - xy * xy) * share
        model[8, u] = (xy * xz - xx * yz) * share
        model[9, u] = np.log(determinant)


@jit
def _product_rows(guide, where, scale, first, end, out):
    height, width = where.shape
    for v in range(first, end):
        out[:, v] = 0
        for y in range(v * scale, min(v * scale + scale, height)):
            for i in range(width):
                u, w = i // scale, where[y, i]
                if w == 0:
                    continue
                r, g, b = guide[0, y, i], guide[1, y, i], guide[2, y, i]
                out[0, v, u] += w
                out[1, v, u] += r * w
                out[2, v, u] += g * w
                out[3, v, u] += b * w
                out[4, v, u] += r * r * w
                out[5, v, u] += r * g * w
                out[6, v, u] += r * b * w
                out[7, v, u] += g * g * w
                out[8, v, u] += g * b * w
                out[9, v, u] += b * b * w
        rows = min(scale, height - v * scale)
        for u in range(out.shape[2]):
            share = np.float32(1) / np.float32(rows * min(scale, width - u * scale))
            for k in range(10):
                out[k, v, u] *= share


@jit
def _slope_rows(means, centre, inverse, first, end, out):
    for y in range(first, end):
        for i in range(means.shape[2]):
            mean = means[3, y, i]
            r, g, b = centre[0, y, i], centre[1, y, i], centre[2, y, i]
            p, q, s = means[0, y, i] - r * mean, means[1, y, i] - g * mean, means[2, y, i] - b * mean
            x = inverse[0, y, i] * p + inverse[1, y, i] * q + inverse[2, y, i] * s
            z = inverse[1, y, i] * p + inverse[3, y, i] * q + inverse[4, y, i] * s
            w = inverse[2, y, i] * p + inverse[4, y, i] * q + inverse[5, y, i] * s
            out[0, y, i], out[1, y, i], out[2, y, i] = x, z, w
            out[3, y, i] = mean - (x * r + z * g + w * b)
