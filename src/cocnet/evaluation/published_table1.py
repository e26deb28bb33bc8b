"""What the paper prints, as data: Table I, measured there on Val294 at 1024 × 1024.

Leaves: rows with the registered network that each is about. PSNR and SSIM of MPFNet and BRViT are quoted by the paper
from theirs; its LPIPS values don't say backbone or version, so they compare with each other only.
"""

from dataclasses import dataclass

METRICS = ("psnr", "ssim", "lpips")


@dataclass(frozen=True)
class PublishedColumn:
    """One column of Table I: the paper's name, the network here, its trained weights' file stem, the values.

    parameters: millions. `about` says where the network here or the value isn't what the name promises.
    """

    name: str
    model: str
    weights: str
    psnr: float
    ssim: float
    lpips: float
    parameters: float
    about: str = ""


_QUOTED = "quoted by the paper, not measured by it"
_STACKED = "the printed parameters are those of the stacked network"
TABLE_1 = (
    PublishedColumn("MPFNet", "mpfnet", "mpfnet", 24.74, 0.8806, 0.0596, 6.12, _QUOTED),
    PublishedColumn("BRViT", "brvit", "brvit", 24.76, 0.8904, 0.0509, 123.14, _QUOTED),
    PublishedColumn(
        "PyNET", "pynet", "pynet", 24.21, 0.8593, 0.0693, 47.5, "the network here also takes depth"
    ),
    PublishedColumn("DMSHN", "dmshn-stacked", "dmshn-stacked", 24.73, 0.8619, 0.0601, 10.84, _STACKED),
    PublishedColumn(
        "DMSHN-os",
        "dmshn-stacked",
        "dmshn-stacked-os",
        24.57,
        0.8558,
        0.0631,
        10.84,
        "L1 + (1 − SSIM), one stage",
    ),
    PublishedColumn("CoCNet-b3", "cocnet-b3", "cocnet-b3", 24.78, 0.8604, 0.0625, 7.34),
    PublishedColumn("CoCNet-b2", "cocnet-b2", "cocnet-b2", 24.70, 0.8603, 0.0632, 5.18),
    PublishedColumn("CoCNet-b3-less", "cocnet-b3-less", "cocnet-b3-less", 24.72, 0.8597, 0.0635, 1.91),
    PublishedColumn("CoCNet-b2-less", "cocnet-b2-less", "cocnet-b2-less", 24.62, 0.8579, 0.0630, 1.37),
    PublishedColumn(
        "CoCNet-b3-L2", "cocnet-b3", "cocnet-b3-l2", 24.63, 0.8611, 0.0639, 7.34, "L2 + (1 − SSIM)"
    ),
    PublishedColumn("CoCNet-b3-dir", "cocnet-b3-dir", "cocnet-b3-dir", 24.24, 0.8507, 0.0686, 7.07),
    PublishedColumn("CoCNet-b3-depth", "cocnet-b3-depth", "cocnet-b3-depth", 24.81, 0.8607, 0.0624, 7.61),
)
