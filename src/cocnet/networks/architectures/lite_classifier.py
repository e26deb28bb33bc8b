"""EfficientNet-Lite whole: the trunk and its published head, 1×1 to 1280, ReLU6, mean over places, linear.

Enters: sRGB [b 3 h w] of 0..1, sides from 32 px. Leaves: logits [b 1000] of ImageNet-1k.
"""

from collections.abc import Mapping

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from cocnet.errors import InputError
from cocnet.networks.architectures.efficientnet_lite import EfficientNetLite, SameConv, folded, from_published

WIDTH = 1280
CLASSES = 1000


class LiteClassifier(nn.Module):
    """One of "lite0", "lite1", "lite2". Dropout before the last layer is left out: it is not for training."""

    def __init__(self, name: str = "lite0", classes: int = CLASSES) -> None:
        super().__init__()
        self.trunk = EfficientNetLite(name)
        self.widen = nn.Conv2d(self.trunk.channels[-1], WIDTH, 1)
        self.last = nn.Linear(WIDTH, classes)
        for module in self.trunk.modules():
            if isinstance(module, SameConv):
                module.own_gradient = False  # where the picture's gradient is wanted, PyTorch's own is faster

    def forward(self, rgb: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b n"]:
        wide = functional.relu6(self.widen(self.trunk(rgb)[-1]))
        return self.last(wide.mean((2, 3)))


def classifier_from_published(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The published PyTorch port's weights as those of `LiteClassifier`, norms folded. Raises InputError."""
    trunk = {f"trunk.{name}": tensor for name, tensor in from_published(state).items()}
    weight, bias = folded(state, "_conv_head", "_bn1")
    try:
        last = {f"last.{part}": state[f"_fc.{part}"] for part in ("weight", "bias")}
    except KeyError as error:
        raise InputError(
            f"expected EfficientNet-Lite weights, got none for {error}, try another file"
        ) from error
    return {**trunk, "widen.weight": weight, "widen.bias": bias, **last}
