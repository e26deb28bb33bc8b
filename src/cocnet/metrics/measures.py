"""Several metrics opened at once; those that can't work here are told, with the reason.

Enters: names. Leaves: `Measures`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from cocnet.errors import CocnetError, FileError
from cocnet.metrics.metric_registry import Compare, metric


@dataclass(frozen=True)
class Measures:
    """Metrics that are ready, by name, and the reasons of those that aren't."""

    compare: dict[str, Compare]
    missing: dict[str, str]

    @property
    def about(self) -> dict[str, str]:
        """What each is, with version and backbone."""
        return {name: getattr(call, "about", metric(name).about) for name, call in self.compare.items()}


def open_metrics(names: Sequence[str]) -> Measures:
    """The metrics that work here, and why the others don't; raises InputError, or FileError where none works."""
    ready, missing = {}, {}
    for found in [metric(name) for name in names]:
        try:
            ready[found.name] = found.open()
        except (CocnetError, ImportError) as error:
            missing[found.name] = str(error)
    if not ready:
        raise FileError(f"expected a metric that works here, got none of {', '.join(names)}, try psnr")
    return Measures(ready, missing)
