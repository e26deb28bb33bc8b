"""`RandomBokeh` where pipelines are albumentations' or kornia's.

Enters: a `RandomBokeh`. Leaves: a transform of that library; each needs its package.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import get_worker_info

from cocnet.augment.depths import Depth
from cocnet.augment.random_bokeh import RandomBokeh
from cocnet.errors import InputError, MissingExtraError


def for_albumentations(bokeh: RandomBokeh) -> Any:
    """A transform of albumentations 2.0: images [h w 3] of uint8 or float32 in 0..1, depth (1/m) [h w] as `depth`:

        A.Compose([A.HorizontalFlip(), for_albumentations(RandomBokeh())], additional_targets={"depth": "mask"})

    Its random numbers are the transform's own, as `Compose(seed=…)` sets them, mixed with the worker's
    in workers of a `DataLoader`. Raises MissingExtraError.
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
            worker = (
                get_worker_info()
            )  # whose random_generator is a copy that each worker and epoch begins with
            seed = int(self.random_generator.integers(2**31)) + (worker.seed if worker else 0)
            with _seeded(seed):
                flat = [_image(data["image"])]
                if bokeh.depth == "given":
                    flat.append(Depth(torch.as_tensor(np.ascontiguousarray(data["depth"]))))
                return {"bokeh_params": bokeh.make_params(flat)}

        def apply(self, img: Any, bokeh_params: dict[str, Any], **_: Any) -> Any:
            found = bokeh.transform(_image(img), bokeh_params)
            return np.ascontiguousarray(found.permute(1, 2, 0).numpy())

        def __reduce__(self) -> tuple[Any, ...]:
            return for_albumentations, (bokeh,), self.__dict__

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

        def generate_parameters(self, batch_shape: tuple[int, ...]) -> dict[str, Tensor]:
            return {"seed": torch.randint(2**31, (1,))}

        def apply_transform(
            self,
            input: Tensor,
            params: dict[str, Tensor],
            flags: dict[str, Any],
            transform: Tensor | None = None,
        ) -> Tensor:
            with _seeded(int(params["seed"][0])):
                return bokeh.transform(input, bokeh.make_params([input]))

        def __reduce__(self) -> tuple[Any, ...]:
            return for_kornia, (bokeh,), self.__dict__

    return KorniaBokeh(p=1.0)


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """PyTorch's random numbers of the CPU from a seed, until the end."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        yield


def _image(array: Any) -> Tensor:
    if array.ndim != 3:
        raise InputError(f"expected a picture [h w 3], got {list(array.shape)}, try cv2.COLOR_GRAY2RGB")
    return torch.from_numpy(np.ascontiguousarray(array)).permute(2, 0, 1)


def _missing(package: str, extra: str) -> str:
    return f"expected the package {package}, got none, try pip install 'cocnet[{extra}]'"
