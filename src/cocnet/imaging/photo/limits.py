"""How much a file may ask for, and the errors for files that ask for more, are damaged, or of no use here.

Enters: a picture's size from its header, bytes a pixel, the file's own bytes. Leaves: nothing, or a FileError.
What a reader needs is pixels × channels × bytes a channel × `COPIES`: the most that any was measured to hold.
"""

from cocnet.errors import FileError
from cocnet.imaging.photo.formats import RAW

MAX_BYTES = 4_000_000_000  # of memory while one picture is read: 330 megapixels of 8-bit colour
COPIES = 4
LARGE_PIXELS = 16_000_000  # a picture over this needs a file of some size
PIXELS_A_BYTE = 2_000  # more is a constant picture or a bomb: 24 megapixels of nothing are 24 kB as PNG


def budget_bytes(max_mem_mb: float | None) -> int:
    """What reading may need where a user has said so, else `MAX_BYTES`."""
    return MAX_BYTES if max_mem_mb is None else int(max_mem_mb * 1e6)


def check_memory(
    width: int, height: int, pixel_bytes: int, name: str, file_bytes: int, max_bytes: int = MAX_BYTES
) -> None:
    """Raise FileError where reading would need more than `max_bytes`, or where a tiny file claims a giant picture."""
    needed, got = width * height * pixel_bytes * COPIES, f"{width} × {height} in '{name}'"
    if needed > max_bytes:
        raise FileError(
            f"expected a picture that needs at most {max_bytes / 1e6:,.0f} MB of memory to read, got {got}, "
            f"which needs {needed / 1e6:,.0f} MB, try a smaller picture, or --max-mem where there is one"
        )
    if width * height > max(LARGE_PIXELS, PIXELS_A_BYTE * file_bytes):
        raise FileError(
            f"expected a picture, got {got} made of only {file_bytes:,} bytes, try a smaller picture"
        )


def refused(name: str, form: str, formats: tuple[str, ...]) -> FileError:
    """The error for a format that is not let in."""
    remedy = "develop it first, to TIFF or JPEG" if form.startswith(RAW) else "try converting it"
    return FileError(f"expected one of {', '.join(formats)}, got {form} in '{name}', {remedy}")


def damaged(name: object, form: str, error: BaseException) -> FileError:
    """The error for a file that its decoder gave up on, for want of memory or of data."""
    reason = " ".join(str(error).split())[:300] or type(error).__name__
    words = reason.lower()
    if isinstance(error, MemoryError) or ("memory" in words and "security limit" not in words):
        return FileError(
            f"expected enough memory to read '{name}', got too little, try a smaller picture or closing programs"
        )
    if type(error).__name__ == "UnidentifiedImageError":
        reason = "no readable header"
    return FileError(
        f"expected a whole {form} file, got a damaged one in '{name}' ({reason}), try copying it again"
    )
