"""Random procedural surfaces, glowing materials, and the light of sky and sun, as Blender's shader nodes."""

import colorsys
import math
import random
from dataclasses import dataclass

import bpy

Rgba = tuple[float, float, float, float]


def _color(rng: random.Random, value: tuple[float, float], saturation: tuple[float, float]) -> Rgba:
    return (*colorsys.hsv_to_rgb(rng.random(), rng.uniform(*saturation), rng.uniform(*value)), 1.0)


def _pair(rng: random.Random) -> tuple[Rgba, Rgba]:
    """Two contrasting colours, a dark and a light one, in random order."""
    dark = (0.02, 0.15) if rng.random() < 0.4 else (0.15, 0.4)
    pair = [_color(rng, dark, (0.2, 1)), _color(rng, (0.5, 0.9), (0, 0.95))]
    rng.shuffle(pair)
    return pair[0], pair[1]


def _new(name: str) -> tuple[bpy.types.Material, bpy.types.NodeTree, bpy.types.Node]:
    material = bpy.data.materials.new(name)
    tree = material.node_tree
    tree.nodes.clear()
    return material, tree, tree.nodes.new("ShaderNodeOutputMaterial")


def _texture(rng: random.Random, tree: bpy.types.NodeTree, size: float) -> bpy.types.NodeSocket:
    """The colour socket of a random texture whose features are a fraction of `size` metres."""
    kind = rng.choice(("checker", "brick", "noise", "voronoi", "wave", "noise", "voronoi"))
    node = tree.nodes.new(f"ShaderNodeTex{kind.capitalize()}")
    where = tree.nodes.new("ShaderNodeTexCoord")
    tree.links.new(where.outputs["Object"], node.inputs["Vector"])
    node.inputs["Scale"].default_value = rng.uniform(1.2, 4.5) / size
    one, two = _pair(rng)
    if kind in ("checker", "brick"):
        node.inputs["Color1"].default_value, node.inputs["Color2"].default_value = one, two
        if kind == "brick":
            node.inputs["Mortar"].default_value = _color(rng, (0.1, 0.9), (0, 0.3))
        return node.outputs["Color"]
    if kind == "voronoi" and rng.random() < 0.6:
        return node.outputs["Color"]
    ramp = tree.nodes.new("ShaderNodeValToRGB")
    middle = rng.uniform(0.4, 0.55)
    ramp.color_ramp.elements[0].position, ramp.color_ramp.elements[1].position = middle - 0.06, middle + 0.06
    ramp.color_ramp.elements[0].color, ramp.color_ramp.elements[1].color = one, two
    if kind == "noise":
        node.inputs["Detail"].default_value = 5
    if kind == "wave":
        node.inputs["Scale"].default_value *= 0.4
        node.inputs["Distortion"].default_value = rng.choice((0, 3))
    tree.links.new(node.outputs["Distance" if kind == "voronoi" else "Fac"], ramp.inputs[0])
    return ramp.outputs[0]


def random_surface(rng: random.Random, size: float) -> bpy.types.Material:
    """A textured (or, one in four, plain) surface: mostly matte, some a little glossy."""
    material, tree, out = _new("surface")
    glossy = rng.random() < 0.25
    shader = tree.nodes.new("ShaderNodeBsdfPrincipled" if glossy else "ShaderNodeBsdfDiffuse")
    if glossy:
        shader.inputs["Roughness"].default_value = rng.uniform(0.35, 0.7)
    color = shader.inputs["Base Color" if glossy else "Color"]
    if rng.random() < 1 / 4:
        color.default_value = _color(rng, (0.05, 0.9), (0.3, 1))
    else:
        tree.links.new(_texture(rng, tree, size), color)
    tree.links.new(shader.outputs[0], out.inputs[0])
    return material


def random_emission(rng: random.Random, strength: float) -> bpy.types.Material:
    """A glow of a random light colour."""
    return emission_of(_color(rng, (1, 1), (0, 0.6)), strength)


def emission_of(color: Rgba, strength: float) -> bpy.types.Material:
    """A glow that Cycles does not sample as a lamp: small lights would fill the picture with noise."""
    material, tree, out = _new("light")
    node = tree.nodes.new("ShaderNodeEmission")
    node.inputs["Color"].default_value = color
    node.inputs["Strength"].default_value = strength
    tree.links.new(node.outputs[0], out.inputs[0])
    material.cycles.emission_sampling = "NONE"
    return material


@dataclass(frozen=True)
class SkySettings:
    """An even sky and one soft sun; white paper facing the sun comes out near 1."""

    color: Rgba
    strength: float
    sun: float
    height_rad: float
    side_rad: float

    @classmethod
    def random(cls, rng: random.Random) -> "SkySettings":
        return cls(
            color=_color(rng, (0.8, 1), (0.0, 0.35)),
            strength=rng.uniform(0.25, 0.5),
            sun=rng.uniform(1.5, 2.6),
            height_rad=rng.uniform(0.3, 1.2),
            side_rad=rng.uniform(-1.2, 1.2),
        )


def set_sky(sky: SkySettings) -> None:
    """Light the current scene."""
    world = bpy.data.worlds.new("sky")
    inputs = world.node_tree.nodes["Background"].inputs
    inputs["Color"].default_value, inputs["Strength"].default_value = sky.color, sky.strength
    bpy.context.scene.world = world
    lamp = bpy.data.lights.new("sun", "SUN")
    lamp.energy, lamp.angle = sky.sun, math.radians(4)
    sun = bpy.data.objects.new("sun", lamp)
    sun.rotation_euler = (math.pi / 2 - sky.height_rad, 0, sky.side_rad)
    bpy.context.scene.collection.objects.link(sun)
