"""What can be asked of the server; plain data.

Enters: a user's wishes. Leaves: the same, checked.
"""

from dataclasses import dataclass

from cocnet.errors import InputError

LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class ServeRun:
    """Where the page is served, and how much one visitor may ask for. Raises InputError."""

    host: str = "127.0.0.1"
    """Address to listen on; any but this computer's own needs the token that is printed in the URL."""
    port: int = 8765
    """Port; 0 = any that is free."""
    max_mp: float = 100.0
    """Largest photo, megapixels."""
    renders: int = 1
    """Full-size renders at the same time; others wait their turn."""
    visitors: int = 4
    """Visitors whose photos are kept open at the same time; each takes a process."""
    memory_mb: int = 6000
    """Memory that one process may take."""
    seconds: float = 120.0
    """Time that opening a photo, or one view of it, may take."""

    def __post_init__(self) -> None:
        for name in ("max_mp", "renders", "visitors", "memory_mb", "seconds"):
            if not getattr(self, name) > 0:
                raise InputError(f"expected {name} above 0, got {getattr(self, name)}, try 10")
        if not 0 <= self.port < 65536:
            raise InputError(f"expected a port of 0–65535, got {self.port}, try 8765")

    @property
    def is_local(self) -> bool:
        """Only this computer can reach it."""
        return self.host in LOOPBACK
