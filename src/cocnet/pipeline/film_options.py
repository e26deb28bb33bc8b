"""What can be asked of a film: the options of a render for each frame, keys of focus and aperture.

Enters: a user's wishes. Leaves: the same, checked.
"""

from dataclasses import dataclass, field

from cocnet.errors import InputError
from cocnet.pipeline.keys import ApertureKey, FocusKey
from cocnet.pipeline.options import RenderOptions, finds_focus


@dataclass(frozen=True)
class FilmOptions:
    """What is asked of a film: the options of a render, keys of focus and aperture, whether depth is steadied.
    Raises InputError where a key and an option ask for the same."""

    render: RenderOptions = field(default_factory=RenderOptions)
    focus_keys: tuple[FocusKey, ...] = ()
    aperture_keys: tuple[ApertureKey, ...] = ()
    steady: bool = True

    def __post_init__(self) -> None:
        if self.focus_keys and not finds_focus(self.render):
            raise InputError("expected one focus, got keys and another one, try --focus-keys alone")
        if self.aperture_keys and (self.render.f_number is not None or self.render.blur is not None):
            raise InputError("expected one aperture, got keys and another one, try --aperture-keys alone")

    @property
    def follows(self) -> bool:
        """Whether the subject is followed by focus."""
        return not self.focus_keys and finds_focus(self.render)
