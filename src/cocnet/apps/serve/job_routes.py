"""Routes of long work: renders at full size, comparisons, attacks; how far they are, stopping them, what they made.

Enters: HTTP. Leaves: JSON, files; all work waits in one queue (`Jobs`).
"""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from fastapi import FastAPI, HTTPException
from fastapi.responses import FileResponse

from cocnet.apps.serve.asking import Asking, Given, job_of, photo_of
from cocnet.apps.serve.attack_form import attack_of
from cocnet.apps.serve.attacking import STORED, attack_choices, attack_file
from cocnet.apps.serve.comparison import compare_file, picture_path
from cocnet.apps.serve.jobs import Job, Jobs
from cocnet.apps.serve.options_form import options_of
from cocnet.apps.serve.studio import render_file
from cocnet.apps.serve.visitor import Visitor, linked
from cocnet.errors import InputError
from cocnet.pipeline.result_files import default_output, settings_path

COMPARED_PX = 720


def add_renders(app: FastAPI, jobs: Jobs) -> None:
    """Renders at full size, and what all jobs have: a state, an end, a file."""

    @app.post("/api/photos/{key}/renders")
    def render(visitor: Asking, key: str, given: Given) -> dict[str, Any]:
        """Start a render at full size; returns its job."""
        photo, options = photo_of(visitor, key), options_of(given.get("options", {}))
        name = default_output(photo.upload.photo).name
        file = visitor.new_file(name)
        job = Job(render_file, (linked(photo.upload, file.parent), options, file, 95), file, name)
        return _begun(visitor, jobs, job)

    @app.get("/api/jobs/{number}")
    def state(visitor: Asking, number: str) -> dict[str, Any]:
        """How far a job is."""
        return _state(jobs, job_of(visitor, number))

    @app.delete("/api/jobs/{number}")
    def cancel(visitor: Asking, number: str) -> dict[str, Any]:
        """Ask a job to stop, and say how far it was."""
        job = job_of(visitor, number)
        job.cancel()
        return _state(jobs, job)

    @app.get("/api/jobs/{number}/file")
    def file(visitor: Asking, number: str) -> FileResponse:
        """What a finished job made, a picture or the JSON of its cells; 409 before."""
        job = job_of(visitor, number)
        return _sent(job, job.file, job.name)

    @app.get("/api/jobs/{number}/settings")
    def settings(visitor: Asking, number: str) -> FileResponse:
        """The settings of a finished job as JSON; 409 before."""
        job = job_of(visitor, number)
        return _sent(job, settings_path(job.file), f"{job.name}.json")


def add_comparisons(app: FastAPI, jobs: Jobs) -> None:
    """One photo through renderer after renderer; stopped and asked for its state as any job."""

    @app.post("/api/photos/{key}/comparisons")
    def compare(visitor: Asking, key: str, given: Given) -> dict[str, Any]:
        """Start a comparison of the renderers of these names (default: all); returns its job and the names."""
        photo, options = photo_of(visitor, key), options_of(given.get("options", {}))
        names = _known_names(app.state.visitors.names()["renderer"], given.get("names"))
        file = visitor.new_file("compare.json")
        upload = linked(photo.upload, file.parent)
        job = Job(compare_file, (upload, options, COMPARED_PX, names, file), file, file.name)
        return _begun(visitor, jobs, job) | {"names": names}


def add_attacks(app: FastAPI, jobs: Jobs) -> None:
    """Adversarial bokeh of one photo; stopped and asked for its state as any job."""

    @app.get("/api/attacks")
    def choices(visitor: Asking) -> dict[str, Any]:
        """What can be chosen: victims whose weights are at hand, methods with their ε."""
        return visitor.call(attack_choices)

    @app.post("/api/photos/{key}/attacks")
    def attack(visitor: Asking, key: str, given: Given) -> dict[str, Any]:
        """Start an attack; returns its job."""
        photo, options = photo_of(visitor, key), options_of(given.get("options", {}))
        run = attack_of(given, visitor.call(attack_choices), photo.upload, options, Path("attack.json"))
        out = visitor.new_file(run.out.name)
        upload = linked(photo.upload, out.parent)
        run = replace(run, depth=upload.depth, out=out)
        return _begun(visitor, jobs, Job(attack_file, (upload, run, out), out, out.name))


def add_cells(app: FastAPI, jobs: Jobs) -> None:
    """What comparisons and attacks have made so far."""

    @app.get("/api/jobs/{number}/cells")
    def cells(visitor: Asking, number: str) -> dict[str, Any]:
        """How far a comparison or an attack is, what its cells share, and those that are done."""
        job = job_of(visitor, number)
        state = _state(jobs, job)  # before the cells: where it says done, all of them are there
        if not job.file.is_file() or job.file.suffix != ".json":
            return state | {"cells": []}
        return state | json.loads(job.file.read_text(encoding="utf-8"))

    @app.get("/api/jobs/{number}/cells/{cell}")
    def picture(visitor: Asking, number: str, cell: int) -> FileResponse:
        """The picture of one cell; 404 where it has none."""
        file = job_of(visitor, number).file
        for path in (picture_path(file, cell), picture_path(file, cell, STORED)):
            if path.is_file():
                return FileResponse(path)
        raise HTTPException(404, f"expected a picture of cell {cell}, got none, try another cell")


def _known_names(known: list[str], given: Any) -> tuple[str, ...]:
    """The renderers that are asked for, each once; None: all. Raises InputError for others."""
    if given is None:
        return tuple(known)
    if not isinstance(given, list) or not given:
        raise InputError("expected a list of renderers, got something else, try ['physical']")
    for name in given:
        if name not in known:
            raise InputError(f"expected one of {', '.join(known)}, got '{str(name)[:40]}', try one of them")
    return tuple(dict.fromkeys(given))


def _begun(visitor: Visitor, jobs: Jobs, job: Job) -> dict[str, Any]:
    """Put a visitor's job into the queue."""
    number = visitor.add(job)
    jobs.add(job)
    return {"job": number, **_state(jobs, job)}


def _sent(job: Job, path: Path, name: str) -> FileResponse:
    """A file that a finished job made; 409 before, 404 where it makes none such."""
    if job.state != "done":
        raise HTTPException(409, f"expected a finished job, got one that is {job.state}, try later")
    if not path.is_file():
        raise HTTPException(404, f"expected a file that this job made, got '{name}', try /file")
    return FileResponse(path, filename=name)


def _state(jobs: Jobs, job: Job) -> dict[str, Any]:
    facts = {"state": job.state, "done": job.done, "parts": job.parts, "before": jobs.before(job)}
    return facts | {"error": job.error, "name": job.name}
