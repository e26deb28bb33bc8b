"""What every attack gives back, one row a photo.

Enters: adversarial pictures, sRGB [b 3 h w] of 0..1, their labels (0-based), the victim. Leaves: an `AttackResult`.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from cocnet.attacks.guard import ask_classes, evaluating
from cocnet.compute import strict_float32
from cocnet.errors import InputError

Victim = Callable[[Float[Tensor, "b 3 h w"]], Float[Tensor, "b n"]]
Render = Callable[[Float[Tensor, "b 3 h w"], Float[Tensor, "b 1 h w"]], Float[Tensor, "b 3 h w"]]
PRECISE = (torch.float32, torch.float64)
ROUNDING = 1e-4  # what resizing and rendering may leave beyond 0..1


@dataclass(frozen=True, eq=False)
class AttackResult:
    """A batch of attacked photos.

    image: the adversarial pictures; depth: the adversarial nearness, None where an attack leaves depth alone;
    success: the victim doesn't see the label any more; queries: pictures of this photo that the victim was shown,
    with or without a gradient; prediction: what it sees in `image`; margin: best other logit minus the label's,
    above 0 = fooled; camera: what an attack on the lens chose (1/m of focus, f-number, focal length in m);
    zero_gradient: the first gradient was zero (or NaN) everywhere.
    """

    image: Float[Tensor, "b 3 h w"]
    depth: Float[Tensor, "b 1 h w"] | None
    success: Bool[Tensor, " b"]
    queries: Int64[Tensor, " b"]
    prediction: Int64[Tensor, " b"]
    margin: Float[Tensor, " b"]
    camera: Float[Tensor, "b 3"] | None = None
    zero_gradient: Bool[Tensor, " b"] | None = None


def margin(logits: Float[Tensor, "b n"], label: Int64[Tensor, " b"]) -> Float[Tensor, " b"]:
    """max_{k ≠ y} z_k − z_y of each photo: above 0 the victim is fooled; differentiable. Raises InputError."""
    if len(label) and not 0 <= int(label.min()) <= int(label.max()) < logits.shape[1]:
        got = f"{int(label.min())}..{int(label.max())} of {logits.shape[1]}"
        raise InputError(f"expected labels of classes that the victim has, got {got}, try its own labels")
    own = logits.gather(1, label[:, None])[:, 0]
    others = logits.scatter(1, label[:, None], -torch.inf)
    return others.amax(1) - own


def check_photos(image: Float[Tensor, "b 3 h w"], label: Int64[Tensor, " b"]) -> None:
    """Raise InputError unless these are pictures of 0..1 and a class, 0-based, for each."""
    check_pictures(image)
    check_labels(image, label)


def check_pictures(image: Float[Tensor, "b 3 h w"]) -> None:
    """Raise InputError unless these are pictures of 0..1 in a type that is fine enough for attacks."""
    if image.ndim != 4 or image.shape[1] != 3 or not image.is_floating_point() or 0 in image.shape:
        got = f"{list(image.shape)} {image.dtype}"
        raise InputError(f"expected pictures [b 3 h w] of floats, got {got}, try picture[None].float() / 255")
    if image.dtype not in PRECISE:
        raise InputError(
            f"expected pictures of float32, got {image.dtype}, whose rounding is coarser than an attack's steps, "
            "try image.float()"
        )
    least, most = image.detach().aminmax()
    if not (least >= -ROUNDING and most <= 1 + ROUNDING):
        got = f"{float(least):g}..{float(most):g}"
        raise InputError(f"expected pictures of 0..1, got {got}, try dividing by 255 or clamping")


def check_labels(image: Tensor, label: Int64[Tensor, " b"]) -> None:
    """Raise InputError unless there is a class, 0-based, for each picture."""
    if label.shape != image.shape[:1] or label.dtype != torch.int64 or bool((label < 0).any()):
        got = f"{list(label.shape)} {label.dtype}"
        raise InputError(f"expected a label of int64 from 0 a picture, got {got}, try torch.tensor(labels)")


def judged(
    victim: Victim,
    image: Float[Tensor, "b 3 h w"],
    label: Int64[Tensor, " b"],
    queries: Int64[Tensor, " b"],
    depth: Float[Tensor, "b 1 h w"] | None = None,
    camera: Float[Tensor, "b 3"] | None = None,
) -> AttackResult:
    """The result of an attack that ended with `image`: the victim looks once more, which isn't a query. Raises
    InputError, also for a victim of NaN."""
    with torch.no_grad(), strict_float32(image.device), evaluating(victim):
        logits = ask_classes(victim, image)
        lead = margin(logits, label)
    return AttackResult(image.detach(), depth, lead > 0, queries, logits.argmax(1), lead, camera)
