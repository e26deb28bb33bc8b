"""What every attack gives back, one row a photo.

Enters: adversarial pictures, sRGB [b 3 h w] of 0..1, their labels (0-based), the victim. Leaves: an `AttackResult`.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from cocnet.compute import strict_float32
from cocnet.errors import InputError

Victim = Callable[[Float[Tensor, "b 3 h w"]], Float[Tensor, "b n"]]
Render = Callable[[Float[Tensor, "b 3 h w"], Float[Tensor, "b 1 h w"]], Float[Tensor, "b 3 h w"]]
ROUNDING = 1e-4  # what resizing and rendering may leave beyond 0..1


@dataclass(frozen=True, eq=False)
class AttackResult:
    """A batch of attacked photos.

    image: the adversarial pictures; depth: the adversarial nearness, None where an attack leaves depth alone;
    success: the victim doesn't see the label any more; queries: pictures of this photo that the victim was shown,
    with or without a gradient; prediction: what it sees in `image`; margin: best other logit minus the label's,
    above 0 = fooled; camera: what an attack on the lens chose (1/m of focus, f-number, focal length in m);
    stalled: the first gradient was zero everywhere.
    """

    image: Float[Tensor, "b 3 h w"]
    depth: Float[Tensor, "b 1 h w"] | None
    success: Bool[Tensor, "b"]
    queries: Int64[Tensor, "b"]
    prediction: Int64[Tensor, "b"]
    margin: Float[Tensor, "b"]
    camera: Float[Tensor, "b 3"] | None = None
    stalled: Bool[Tensor, "b"] | None = None


def margin(logits: Float[Tensor, "b n"], label: Int64[Tensor, "b"]) -> Float[Tensor, "b"]:
    """max_{k ≠ y} z_k − z_y of each photo: above 0 the victim is fooled; differentiable. Raises InputError."""
    if bool((label >= logits.shape[1]).any()):
        got = f"{int(label.max())} of {logits.shape[1]}"
        raise InputError(f"expected labels of classes that the victim has, got {got}, try its own labels")
    own = logits.gather(1, label[:, None])[:, 0]
    others = logits.scatter(1, label[:, None], -torch.inf)
    return others.amax(1) - own


def check_photos(image: Float[Tensor, "b 3 h w"], label: Int64[Tensor, "b"]) -> None:
    """Raise InputError unless these are pictures of 0..1 and a class, 0-based, for each."""
    if image.ndim != 4 or image.shape[1] != 3 or not image.is_floating_point() or 0 in image.shape:
        got = f"{list(image.shape)} {image.dtype}"
        raise InputError(f"expected pictures [b 3 h w] of floats, got {got}, try picture[None].float() / 255")
    least, most = image.detach().aminmax()
    if not (least >= -ROUNDING and most <= 1 + ROUNDING):
        got = f"{float(least):g}..{float(most):g}"
        raise InputError(f"expected pictures of 0..1, got {got}, try dividing by 255 or clamping")
    if label.shape != image.shape[:1] or label.dtype != torch.int64 or bool((label < 0).any()):
        got = f"{list(label.shape)} {label.dtype}"
        raise InputError(f"expected a label of int64 from 0 a picture, got {got}, try torch.tensor(labels)")


def judged(
    victim: Victim,
    image: Float[Tensor, "b 3 h w"],
    label: Int64[Tensor, "b"],
    queries: Int64[Tensor, "b"],
    depth: Float[Tensor, "b 1 h w"] | None = None,
    camera: Float[Tensor, "b 3"] | None = None,
) -> AttackResult:
    """The result of an attack that ended with `image`: the victim looks once more, which isn't a query."""
    with torch.no_grad(), strict_float32(image.device):
        logits = victim(image)
        lead = margin(logits, label)
    return AttackResult(image.detach(), depth, lead > 0, queries, logits.argmax(1), lead, camera)
