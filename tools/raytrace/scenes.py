"""A random scene from a seed, built in Blender's current file, with its thin lens.

The camera stands at the origin and looks along +y, x is right and z up, lengths are metres: an object's
planar depth is its y. Objects are placed by picture position and apparent size (both in picture widths), so
every scene fills the frame. The seed decides everything; the f-number comes last, from the depths that the
picture really shows (`Scene.open_aperture`).
"""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field

import bpy
from materials import SkySettings, random_emission, random_surface, set_sky

SENSOR_WIDTH_M = 0.036
MAX_RADIUS = (6 / 256, 22 / 256)  # the largest radius of the circle of confusion, in picture widths


@dataclass
class Scene:
    """The lens (SI units) and the content of one random scene."""

    seed: int
    focal_length_m: float
    f_number: float = 0.0
    focus_distance_m: float = 0.0
    blades: int = 0
    blade_rotation_rad: float = 0.0
    tags: list[str] = field(default_factory=list)

    def coc_radius(self, depth_m: float) -> float:
        """½·(f/N)·|D−P|/D·f/P in picture widths (the camera that keeps its field of view)."""
        return self._gain() / self.f_number * abs(1 / self.focus_distance_m - 1 / depth_m)

    def open_aperture(self, near_m: float, far_m: float) -> None:
        """Choose the f-number, given the depth range that the picture shows.

        The larger of the near and far blur gets a random radius within MAX_RADIUS, evenly in its logarithm.
        Sets the camera too, and notes which sides are blurred.
        """
        low, high = map(math.log, MAX_RADIUS)
        radius = math.exp(random.Random(-1 - self.seed).uniform(low, high))
        spread = max(abs(1 / self.focus_distance_m - 1 / depth) for depth in (near_m, far_m))
        self.f_number = round(self._gain() * spread / radius, 3)
        bpy.context.scene.camera.data.dof.aperture_fstop = self.f_number
        for name, depth in (("blurred foreground", near_m), ("blurred background", far_m)):
            if self.coc_radius(depth) > 4 / 256:
                self.tags.append(name)

    def _gain(self) -> float:
        return 0.5 * self.focal_length_m**2 / SENSOR_WIDTH_M


class Builder:
    """Puts objects into the file; u, v in [−½, ½] are picture positions (v down), sizes picture widths."""

    def __init__(self, rng: random.Random, scene: Scene) -> None:
        self.rng, self.scene = rng, scene

    def metres(self, size: float, depth: float) -> float:
        return size * depth * SENSOR_WIDTH_M / self.scene.focal_length_m

    def at(self, u: float, v: float, depth: float) -> tuple[float, float, float]:
        return self.metres(u, depth), depth, -self.metres(v, depth)

    def turn(self, most: float = math.pi) -> tuple[float, float, float]:
        return tuple(self.rng.uniform(-most, most) for _ in range(3))

    def dress(self, material: bpy.types.Material) -> bpy.types.Object:
        """Give the object that was just added its material."""
        bpy.context.object.data.materials.append(material)
        return bpy.context.object

    def solid(self, u: float, v: float, depth: float, size: float) -> None:
        """A sphere, cube, cylinder, torus or slanted card of about this apparent diameter."""
        rng, mesh, r = self.rng, bpy.ops.mesh, self.metres(size / 2, depth)
        place = {"location": self.at(u, v, depth), "rotation": self.turn()}
        kind = rng.choice(("sphere", "cube", "cylinder", "torus", "card"))
        if kind == "sphere":
            mesh.primitive_uv_sphere_add(radius=r, segments=64, ring_count=32, **place)
        elif kind == "cube":
            mesh.primitive_cube_add(size=1.3 * r, **place)
        elif kind == "cylinder":
            mesh.primitive_cylinder_add(radius=0.6 * r, depth=1.5 * r, vertices=64, **place)
        elif kind == "torus":
            mesh.primitive_torus_add(
                major_radius=0.75 * r, minor_radius=0.25 * r, major_segments=64, minor_segments=24, **place
            )
        else:
            mesh.primitive_plane_add(size=1.5 * r, location=place["location"], rotation=self.facing(0.9))
        self.dress(random_surface(rng, r))
        if kind in ("sphere", "torus"):
            bpy.ops.object.shade_smooth()

    def facing(self, most: float) -> tuple[float, float, float]:
        """A plane's rotation that faces the camera, slanted at random by up to `most` radians."""
        slant = self.turn(most)
        return math.pi / 2 + slant[0], slant[1] + self.rng.uniform(0, math.pi), slant[2]

    def rod(self, start: tuple, end: tuple, width: float, material: bpy.types.Material) -> None:
        """A round bar between two points (u, v, depth), with an apparent width."""
        a, b = self.at(*start), self.at(*end)
        way = [q - p for p, q in zip(a, b, strict=True)]
        length = math.dist(a, b)
        depth = (start[2] + end[2]) / 2
        turn = (0.0, math.acos(way[2] / length), math.atan2(way[1], way[0]))
        middle = [(p + q) / 2 for p, q in zip(a, b, strict=True)]
        bpy.ops.mesh.primitive_cylinder_add(
            radius=self.metres(width / 2, depth), depth=length, vertices=16, location=middle, rotation=turn
        )
        self.dress(material)
        bpy.ops.object.shade_smooth()

    def fence(self, depth: float) -> None:
        """A grid of thin bars over part of the frame, its plane a little slanted in depth."""
        rng = self.rng
        width, gap = rng.uniform(0.006, 0.02), rng.uniform(0.09, 0.2)
        u0, u1 = sorted((rng.uniform(-0.6, -0.1), rng.uniform(0.1, 0.6)))
        v0, v1, slope = rng.uniform(-0.5, -0.1), rng.uniform(0.1, 0.6), rng.uniform(-0.5, 0.5)
        material = random_surface(rng, self.metres(0.1, depth))

        def point(u: float, v: float) -> tuple[float, float, float]:
            return u, v, depth * (1 + slope * u)

        for i in range(int((u1 - u0) / gap) + 1):
            self.rod(point(u0 + i * gap, v0), point(u0 + i * gap, v1), width, material)
        for i in range(int((v1 - v0) / gap / 1.5) + 1):
            self.rod(point(u0, v0 + i * gap * 1.5), point(u1, v0 + i * gap * 1.5), width, material)

    def wires(self, depth: float) -> None:
        """Some straight wires across the frame, each from one depth to another."""
        rng = self.rng
        for _ in range(rng.randint(3, 7)):
            start = (rng.uniform(-0.7, 0), rng.uniform(-0.6, 0.6), depth * rng.uniform(0.8, 1.3))
            end = (rng.uniform(0, 0.7), rng.uniform(-0.6, 0.6), depth * rng.uniform(0.8, 1.3))
            self.rod(start, end, rng.uniform(0.005, 0.018), random_surface(rng, self.metres(0.05, depth)))

    def leaves(self, depth: float) -> None:
        """A cloud of small cards around one picture position."""
        rng = self.rng
        u, v, spread = rng.uniform(-0.45, 0.45), rng.uniform(-0.45, 0.2), rng.uniform(0.1, 0.25)
        materials = [random_surface(rng, self.metres(0.03, depth)) for _ in range(3)]
        for _ in range(rng.randint(20, 45)):
            d = depth * rng.uniform(0.85, 1.2)
            place = self.at(rng.gauss(u, spread), rng.gauss(v, spread), d)
            bpy.ops.mesh.primitive_plane_add(
                size=self.metres(rng.uniform(0.02, 0.06), d), location=place, rotation=self.turn()
            )
            bpy.context.object.scale[0] = rng.uniform(0.3, 0.6)
            self.dress(rng.choice(materials))

    def lights(self, depth: float) -> None:
        """Small glowing balls, 5 to 80 times white, apparent radius 1 to 5 px of 256."""
        rng = self.rng
        for _ in range(rng.randint(3, 12)):
            d = depth * rng.uniform(0.9, 1.6)
            r = self.metres(math.exp(rng.uniform(math.log(1.2), math.log(5))) / 256, d)
            place = self.at(rng.uniform(-0.5, 0.5), rng.uniform(-0.5, 0.25), d)
            bpy.ops.mesh.primitive_uv_sphere_add(radius=r, segments=24, ring_count=12, location=place)
            ball = self.dress(random_emission(rng, math.exp(rng.uniform(math.log(5), math.log(80)))))
            ball.visible_diffuse = ball.visible_glossy = ball.visible_shadow = False


def _surroundings(build: Builder, near: float, far: float) -> None:
    """The ground (horizontal or slanted), the back wall, or both; else the sky shows."""
    rng, scene = build.rng, build.scene
    ground, wall = rng.random() < 0.8, rng.random() < 0.65
    if ground or not wall:
        slanted = rng.random() < 0.4
        turn = (0.0, 0.0, 0.0)
        if slanted:
            turn = (rng.uniform(0, 0.12), rng.uniform(-0.25, 0.25), rng.uniform(-0.5, 0.5))
        drop = build.metres(rng.uniform(0.25, 0.5), near * rng.uniform(1.5, 3))
        bpy.ops.mesh.primitive_plane_add(size=80, location=(0, 0, -drop), rotation=turn)
        build.dress(random_surface(rng, drop * 1.2))
        scene.tags.append("slanted ground" if slanted else "ground")
    if wall:
        bpy.ops.mesh.primitive_plane_add(
            size=far * 3, location=(0, far, 0), rotation=(math.pi / 2, 0, rng.uniform(-0.6, 0.6))
        )
        build.dress(random_surface(rng, build.metres(0.25, far)))
        scene.tags.append("wall")


def _things(build: Builder, focus: float, between: Callable[[float, float], float]) -> None:
    """Solid objects: one in focus, several anywhere, perhaps a near one that the picture's border cuts."""
    rng = build.rng
    build.solid(rng.uniform(-0.25, 0.25), rng.uniform(-0.2, 0.2), focus, rng.uniform(0.25, 0.45))
    for _ in range(rng.randint(4, 8)):
        u, v = rng.uniform(-0.5, 0.5), rng.uniform(-0.4, 0.4)
        build.solid(u, v, between(0.15, 0.9), rng.uniform(0.12, 0.3))
    if rng.random() < 0.5:
        u, v = rng.choice((-1, 1)) * rng.uniform(0.4, 0.6), rng.uniform(-0.3, 0.5)
        build.solid(u, v, between(0, 0), rng.uniform(0.4, 0.6))
        build.scene.tags.append("cut by border")


def build_scene(seed: int) -> Scene:
    """Fill Blender's current (empty) file with the scene of this seed, its camera and its light."""
    rng = random.Random(seed)
    scene = Scene(seed, focal_length_m=rng.choice((0.035, 0.05, 0.05, 0.085)))
    build = Builder(rng, scene)
    scale = scene.focal_length_m / 0.05
    near, far = scale * rng.uniform(0.35, 0.7), scale * math.exp(rng.uniform(math.log(3), math.log(14)))

    def between(low: float, high: float) -> float:
        """A depth at a random fraction of the way from near to far, evenly in log depth."""
        return near * (far / near) ** (rng.uniform(low, high) if high else 0)

    focus = rng.choice(("near", "middle", "far"))
    scene.focus_distance_m = between(*{"near": (0.05, 0.25), "middle": (0.3, 0.55), "far": (0.6, 0.9)}[focus])
    scene.tags.append(f"focus {focus}")
    _things(build, scene.focus_distance_m, between)
    thin = {"fence": build.fence, "leaves": build.leaves, "wires": build.wires}
    for name in rng.sample(sorted(thin), rng.choice((0, 0, 1, 1, 1, 2))):
        thin[name](between(0.02, 0.75))
        scene.tags.append(name)
    _surroundings(build, near, far)
    if rng.random() < 0.5:
        behind = focus != "far" and (focus == "near" or rng.random() < 0.7)
        build.lights(between(0.75, 0.95) if behind else near)
        scene.tags.append("lights")
    scene.blades = rng.choice((0, 0, 3, 5, 6, 7, 8, 9))
    scene.blade_rotation_rad = round(rng.uniform(-math.pi, math.pi), 4) if scene.blades else 0.0
    set_sky(SkySettings.random(rng))
    add_camera(scene)
    return scene


def add_camera(scene: Scene) -> None:
    """A camera at the origin with the scene's lens, looking along +y."""
    data = bpy.data.cameras.new("camera")
    camera = bpy.data.objects.new("camera", data)
    camera.rotation_euler = (math.pi / 2, 0, 0)
    bpy.context.scene.collection.objects.link(camera)
    bpy.context.scene.camera = camera
    data.sensor_fit, data.sensor_width = "HORIZONTAL", 1000 * SENSOR_WIDTH_M
    data.lens = 1000 * scene.focal_length_m
    data.clip_start, data.clip_end = 0.01, 1e5
    data.dof.focus_distance = scene.focus_distance_m
    data.dof.aperture_fstop = scene.f_number or 1.0
    data.dof.aperture_blades, data.dof.aperture_rotation = scene.blades, scene.blade_rotation_rad
