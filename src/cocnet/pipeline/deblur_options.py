"""What can be asked of a deblurring; plain data, so that the command line need not wait for PyTorch.

Enters: a user's wishes. Leaves: the same, checked.
"""

from dataclasses import dataclass
from typing import Annotated, Literal

from tyro.conf import arg

from cocnet.choices import check_choices
from cocnet.errors import InputError

DEFAULT_MODEL = "deblur-hybrid"
DEFAULT_MB = 1200
DEFAULT_QUALITY = 95


@dataclass(frozen=True)
class DeblurOptions:
    """How a photo is sharpened."""

    model: str = DEFAULT_MODEL
    """Deblurring network: a weight file, or a name of `cocnet models` whose weights ship."""
    strength: float = 1.0
    """How much of the network's change is applied: 0 = none, 1 = all, up to 2."""
    views: Literal[1, 2, 4, 8] = 1
    """How many times the network looks at the photo, mirrored and turned; the mean is a little better, and takes as
    many times as long."""
    bfloat16: bool = False
    """Compute in bfloat16: faster where the processor or GPU supports it; most pixels change by at most one 8-bit
    step."""
    device: str = "cpu"
    """Where the picture is sharpened: cpu or cuda."""
    max_mem_mb: Annotated[int | None, arg(name="max-mem", metavar="MB")] = None
    """Memory in MB that reading and a tile may use; a photo that can't be read within it is refused (default: 1200
    for a tile, 4000 to read)."""

    def __post_init__(self) -> None:
        """Raise InputError for what can't be."""
        check_choices(self)
        if not 0 <= self.strength <= 2:
            raise InputError(f"expected strength from 0 to 2, got {self.strength}, try 1")
        if self.max_mem_mb is not None and self.max_mem_mb < 1:
            raise InputError(f"expected max_mem_mb above 0, got {self.max_mem_mb}, try {DEFAULT_MB}")
