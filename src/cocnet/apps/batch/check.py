"""What can be right for no photo of a batch: names and files that aren't there, told before the work.

Enters: the batch's settings, the options of a render. Leaves: nothing, or the error that every photo would end with.
"""

from pathlib import Path

from cocnet.apps.batch.settings import BatchRun
from cocnet.errors import FileError
from cocnet.files.offline import is_folder, is_there
from cocnet.pipeline.options import RenderOptions


def check_batch(run: BatchRun, options: RenderOptions) -> None:
    """Refuse an estimator, a network, a device, masks or a folder of depth that aren't there; raises CocnetError."""
    from cocnet.depth.estimators.order import check_estimator
    from cocnet.depth.network_view import retrained
    from cocnet.pipeline.chosen_renderer import renderer_for
    from cocnet.pipeline.deblur_photo import open_deblurrer

    if run.depth is not None and not is_folder(run.depth):
        raise FileError(f"expected a folder of depth maps, got '{run.depth}', which is none, try its folder")
    for name in ("keep", "subject", "aperture_image"):
        path = getattr(options, name)
        if path is not None and not is_there(Path(path)):
            raise FileError(f"expected a picture for {name}, got no file at '{path}', try another path")
    check_estimator(options.estimator)
    weights = retrained(options.estimator)
    if weights is not None and not is_there(weights):
        raise FileError(f"expected an estimator's weights, got no file at '{weights}', try another path")
    renderer_for(options)
    if options.deblur_first:
        open_deblurrer(options.deblur_model)
