"""Render one photo twice: with the near thing in focus, and with the far wall in focus.

    python examples/render_photo.py [photo.jpg] [folder]

Without a photo it draws a scene whose depth is known; with one, depth comes from the photo or is estimated.
"""

import sys
from pathlib import Path

import numpy as np

import cocnet


def scene() -> tuple[np.ndarray, np.ndarray]:
    """A disc at 1 m before a striped wall at 4 m: sRGB pixels [h w 3] of uint8, depth [h w] in metres."""
    rows, columns = np.mgrid[0:240, 0:320]
    stripes = 120 + 90 * np.sin(columns / 1.6)[..., None] * np.array([1.0, 0.6, 0.2])
    near = (rows - 130) ** 2 + (columns - 120) ** 2 < 60**2
    disc = 60 + 40 * ((rows // 10 + columns // 10) % 2)[..., None] * np.array([0.3, 1.0, 2.0])
    photo = np.where(near[..., None], disc, stripes).clip(0, 255).astype(np.uint8)
    return photo, np.where(near, 1.0, 4.0).astype(np.float32)


def main(photo: str | None = None, folder: str = "example-output") -> None:
    """Render at f/1.4 and save both pictures, each with its settings beside it."""
    out = Path(folder)
    out.mkdir(parents=True, exist_ok=True)
    given, depth = scene() if photo is None else (photo, None)
    for name, point in (("near", (0.375, 0.54)), ("far", (0.9, 0.1))):
        result = cocnet.render(given, depth, focus_point=point, f_number=1.4, focal_length_mm=50)
        result.save(out / f"{name}.png")
        used = result.settings
        print(
            f"{name}.png: focus at {used.focus_m.value:.2f} m, blur up to {used.largest_blur_radius_px:.1f} px"
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
