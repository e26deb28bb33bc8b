"""Everything that reads foreign bytes, and what must hold for what it returns.

Enters: a path. Leaves: nothing, or what went wrong: whatever isn't a CocnetError is a finding.
"""

import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from cocnet.containers.exif_block import parse
from cocnet.containers.isobmff import read_items
from cocnet.containers.jpeg import xmp_packets
from cocnet.containers.kept_xmp import kept_xmp
from cocnet.containers.mpf import further_pictures
from cocnet.containers.xmp import read_xmp
from cocnet.datasets.labelled.class_folders import LabelledFolder
from cocnet.datasets.labelled.nips2017 import NeurIPS2017
from cocnet.datasets.pairs.raytraced import read_scene
from cocnet.errors import FileError, InputError
from cocnet.files.run_folder import claim
from cocnet.imaging import read_depth, read_photo, write_photo
from cocnet.imaging.color.icc import transfer
from cocnet.imaging.depth.depth_map import KINDS
from cocnet.imaging.embedded.extract import look_beside
from cocnet.imaging.photo.exif import read_exif
from cocnet.networks import load_model
from cocnet.networks.zoo.pickled import read_pickled
from cocnet.robustness.attack_report import read_summary
from cocnet.robustness.published_tables23 import table_2, table_3
from cocnet.robustness.records import read_photos, read_records, read_transformed
from cocnet.training.engine.log import Log

MEMORY_BYTES = 50_000_000  # that a picture may ask for
MOST_NOTES = 12


def photo(path: Path, number: int) -> None:
    """A photo comes out whole, with finite depth; every fourth is written again."""
    found = read_photo(path if number % 3 else path.read_bytes(), MEMORY_BYTES)
    assert found.pixels.dtype in (np.uint8, np.uint16) and found.pixels.shape == (
        found.height,
        found.width,
        3,
    )
    if found.embedded_depth is not None:
        assert np.isfinite(found.embedded_depth.inverse_depth()).all()
    if number % 4 == 0:
        form = (".jpg", ".png", ".tif", ".webp")[number // 4 % 4]
        stream = io.BytesIO()
        write_photo(stream, found.pixels, like=found, form=form)
        assert read_photo(stream.getvalue()).pixels.shape == found.pixels.shape


def depth(path: Path, number: int) -> None:
    """Depth is finite and above 0 everywhere, of whatever kind it is read."""
    found = read_depth(path, KINDS[number % 4], None if number % 3 else 0.001, MEMORY_BYTES)
    inverse = found.inverse_depth()
    assert np.isfinite(inverse).all() and (inverse > 0).all()


def sidecar(path: Path, number: int) -> None:
    picture = path.with_name("depth.npy")
    np.save(picture, np.arange(1, 13, dtype=np.uint16 if number % 2 else np.float32).reshape(3, 4))
    path.replace(picture.with_name("depth.npy.json"))
    found = read_depth(picture)
    assert np.isfinite(found.inverse_depth()).all()


def boxes(path: Path, number: int) -> None:
    passes(lambda: read_items(path.read_bytes()).check(path.stat().st_size))


def jpeg(path: Path, number: int) -> None:
    data = path.read_bytes()
    look_beside(data, 32, 24, number % 8 + 1)
    passes(lambda: [read_xmp(xmp_packets(each)) for each in further_pictures(data)])


def exif(path: Path, number: int) -> None:
    data = path.read_bytes()
    facts = read_exif(data, (32, 24))
    assert 1 <= facts.orientation <= 8
    passes(lambda: parse(parse(data).to_bytes()))


def xmp(path: Path, number: int) -> None:
    data = path.read_bytes()
    kept_xmp(data)
    passes(lambda: read_xmp([data]))


def icc(path: Path, number: int) -> None:
    tables = transfer(path.read_bytes(), 8)
    assert all(bool(np.isfinite(np.asarray(table)).all()) for table in tables.decode)


def table(path: Path, number: int) -> None:
    path.replace(path.with_name("images.csv"))
    for name in ("a.png", "b.png", "eval/a.png"):
        (path.parent / name).parent.mkdir(exist_ok=True)
        (path.parent / name).touch()
    inside(NeurIPS2017(path.parent, skip_problems=True).files, path.parent)


def classes(path: Path, number: int) -> None:
    path.replace(path.with_name("classes.json"))
    for name in ("cat", "dog"):
        (path.parent / name).mkdir(exist_ok=True)
        (path.parent / name / "a.png").touch()
    inside(LabelledFolder(path.parent, skip_problems=True).files, path.parent)


def inside(files: tuple, folder: Path) -> None:
    for file in files:
        assert file.path.resolve().is_relative_to(folder.resolve()), f"{file.path} lies outside"


def scene(path: Path, number: int) -> None:
    read_scene(path)


def weights(path: Path, number: int) -> None:
    network = load_model(path)
    assert all(bool(tensor.isfinite().all()) for tensor in network.state_dict().values())


def pickle(path: Path, number: int) -> None:
    read_pickled(path)


def summary(path: Path, number: int) -> None:
    path.replace(path.with_name("robustness.json"))
    read_summary(path.parent, (table_2, table_3)[number % 2])


def settings(path: Path, number: int) -> None:
    path.replace(path.with_name("settings.json"))
    claim(path.parent, json.loads('{"run": {"a": 1}}'), lambda *_: True)


def log(path: Path, number: int) -> None:
    Log(path).append(10**9, {"loss": 1.0})


def passes(read: Callable[[], object]) -> None:
    """A parser of bytes may say so by ValueError; anything else goes on."""
    try:
        read()
    except ValueError as error:
        if isinstance(error, UnicodeError):
            raise


READERS: dict[str, Callable[[Path, int], None]] = {
    "photo": photo,
    "depth": depth,
    "sidecar": sidecar,
    "boxes": boxes,
    "jpeg": jpeg,
    "exif": exif,
    "xmp": xmp,
    "icc": icc,
    "table": table,
    "classes": classes,
    "scene": scene,
    "weights": weights,
    "pickle": pickle,
    "records": lambda path, number: read_records(path) and None,
    "photos": lambda path, number: read_photos(path) and None,
    "transformed": lambda path, number: read_transformed(path) and None,
    "summary": summary,
    "settings": settings,
    "log": log,
}
EXPECTED = (FileError, InputError)
