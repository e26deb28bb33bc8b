"""A comparison in a worker: one photo through renderer after renderer, each told as soon as it is there.

Enters: an `Upload`, options, names of renderers. Leaves: a JSON file that grows cell by cell, pictures beside it.
"""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from cocnet.apps.serve.studio import Upload, as_jpeg, scene_of
from cocnet.apps.serve.visitor import told_line
from cocnet.errors import CocnetError
from cocnet.files.atomic import write_json
from cocnet.pipeline.options import RenderOptions


def picture_path(out: Path, number: int, suffix: str = ".jpg") -> Path:
    """Where the picture of a cell lies, beside the JSON of all cells."""
    return out.with_name(f"{number}{suffix}")


def compare_file(
    upload: Upload,
    options: RenderOptions,
    longest_px: int,
    names: tuple[str, ...],
    out: Path,
    on_progress: Any = None,
) -> None:
    """Fill `out`: the settings that all share, and a cell for each renderer. Raises CocnetError."""
    from cocnet.pipeline.compare import common_plan
    from cocnet.pipeline.live_preview import View

    view = View(scene_of(upload, options), longest_px)
    plan = common_plan(view.scene, options)
    told = {"photo": upload.photo.name, "settings": asdict(replace(plan.settings, depth=None))}
    cells = list[dict[str, Any]]()
    write_json(out, {**told, "cells": cells})
    for number, name in enumerate(names):
        cells.append(_cell(view, plan, name, picture_path(out, number)))
        write_json(out, {**told, "cells": cells})
        if on_progress is not None:
            on_progress(number + 1, len(names))


def _cell(view: Any, plan: Any, name: str, picture: Path) -> dict[str, Any]:
    """One renderer's facts, with its picture written; where it has none, the line that says why."""
    from cocnet.pipeline.compare import compare, parameters_in

    facts = {"name": name, "parameters": parameters_in(name)}
    try:
        made = compare(view, plan, name)
    except CocnetError as error:
        return facts | {"error": told_line(error)}
    except (MemoryError, RuntimeError) as error:
        got = told_line(f"{type(error).__name__}: {error}")[:200]
        return facts | {"error": f"expected a picture of {name}, got {got}, try a smaller photo"}
    picture.write_bytes(as_jpeg(made.pixels, view.scene.photo))
    size = {"height": made.pixels.shape[0], "width": made.pixels.shape[1]}
    return facts | size | {"seconds": made.seconds, "reads": sorted(made.reads), "notes": made.notes}
