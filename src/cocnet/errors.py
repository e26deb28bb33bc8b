"""Every error a user can cause: one line each, saying what was expected, what came, and what to try."""


class CocnetError(Exception):
    """Base of all errors that a user's input can cause; the command line prints it as one line."""


class InputError(CocnetError, ValueError):
    """A value, tensor or option is not what the call takes."""


class FileError(CocnetError, OSError):
    """A file can't be read, is refused, or can't be written; names the file and the remedy."""


class DownloadError(FileError):
    """A file that would have to be downloaded isn't there: no network, or none allowed."""


class DepthError(CocnetError, ValueError):
    """A depth map is missing, untyped, of another shape, or holds nothing usable."""


class MissingExtraError(CocnetError, ImportError):
    """An optional package is needed; names the extra that installs it."""


class CocnetWarning(UserWarning):
    """Something was dropped or guessed; the result is still right."""
