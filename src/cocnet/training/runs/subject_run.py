"""Training the network of depth and subject: folders of photos, masks and disparity in, a run's folder out.

Enters: a `SubjectRun`. Leaves in its folder: settings.json, log.jsonl, state.safetensors (it goes on from there),
weights.safetensors and depth_subject.safetensors (averaged weights; the latter in 16 bit, as they ship).
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from tyro.conf import arg

from cocnet.errors import FileError, InputError
from cocnet.files.listing import listed
from cocnet.files.run_folder import fingerprint

if TYPE_CHECKING:
    from torch import Tensor

    from cocnet.datasets.subject.cutouts import SubjectSet
    from cocnet.networks.architectures.depth_subject_net import DepthSubjectNet
    from cocnet.training.engine.mask_losses import MaskScore


@dataclass(frozen=True)
class SubjectRun:
    """What to train on, from where, for how long."""

    images: tuple[Path, ...]
    """Folders of photos; photos for validation are held out of the first, and files of their names of the others."""
    masks: tuple[Path, ...]
    """As many folders of masks, NAME.png for NAME.jpg, white = subject, each of its photo's size."""
    disparities: tuple[Path, ...] = ()
    """As many folders of relative disparity, NAME.png, 16 bit, bigger is nearer, each of its photo's aspect ratio;
    photos without a file train their masks only, or ask --disparity-teacher (default: as the built-in network
    estimates it)."""
    out: Annotated[Path, arg(aliases=["-o"])] = Path("runs/subject")
    """Folder of the run. Run the same command again to continue after an interruption."""
    cutouts: Path | None = None
    """Folder of PNG cut-outs of single objects on transparent ground, to paste on photos as well."""
    disparity_teacher: Path | None = None
    """ONNX network of relative disparity (RGB 0-255 in, bigger is nearer out), asked about each view of a photo that
    has no file of disparity: few photos are then many examples. Needs cocnet[onnx]."""
    encoder: Path | None = None
    """Weight file of an encoder to start from, with a new decoder (default: the whole built-in network)."""
    start: Path | None = None
    """Weight file of a whole network to start from."""
    learning_rate: float = 1.2e-3
    """Highest learning rate of the decoders."""
    encoder_share: float = 0.1
    """The encoder's learning rate, as a part of the decoders'."""
    disparity_weight: float = 10.0
    """Weight of disparity's error beside the mask's; 0 trains the mask and the order of near and far only."""
    frozen_depthwise: bool = False
    """Keep the encoder's depthwise kernels as they are, which halves the time; without --disparities and
    --disparity-teacher they are kept anyway."""
    dropout: float = 0.15
    """Fraction of the decoders' channels that a training step drops: more for few photos, so that they aren't learnt
    by heart; less where even the training photos aren't fitted."""
    bfloat16: bool = True
    """Compute in bfloat16; float32 is faster on some processors."""
    steps: int = 2500
    """Number of training steps; the learning rate falls to zero over them."""
    minutes: float | None = None
    """Stop after this many minutes, if that comes first (default: no limit)."""
    batch: int = 16
    """Batch size."""
    sides_px: tuple[int, ...] = (256,)
    """Sides of the square training pictures in px, multiples of 32; batches take turns."""
    pasted: float = 0.5
    """Fraction of the training pictures that are subjects pasted on other photos."""
    whole: float = 0.0
    """Fraction of the other training pictures that show nearly the whole photo, little changed, as the network is
    used; the rest are crops, turned and recoloured more strongly."""
    held_out: int = 60
    """Number of photos held out for validation."""
    skip_problems: bool = False
    """Leave out photos and masks that can't be used, and report them, instead of stopping."""
    workers: int = 0
    """Processes that load data in advance; 0 = none."""
    threads: int | None = None
    """Number of CPU threads (default: PyTorch's choice)."""
    device: str = "cpu"
    """Where to compute: cpu, cuda, or auto for a GPU where there is one."""
    seed: int = 0
    """Random seed."""

    def checked(self) -> "SubjectRun":
        """This run; raises InputError for numbers that can't be."""
        if not self.images or len(self.images) != len(self.masks):
            got = f"{len(self.images)} and {len(self.masks)}"
            raise InputError(f"expected as many folders of photos as of masks, got {got}, try one of each")
        if self.disparities and len(self.disparities) != len(self.images):
            got = f"{len(self.images)} and {len(self.disparities)}"
            raise InputError(
                f"expected as many folders of photos as of disparity, got {got}, try one of each"
            )
        if not self.sides_px or any(side < 32 or side % 32 for side in self.sides_px):
            raise InputError(f"expected sides_px multiples of 32, got {self.sides_px}, try 256")
        if not 0 <= self.encoder_share <= 1:
            raise InputError(f"expected encoder_share in 0..1, got {self.encoder_share}, try 0.1")
        if not 0 <= self.disparity_weight < float("inf"):
            raise InputError(f"expected disparity_weight from 0, got {self.disparity_weight}, try 10")
        if not 0 <= self.dropout < 1:
            raise InputError(f"expected dropout in 0..1, below 1, got {self.dropout}, try 0.15")
        if self.batch < 2:
            raise InputError(f"expected a batch of 2 or more, got {self.batch}, try 16")
        for name in ("pasted", "whole"):
            if not 0 <= (share := getattr(self, name)) <= 1:
                raise InputError(f"expected {name} in 0..1, got {share}, try 0.5")
        return self


def run_subject(
    run: SubjectRun, on_progress: Callable[[float, dict[str, Any]], None] | None = None
) -> "MaskScore | None":
    """Train, or go on; returns the score on the held-out photos. Raises FileError, InputError."""
    import torch

    from cocnet.compute import use_threads
    from cocnet.datasets.subject.cutouts import SubjectViews, read_cutouts
    from cocnet.training.engine.loop import train
    from cocnet.training.engine.subject_objective import SubjectObjective
    from cocnet.training.engine.task import Task
    from cocnet.training.recipes.subject_recipe import subject_recipe

    run = run.checked()
    use_threads(run.threads)
    torch.manual_seed(run.seed)
    frozen = run.frozen_depthwise or not (run.disparities or run.disparity_teacher)
    network = starting_network(run.encoder, run.start, frozen, run.dropout)
    photos, held_out = read_sets(run)
    cutouts = None if run.cutouts is None else read_cutouts(run.cutouts)
    recipe = subject_recipe(
        run.steps,
        run.batch,
        run.learning_rate,
        run.minutes,
        run.seed,
        run.encoder_share,
        run.bfloat16,
        run.disparity_weight,
    )
    planes = held_out.planes.float() / 255
    task = Task(
        network,
        SubjectViews(photos, max(run.sides_px), run.pasted, run.seed, cutouts, run.whole),
        SubjectObjective((planes[:, :3], planes[:, 3:4]), recipe, run.sides_px, disparity_teacher(run)),
        recipe,
        run.out,
        f"{len(photos)} photos with masks",
        _facts(run, network.settings, held_out.names),
        run.workers,
        run.device,
    )
    return train(task, on_progress)


def read_sets(run: SubjectRun) -> tuple["SubjectSet", "SubjectSet"]:
    """Photos of all folders without, and of the first one, those held out; files of their names in other folders
    (views of them) are left out as well. Raises FileError, InputError."""
    from cocnet.datasets.subject.cutouts import read_set

    disparities = run.disparities or (None,) * len(run.images)
    folders = zip(run.images, run.masks, disparities, strict=True)
    first, *others = (
        read_set(images, masks, disparities=disparity, skip_problems=run.skip_problems)
        for images, masks, disparity in folders
    )
    photos, held_out = first.split(run.held_out)
    for other in others:
        photos = photos + other.without(held_out.names)
    return photos, held_out


def disparity_teacher(run: SubjectRun) -> "Callable[[Tensor], Tensor] | None":
    """What says the disparity of photos without a file: the network that was named, without any files the built-in
    one, so that a training on masks doesn't forget it. Raises FileError, MissingExtraError."""
    import copy

    from cocnet.depth.network_view import load_network
    from cocnet.training.engine.disparity_teacher import DisparityTeacher

    if run.disparity_teacher:
        return DisparityTeacher(run.disparity_teacher)
    if run.disparities:
        return None
    kept = copy.deepcopy(load_network())
    return lambda rgb: kept.to(rgb.device)(rgb)[1].float()


def _facts(run: SubjectRun, network: dict[str, Any], held_out: tuple[str, ...]) -> dict[str, Any]:
    """What is saved beside the recipe: what is trained on which files, wherever they lie."""
    from cocnet.datasets.subject.cutouts import subject_files

    folders = zip(run.images, run.masks, strict=True)
    files = [path for folder in folders for pair in subject_files(*folder) for path in pair]
    files += listed(run.cutouts, "**/*.png") if run.cutouts else []
    files += [path for folder in run.disparities for path in listed(folder, "*.png")]
    files += [path for path in (run.encoder, run.start, run.disparity_teacher) if path]
    kept = {
        name: getattr(run, name) for name in ("sides_px", "pasted", "whole", "frozen_depthwise", "dropout")
    }
    return {"run": kept, "network": network, "files": fingerprint(files), "held_out_names": list(held_out)}


def starting_network(
    encoder: Path | None, whole: Path | None = None, depthwise: bool = True, dropout: float = 0.15
) -> "DepthSubjectNet":
    """The network as it ships (or as a file has it), or a new one on a trained encoder; ready to train, its first
    stages and, where asked, its depthwise kernels kept as they are."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    from cocnet.depth.network_view import WEIGHTS
    from cocnet.networks.architectures.depth_subject_net import DepthSubjectNet, to_channels_last

    path = encoder or whole or WEIGHTS
    network = DepthSubjectNet(dropout=dropout)
    try:
        weights = {name: tensor.float() for name, tensor in load_file(path).items()}
        (network.encoder if encoder else network).load_state_dict(weights)
    except (OSError, SafetensorError, RuntimeError) as error:
        what = "an encoder's weights" if encoder else "weights of depth and subject"
        reason = " ".join(str(error).split())[:200]
        raise FileError(f"expected {what}, got '{path}' ({reason}), try tools/teacher") from error
    network.freeze_early(depthwise)
    to_channels_last(network)
    return network
