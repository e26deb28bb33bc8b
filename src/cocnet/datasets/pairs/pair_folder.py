"""A user's own pairs: two folders whose files have the same stems, or one folder with endings.

Enters: folders. Leaves: a dataset of `BokehPair`s.
"""

from pathlib import Path

from cocnet.datasets.pairs.bokeh_pairs import BokehPairs
from cocnet.datasets.pairs.matching import DEPTHS, files_by_stem, match
from cocnet.datasets.pairs.view import View
from cocnet.errors import InputError


class ImageBokehFolder(BokehPairs):
    """images/NAME.* with bokehs/NAME.*, or, with endings ("_input", "_sharp"), NAME_input.* beside NAME_sharp.*.

    depths: folder of depth files NAME.*, of `depth_kind` [what their sidecars say]. Raises FileError, InputError.
    """

    def __init__(
        self,
        images: str | Path,
        bokehs: str | Path | None = None,
        endings: tuple[str, str] = ("", ""),
        *,
        depths: str | Path | None = None,
        depth_kind: str | None = None,
        view: View | None = None,
        seed: int = 0,
        skip_problems: bool = False,
    ) -> None:
        if bokehs is None and endings[0] == endings[1]:
            raise InputError(f"expected two folders or two endings, got {endings}, try ('_input', '_sharp')")
        photos, twice = files_by_stem(images, ending=endings[0])
        blurred, too = files_by_stem(bokehs or images, ending=endings[1])
        if bokehs is None:  # NAME_bokeh ends with "", too
            longer, other = (blurred, photos) if len(endings[1]) > len(endings[0]) else (photos, blurred)
            taken = set(longer.values())
            for name in [name for name, path in other.items() if path in taken]:
                del other[name]
        depth, also = (None, []) if depths is None else files_by_stem(depths, DEPTHS)
        pairs, halves = match(photos, blurred, depth, depth_kind)
        about = f"'{images}'" if bokehs is None else f"'{images}' and '{bokehs}'"
        problems = (*twice, *too, *also, *halves)
        super().__init__(pairs, problems, view=view, seed=seed, skip_problems=skip_problems, about=about)
