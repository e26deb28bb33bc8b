"""Measure the lens of Cycles on one glowing ball out of focus and compare it with theory.

    python tools/raytrace/verify.py

Prints, for lights behind and in front of the focus: the root of the spot's second moment (a disc has r²/2, an
inscribed regular n-gon r²·(2 + cos 2π/n)/6), its energy, and a vertex's angle (x right, y down).
"""

import json
import math

import bpy
import numpy as np
from make import shoot, start_scene
from materials import emission_of
from scenes import SENSOR_WIDTH_M, Scene, add_camera

SIZE, LIGHT_PX = 96, 1.0
LENS = {"focal_length_m": 0.085, "f_number": 0.8, "focus_distance_m": 1.0}


def spot(lens: Scene, depth: float, samples: int) -> np.ndarray:
    """The picture [h w] of a ball of radius LIGHT_PX at the middle of the picture."""
    start_scene(SIZE, 1)
    add_camera(lens)
    radius = LIGHT_PX * depth * SENSOR_WIDTH_M / lens.focal_length_m / SIZE
    bpy.ops.mesh.primitive_uv_sphere_add(radius=radius, segments=48, ring_count=24, location=(0, depth, 0))
    bpy.context.object.data.materials.append(emission_of((1, 1, 1, 1), 100))
    return shoot(samples, 0, blur=True, denoise=False)[0][..., 1].astype(np.float64)


def measure(picture: np.ndarray, blades: int) -> dict[str, float]:
    """Root second moment in px, energy, and the angle in degrees of the n-fold symmetry (modulo 360/n)."""
    y, x = np.mgrid[:SIZE, :SIZE] + 0.5 - SIZE / 2
    total = picture.sum()
    moment = math.sqrt(float((picture * (x**2 + y**2)).sum() / total))
    turn = 0.0
    if blades:
        wave = (picture * np.hypot(x, y) ** blades * np.exp(1j * blades * np.arctan2(y, x))).sum()
        turn = math.degrees(np.angle(wave)) / blades % (360 / blades)
    return {"moment_px": round(moment, 2), "energy": round(float(total), 1), "vertex_deg": round(turn, 1)}


def theory(lens: Scene, depth: float) -> dict[str, float]:
    """The same three numbers from the formulas of the README (energy: strength times the ball's area)."""
    n, radius = lens.blades, SIZE * lens.coc_radius(depth)
    share = (2 + math.cos(2 * math.pi / n)) / 6 if n else 0.5
    turn = (
        math.degrees(math.pi / n - lens.blade_rotation_rad) + 180 * (depth < lens.focus_distance_m)
        if n
        else 0
    )
    return {
        "moment_px": round(math.sqrt(radius**2 * share + LIGHT_PX**2 / 2), 2),
        "energy": round(100 * math.pi * LIGHT_PX**2, 1),
        "vertex_deg": round(turn % (360 / n), 1) if n else 0.0,
    }


def main() -> None:
    """All cases, one line each."""
    for blades, turn in ((0, 0.0), (3, 0.0), (3, 20.0), (4, 0.0), (5, 0.0), (5, 20.0), (6, 0.0)):
        for side, depth in (("behind", 20.0), ("in front", 0.5)):
            lens = Scene(seed=0, **LENS, blades=blades, blade_rotation_rad=math.radians(turn))
            found, expected = measure(spot(lens, depth, 2048), blades), theory(lens, depth)
            print(
                f"blades {blades} turn {turn:4.1f} {side:8s}",
                json.dumps({"found": found, "theory": expected}),
            )


if __name__ == "__main__":
    main()
