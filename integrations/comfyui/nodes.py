"""One node: pictures and depth in, pictures with the blur of a lens out.

Enters: IMAGE [B, H, W, 3] of sRGB in 0..1, as ComfyUI has it; depth or none, an IMAGE [B or 1, h, w, C] whose first
channel is read. Leaves: IMAGE of the same size; the signed radius of the circle of confusion as an IMAGE (grey 0.5 =
in focus, brighter = behind); a MASK [B, H, W] that is 1 where the picture is in focus.
"""

import numpy as np
import torch

from cocnet.pipeline.live_preview import zones
from cocnet.pipeline.options import DepthKind, RenderOptions
from cocnet.pipeline.plan import prepare
from cocnet.pipeline.render_photo import render_plan

KINDS = DepthKind.__args__


class CocnetBokeh:
    """Shallow depth of field, as a lens would draw it."""

    CATEGORY = "image/postprocessing"
    FUNCTION = "render"
    RETURN_TYPES = ("IMAGE", "IMAGE", "MASK")
    RETURN_NAMES = ("image", "circle of confusion", "in focus")

    @classmethod
    def INPUT_TYPES(cls):
        """What ComfyUI shows."""
        number = {"min": 0.0, "max": 1.0, "step": 0.01}
        return {
            "required": {
                "image": ("IMAGE",),
                "focus": (["automatic", "at the point"],),
                "focus_x": (
                    "FLOAT",
                    {"default": 0.5, **number, "tooltip": "fraction of the width from the left"},
                ),
                "focus_y": (
                    "FLOAT",
                    {"default": 0.5, **number, "tooltip": "fraction of the height from the top"},
                ),
                "f_number": ("FLOAT", {"default": 1.8, "min": 0.5, "max": 32.0, "step": 0.1}),
                "blur": (
                    "FLOAT",
                    {
                        "default": 0.0,
                        "min": 0.0,
                        "max": 100.0,
                        "step": 1.0,
                        "tooltip": "above 0: not f_number",
                    },
                ),
                "blades": (
                    "INT",
                    {"default": 0, "min": 0, "max": 12, "tooltip": "0 = a round iris, else 3 or more"},
                ),
            },
            "optional": {"depth": ("IMAGE",), "depth_kind": (list(KINDS), {"default": "relative_disparity"})},
        }

    def render(
        self,
        image,
        focus="automatic",
        focus_x=0.5,
        focus_y=0.5,
        f_number=1.8,
        blur=0.0,
        blades=0,
        depth=None,
        depth_kind="relative_disparity",
    ):
        """Render each picture of the batch. Without depth it is estimated."""
        options = RenderOptions(
            focus_point=(focus_x, focus_y) if focus == "at the point" else None,
            f_number=None if blur > 0 else f_number,
            blur=blur if blur > 0 else None,
            aperture_blades=blades,
            depth_kind=None if depth is None else depth_kind,
        )
        if depth is not None and len(depth) not in (1, len(image)):
            raise ValueError(
                f"expected one depth, or one for each of {len(image)} pictures, got {len(depth)}"
            )
        maps = [None] * len(image) if depth is None else depth[..., 0].expand(len(image), -1, -1)
        made = [_one(one, plane, options) for one, plane in zip(image, maps, strict=True)]
        return tuple(torch.stack(parts).to(image.device) for parts in zip(*made, strict=True))


def _one(image, depth, options):
    """Picture [H, W, 3], circle of confusion [H, W, 3], mask [H, W]."""
    pixels = image[..., :3].clamp(0, 1).cpu().numpy()
    plan = prepare(pixels, None if depth is None else depth.cpu().numpy(), options)
    made = render_plan(plan).pixels.astype(np.float32) / 65535
    inverse = torch.from_numpy(plan.inverse_depth)
    radius = plan.lens.coc_radius_px(inverse, plan.photo.width)
    largest = max(float(radius.abs().max()), 1e-6)
    grey = (0.5 + 0.5 * radius / largest)[..., None].expand(-1, -1, 3)
    sharp = torch.from_numpy(zones(plan.lens, inverse) == 0).float()
    return torch.from_numpy(made), grey.clone(), sharp


NODE_CLASS_MAPPINGS = {"CocnetBokeh": CocnetBokeh}
NODE_DISPLAY_NAME_MAPPINGS = {"CocnetBokeh": "Bokeh (cocnet)"}
