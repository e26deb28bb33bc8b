"""`RandomBokeh` where pipelines are albumentations' or kornia's.

Enters: a `RandomBokeh`. Leaves: a transform of that library; each needs its package.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from cocnet.augment.depths import Depth
from cocnet.augment.random_bokeh import RandomBokeh
from cocnet.errors import InputError, MissingExtraError


def for_albumentations(bokeh: RandomBokeh) -> Any:
    """A transform of albumentations 2.0: images [h w 3] of uint8 or float32 in 0..1, depth (1/m) [h w] as `depth`:

        A.Compose([A.HorizontalFlip(), for_albumentations(RandomBokeh())], additional_targets={"depth": "mask"})

    Its random numbers are the transform's own, as `Compose(seed=…)` sets them. Raises MissingExtraError.
    """
    try:
        import albumentations
    except ImportError as error:
        raise MissingExtraError(_missing("albumentations", "augment")) from error

    class AlbumentationsBokeh(albumentations.ImageOnlyTransform):  # type: ignore[misc]
        """Random bokeh of the image; masks, boxes and depth stay."""

        @property
        def targets_as_params(self) -> list[str]:
            return ["image", "depth"] if bokeh.depth == "given" else ["image"]

        def get_params_dependent_on_data(
            self, params: dict[str, Any], data: dict[str, Any]
        ) -> dict[str, Any]:
            with torch.random.fork_rng(devices=[]):
                torch.default_generator.manual_seed(int(self.random_generator.integers(2**31)))
                flat = [_image(data["image"])]
                if bokeh.depth == "given":
                    flat.append(Depth(torch.as_tensor(np.ascontiguousarray(data["depth"]))))
                return {"bokeh_params": bokeh.make_params(flat)}

        def apply(self, img: Any, bokeh_params: dict[str, Any], **_: Any) -> Any:
            found = bokeh.transform(_image(img), bokeh_params)
            return np.ascontiguousarray(found.permute(1, 2, 0).numpy())

    return AlbumentationsBokeh(p=1.0)


def for_kornia(bokeh: RandomBokeh) -> Any:
    """An intensity augmentation of kornia 0.9: images [b 3 h w] in 0..1; depth is estimated or made up, as kornia
    hands on images alone. Raises InputError for given depth, MissingExtraError."""
    if bokeh.depth == "given":
        raise InputError("expected depth that needs no second input for kornia, got 'given', try 'estimated'")
    try:
        from kornia.augmentation import IntensityAugmentationBase2D
    except ImportError as error:
        raise MissingExtraError(_missing("kornia", "augment")) from error

    class KorniaBokeh(IntensityAugmentationBase2D):
        """Random bokeh of a batch."""

        def apply_transform(
            self,
            input: Tensor,
            params: dict[str, Tensor],
            flags: dict[str, Any],
            transform: Tensor | None = None,
        ) -> Tensor:
            return bokeh.transform(input, bokeh.make_params([input]))

    return KorniaBokeh(p=1.0)


def _image(array: Any) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array)).permute(2, 0, 1)


def _missing(package: str, extra: str) -> str:
    return f"expected the package {package}, got none, try pip install 'cocnet[{extra}]'"
