"""An adversarial (GAN) loss: a discriminator that is trained beside a network and thrown away.

Enters: photos, a network's pictures and the true ones, sRGB [b 3 h w]. Leaves: what each of the two makes small.
The paper's future work; the loss is the non-saturating one of Goodfellow et al. (NeurIPS 2014), the discriminator
looks at patches (Isola et al., CVPR 2017) and has spectral norm (Miyato et al., ICLR 2018).
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import spectral_norm

from cocnet.networks.layers.highlights import compress_highlights

CHANNELS = (32, 64, 128)
SLOPE = 0.2  # of LeakyReLU, below 0


class Discriminator(nn.Module):
    """Whether each patch of 38 × 38 px is of a true picture, given the photo: logits, at an eighth of the size."""

    def __init__(self) -> None:
        super().__init__()
        parts: list[nn.Module] = []
        before = 6
        for channels in CHANNELS:
            parts += [spectral_norm(nn.Conv2d(before, channels, 4, 2, 1)), nn.LeakyReLU(SLOPE)]
            before = channels
        self.layers = nn.Sequential(*parts, spectral_norm(nn.Conv2d(before, 1, 3, 1, 1)))

    def forward(
        self, photo: Float[Tensor, "b 3 h w"], picture: Float[Tensor, "b 3 h w"]
    ) -> Float[Tensor, "b 1 h8 w8"]:
        """Light above white counts compressed."""
        both = torch.cat((compress_highlights(photo), compress_highlights(picture)), 1)
        return self.layers(2 * both - 1)


class WithDiscriminator(nn.Module):
    """A network that renders bokeh, with the discriminator that is trained beside it."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model, self.discriminator = model, Discriminator()

    def forward(self, **item: Tensor) -> Tensor:
        return self.model(**item)


def adversarial_losses(
    discriminator: nn.Module,
    photo: Float[Tensor, "b 3 h w"],
    output: Float[Tensor, "b 3 h w"],
    target: Float[Tensor, "b 3 h w"],
) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """What the network makes small (its pictures pass for true ones), without gradients for the discriminator; and
    what the discriminator makes small, without gradients for the network."""
    discriminator.requires_grad_(False)
    fooling = functional.softplus(-discriminator(photo, output)).mean()
    discriminator.requires_grad_(True)
    true = functional.softplus(-discriminator(photo, target))
    false = functional.softplus(discriminator(photo, output.detach()))
    return fooling, (true + false).mean()
