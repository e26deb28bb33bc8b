"""A share of photos and how sure it is.

Enters: what happened, a truth value a photo. Leaves: a `Share` with Wilson's interval of 95 % (1927).
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

Z95 = 1.959963984540054


@dataclass(frozen=True)
class Share:
    """A share, between which the true one lies at 95 %, of how many photos; NaN of none."""

    value: float
    low: float
    high: float
    count: int

    def __str__(self) -> str:
        """In percent."""
        if not self.count:
            return "–"
        return f"{100 * self.value:.0f} [{100 * self.low:.0f}, {100 * self.high:.0f}]"


def share(happened: Iterable[bool]) -> Share:
    """(p + z²/2n ± z√(p(1 − p)/n + z²/4n²))/(1 + z²/n), p the share among n."""
    listed = [bool(each) for each in happened]
    n = len(listed)
    if not n:
        return Share(math.nan, 0.0, 1.0, 0)
    p, z2 = sum(listed) / n, Z95**2 / n
    middle, half = p + z2 / 2, Z95 * math.sqrt(p * (1 - p) / n + z2 / (4 * n))
    low, high = ((middle + sign * half) / (1 + z2) for sign in (-1, 1))
    return Share(p, max(0.0, low), min(1.0, high), n)
