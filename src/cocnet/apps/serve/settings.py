"""What can be asked of the server; plain data.

Enters: a user's wishes. Leaves: the same, checked.
"""

from dataclasses import dataclass

from cocnet.errors import InputError

LOOPBACK = ("127.0.0.1", "localhost", "::1")
_MOST = {"max_mp": 10_000, "renders": 100, "visitors": 1000, "memory_mb": 10_000_000, "seconds": 86_400}


@dataclass(frozen=True)
class ServeRun:
    """Where the page is served, and how much one visitor may ask for. Raises InputError."""

    host: str = "127.0.0.1"
    """Address to listen on. For any but this computer's own, the printed URL holds a token that visitors need."""
    port: int = 8765
    """Port to listen on; 0 = any free one."""
    max_mp: float = 100.0
    """Largest photo that is accepted, in megapixels."""
    renders: int = 1
    """Number of full-size renders at the same time; more wait in a queue."""
    visitors: int = 4
    """Number of visitors whose photos are open at the same time, each in its own process; others get the process of
    who is idle, or wait."""
    memory_mb: int = 6000
    """Memory that each of these processes may use, in MB."""
    seconds: float = 120.0
    """Time limit for opening a photo or making one view of it, in seconds, once its process has started."""

    def __post_init__(self) -> None:
        for name, most in _MOST.items():
            if not 0 < getattr(self, name) <= most:
                got = getattr(self, name)
                raise InputError(f"expected {name} above 0 and at most {most:,}, got {got}, try 10")
        if not 0 <= self.port < 65536:
            raise InputError(f"expected a port of 0–65535, got {self.port}, try 8765")

    @property
    def is_local(self) -> bool:
        """Only this computer can reach it."""
        return self.host in LOOPBACK
