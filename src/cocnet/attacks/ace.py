"""ACE, later AdvCF (Zhao et al., BMVC 2020 and its journal form): a curve for each colour that fools a classifier.

Enters: a victim, pictures, labels. Leaves: an `AttackResult` of 8-bit pictures. A curve has K weights θ ≥ 0:
F(x) = Σ_i clamp(x − i/K, 0, 1/K)·θ_i·K/Σθ, monotone, F(0) = 0, F(1) = 1; θ = 1/K is the identity.
"""

from dataclasses import dataclass
from typing import Literal, get_args

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from cocnet.attacks.guard import ask_logits, check_gradient, evaluating
from cocnet.attacks.pgd import direction
from cocnet.attacks.result import AttackResult, Victim, check_photos, judged, margin
from cocnet.compute import strict_float32
from cocnet.errors import InputError

Form = Literal["journal", "bmvc"]
RATES = {"journal": 1.0, "bmvc": 0.01}
Curves = Float[Tensor, "b 3 k"]
Pictures = Float[Tensor, "b 3 h w"]


@dataclass(frozen=True)
class ACE:
    """The attack; called as attack(victim, image, label). White-box: a query is one picture with its gradient.

    "journal": steps of `rate` [1] along each photo's gradient of the margin, of length 1, θ in [1/K, largest/K]; a
    photo that fools is finished. "bmvc": Adam [0.01] on max(z_y − max z_other, 0) + weight·‖θ/Σθ − 1/K‖², θ ≥ 0; of
    the curves that fool, the one nearest to the identity. Published with 100 and 500 steps; 50 cost what the bokeh
    attacks do. The victim sees pictures of 8 bit, so that a success is one of the file; rounding counts as the
    identity for the gradient. Raises InputError for settings that can't be.
    """

    form: Form = "journal"
    steps: int = 50
    rate: float | None = None
    pieces: int = 64
    largest: float = 16.0
    weight: float = 5.0

    def __post_init__(self) -> None:
        if self.form not in get_args(Form):
            raise InputError(f"expected form journal or bmvc, got {self.form!r}, try journal")
        for name, least in (("steps", 1), ("pieces", 2), ("largest", 1), ("weight", 0)):
            if not getattr(self, name) >= least:
                raise InputError(f"expected {name} from {least}, got {getattr(self, name)}, try the default")

    @property
    def name(self) -> str:
        """The name in tables and on the command line."""
        return "ace" if self.form == "journal" else "ace-bmvc"

    @torch.enable_grad()
    def __call__(self, victim: Victim, image: Pictures, label: Int64[Tensor, " b"]) -> AttackResult:
        """Attack a batch. Raises InputError."""
        check_photos(image, label)
        with strict_float32(image.device), evaluating(victim):
            return self._attacked(victim, image, label)

    def _attacked(self, victim: Victim, image: Pictures, label: Tensor) -> AttackResult:
        theta = torch.full((len(image), 3, self.pieces), 1 / self.pieces, dtype=image.dtype).to(image.device)
        best, farthest = image.clone(), theta.new_full((len(image),), torch.inf)
        queries, adam = torch.zeros_like(label), torch.optim.Adam([theta], self._rate)
        for _ in range(self.steps):
            active = self._active(farthest)
            if len(active) == 0:
                break
            picture, lead, far, grad = self._looked(victim, image[active], label[active], theta[active])
            queries[active] += 1
            nearer = (lead > 0) & (far < farthest[active])
            best[active[nearer]], farthest[active[nearer]] = picture[nearer], far[nearer]
            self._step(theta, active, grad, adam)
        missed = farthest.isinf()
        best[missed] = _in_8_bit(curved(image[missed], theta[missed]))
        return judged(victim, best, label, queries)

    @property
    def _rate(self) -> float:
        return RATES[self.form] if self.rate is None else self.rate

    def _active(self, farthest: Float[Tensor, " b"]) -> Int64[Tensor, " a"]:
        going = farthest.isinf() if self.form == "journal" else torch.ones_like(farthest, dtype=torch.bool)
        return going.nonzero()[:, 0]

    def _looked(
        self, victim: Victim, image: Pictures, label: Tensor, theta: Curves
    ) -> tuple[Pictures, Tensor, Tensor, Curves]:
        """The pictures, how far they fool, how far their curves are from the identity, the loss's gradient."""
        theta = theta.detach().requires_grad_()
        smooth = curved(image, theta)
        picture = smooth + (_in_8_bit(smooth) - smooth).detach()
        lead = margin(ask_logits(victim, picture), label)
        far = (theta / theta.sum(-1, keepdim=True) - 1 / self.pieces).square().sum((1, 2))
        loss = (-lead).clamp(min=0) + (self.weight * far if self.form == "bmvc" else 0)
        check_gradient(picture, lead)
        (grad,) = torch.autograd.grad(loss.sum(), theta)
        return _in_8_bit(smooth.detach()), lead.detach(), far.detach(), grad

    def _step(self, theta: Curves, active: Tensor, grad: Curves, adam: torch.optim.Adam) -> None:
        if self.form == "bmvc":
            theta.grad = grad
            adam.step()
            theta.clamp_(min=0)
            return
        moved = theta[active] - self._rate * direction(grad, "l2")
        theta[active] = moved.clamp(1 / self.pieces, self.largest / self.pieces)


def curved(image: Pictures, theta: Curves) -> Pictures:
    """F of each colour; the weights before a value's own piece add up, the own counts in part."""
    share = theta / theta.sum(-1, keepdim=True)
    before = share.cumsum(-1) - share
    x = image.flatten(2) * theta.shape[-1]
    piece = x.floor().clamp(0, theta.shape[-1] - 1)
    own = piece.long()
    return (before.gather(-1, own) + share.gather(-1, own) * (x - piece)).view_as(image)


def _in_8_bit(image: Pictures) -> Pictures:
    return (image * 255).round().clamp(0, 255) / 255
