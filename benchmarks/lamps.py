"""Whether lamps blink in a film: change of a disc's light from frame to frame, over its mean.

    python benchmarks/lamps.py [--frames 24]

15 clipped lamps of several sizes and brightnesses drift over the pixels, far behind the focus. Printed is, for each
brightness (white is 1) and radius, the mean change of the film that comes in, of its bokeh without restored lights,
with lights restored frame by frame, and with lights steadied.
"""

import argparse
from collections.abc import Iterator

import numpy as np
from jaxtyping import Float, UInt8

from cocnet import RenderOptions
from cocnet.imaging import Photo
from cocnet.pipeline.film import Film
from cocnet.pipeline.film_options import FilmOptions
from cocnet.pipeline.render_photo import render_plan

HEIGHT, WIDTH, REACH_PX, FINER = 240, 360, 34, 4
RADII_PX, LEVELS = (0.8, 1.2, 1.8, 2.6, 4.0), (1.5, 4.0, 20.0)
DARK, NOISE, DRIFT_PX = 0.02, 0.003, (0.13, 0.23)
FOCUS_M, FAR_M = 1.5, 8.0
RENDER = RenderOptions(depth_kind="metric", focus_m=FOCUS_M, f_number=1.2, focal_length_mm=50)


def frames(count: int) -> Iterator[UInt8[np.ndarray, "h w 3"]]:
    """The film that comes in."""
    noise = np.random.default_rng(0)
    rows, columns = ((np.arange(n * FINER) + 0.5) / FINER for n in (HEIGHT, WIDTH))
    for number in range(count):
        light = np.full((HEIGHT, WIDTH), DARK)
        for j, level in enumerate(LEVELS):
            for i, radius in enumerate(RADII_PX):
                y, x = (place + number * drift for place, drift in zip(middle(j, i), DRIFT_PX, strict=True))
                disc = np.hypot(rows[:, None] - y, columns[None] - x) < radius
                light += level * disc.reshape(HEIGHT, FINER, WIDTH, FINER).mean((1, 3))
        light3 = light[..., None] + NOISE * noise.standard_normal((HEIGHT, WIDTH, 3))
        yield np.rint(255 * encoded(light3.clip(0, 1))).astype(np.uint8)


def middle(row: int, column: int) -> tuple[int, int]:
    """Where a lamp is at first."""
    return 40 + 80 * row, 36 + 72 * column


def encoded(light: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    """Linear light as sRGB."""
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


def linear(codes: UInt8[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    """sRGB of 8 bit as linear light."""
    share = codes / 255
    return np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)


def energies(pixels: UInt8[np.ndarray, "h w 3"]) -> Float[np.ndarray, " lamps"]:
    """The light of each lamp, px."""
    light = linear(pixels).mean(-1) - DARK
    boxes = [
        tuple(slice(max(0, place - REACH_PX), place + REACH_PX + 1) for place in middle(j, i))
        for j in range(len(LEVELS))
        for i in range(len(RADII_PX))
    ]
    return np.array([light[box].sum() for box in boxes])


def changes(films: list[UInt8[np.ndarray, "h w 3"]]) -> Float[np.ndarray, " lamps"]:
    """Mean change from frame to frame over the mean."""
    found = np.stack([energies(pixels) for pixels in films])
    return np.abs(np.diff(found, axis=0)).mean(0) / found.mean(0)


def rendered(pictures: list[UInt8[np.ndarray, "h w 3"]], options: FilmOptions) -> list[np.ndarray]:
    """The film with bokeh."""
    film = Film(options)
    depth = np.full((HEIGHT, WIDTH), FAR_M, np.float32)
    depth[-20:] = FOCUS_M
    plans = (film.plan(Photo(pixels), number / 24, depth) for number, pixels in enumerate(pictures))
    return [render_plan(plan).pixels for plan in plans]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--frames", type=int, default=24)
    pictures = list(frames(parser.parse_args().frames))
    films = {
        "comes in": pictures,
        "none restored": rendered(pictures, FilmOptions(RENDER.changed(highlights="off"))),
        "frame by frame": rendered(pictures, FilmOptions(RENDER, steady=False)),
        "steadied": rendered(pictures, FilmOptions(RENDER)),
    }
    print(f"{'level':>24}: " + "".join(f"{radius:>7} px" for radius in RADII_PX))
    for name, film in films.items():
        for level, row in zip(LEVELS, changes(film).reshape(len(LEVELS), -1), strict=True):
            print(f"{name:>16} {level:>7g}: " + "".join(f"{share:>10.1%}" for share in row))


if __name__ == "__main__":
    main()
