"""Names of classes, where they are known.

Enters: a class's number, 0-based, and how many there are. Leaves: its name, of ImageNet's 1000 as
torchvision has them.
"""

from functools import cache

IMAGENET = 1000


def class_name(label: int, classes: int = IMAGENET) -> str:
    """The name, or "class 7"."""
    names = _imagenet() if classes == IMAGENET else ()
    return names[label] if 0 <= label < len(names) else f"class {label}"


@cache
def _imagenet() -> tuple[str, ...]:
    from torchvision.models import get_model_weights

    return tuple(get_model_weights("mobilenet_v2").DEFAULT.meta["categories"])
