"""`cocnet pairs`: pairs of sharp photos and their bokeh, to train on.

Enters: photos in a folder. Leaves: folders as BasicSR, DPDD or EBB! have them.
"""

from pathlib import Path
from typing import Annotated

from tyro.conf import OmitArgPrefixes, Positional, arg

from cocnet.apps.cli.progress import parts_done
from cocnet.apps.cli.say import note
from cocnet.errors import FileError
from cocnet.training.runs.pair_settings import PairRun


def pairs(
    images: Annotated[Positional[Path], arg(metavar="FOLDER")], /, run: OmitArgPrefixes[PairRun]
) -> None:
    """Make training pairs of sharp photos and their bokeh for other networks.

    For BasicSR or NAFNet, each photo through three lenses; options/nafnet.yml is written beside them:
      cocnet pairs photos --each 3 -o pairs

    In DPDD's layout, 16 bit, with maps of the circle of confusion:
      cocnet pairs photos --layout dpdd --bits 16 --coc -o pairs

    Args:
        images: Folder of sharp photos.
        run: Bokeh and layout.
    """
    from cocnet.training.runs.pair_set import MANIFEST, run_pairs

    with parts_done("pairs") as on_progress:
        found = run_pairs(images, run, on_progress)
    for line in run.ignored():
        note(line)
    for line in found["left_out"]:
        note(f"left out {line}")
    if not found["pairs"]:
        raise FileError(f"expected a photo that can be used, got none in '{images}', try what is said above")
    print(f"{run.out / MANIFEST}: {len(found['pairs'])} pairs")
