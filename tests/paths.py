"""Where the project lies, and the data beside it that only some machines have."""

from pathlib import Path

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared"
