"""The server: routes, nothing else. A visitor's process does the work (`studio`), the `Gate` stands before all.

Enters: HTTP. Leaves: JSON, JPEG, files. What can't be done answers 400, a process that died 500; the server goes on.
"""

import json
import math
import re
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

from fastapi import Body, Cookie, Depends, FastAPI, HTTPException, Request
from fastapi.responses import FileResponse, JSONResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.concurrency import run_in_threadpool

from cocnet import __version__
from cocnet.apps.batch.inputs import DEPTHS, PHOTOS
from cocnet.apps.cli.spelled import command_of
from cocnet.apps.serve.examples import MEASURED, example_files, measured_depth
from cocnet.apps.serve.gate import Gate
from cocnet.apps.serve.jobs import Job, Jobs
from cocnet.apps.serve.names import choosable_names
from cocnet.apps.serve.options_form import form, options_of
from cocnet.apps.serve.settings import ServeRun
from cocnet.apps.serve.studio import Upload, look, open_upload, render_file
from cocnet.apps.serve.visitors import FOLDER, Photo, Visitor, Visitors
from cocnet.apps.workers import Limits, Worker, WorkerDied
from cocnet.errors import CocnetError, FileError, InputError
from cocnet.pipeline.result_files import default_output, settings_path

STATIC = Path(__file__).parent / "static"
VISITOR = "cocnet_visitor"
LONGEST_PX = (64, 2048)
BYTES_A_PIXEL = 8
_OWN_FOLDER = re.compile(rf"[^'\s]*{FOLDER}[^'\s]*/")  # a visitor is told the names of his files alone


def make_app(run: ServeRun, token: str | None = None, make_worker: Callable[[Limits], Any] = Worker) -> Gate:
    """The application; token: what visitors from other computers have to bring."""
    visitors = Visitors(run, make_worker)
    jobs = Jobs(run.renders, Limits(2, run.memory_mb), make_worker)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        await run_in_threadpool(jobs.close)
        await run_in_threadpool(visitors.close)

    app = FastAPI(title="cocnet", version=__version__, lifespan=lifespan, docs_url=None, redoc_url=None)
    app.state.run, app.state.visitors, app.state.jobs = run, visitors, jobs
    app.add_exception_handler(WorkerDied, lambda _, error: _told(500, error))
    app.add_exception_handler(CocnetError, lambda _, error: _told(400, error))
    _add_pages(app)
    _add_photos(app, run)
    _add_views(app)
    _add_renders(app, jobs)
    return Gate(app, token)


def visitor_of(
    request: Request, response: Response, cocnet_visitor: Annotated[str | None, Cookie()] = None
) -> Visitor:
    """Who asks; a new visitor gets a cookie."""
    key, visitor = request.app.state.visitors.of(cocnet_visitor)
    if key != cocnet_visitor:
        response.set_cookie(VISITOR, key, httponly=True, samesite="strict")
    return visitor


Asking = Annotated[Visitor, Depends(visitor_of)]
Given = Annotated[dict[str, Any], Body()]


def photo_of(visitor: Visitor, key: str) -> Photo:
    """A visitor's own photo; 404 for anybody else's."""
    if key not in visitor.photos:
        raise HTTPException(404, "expected one of your photos, got another name, try uploading it again")
    return visitor.photos[key]


def _add_pages(app: FastAPI) -> None:
    @app.get("/")
    def page() -> FileResponse:
        """The page itself."""
        return FileResponse(STATIC / "index.html")

    @app.get("/api/about")
    def about(visitor: Asking) -> dict[str, Any]:
        """Version, limits, options, networks and examples that the page offers."""
        run = app.state.run
        names = visitor.call(choosable_names)
        facts = {"version": __version__, "photos": PHOTOS, "depths": DEPTHS, "max_mp": run.max_mp}
        return facts | {"options": form(), "names": names, "examples": list(example_files())}

    app.mount("/static", StaticFiles(directory=STATIC), name="static")


def _add_photos(app: FastAPI, run: ServeRun) -> None:
    most_bytes = int(run.max_mp * 1e6 * BYTES_A_PIXEL)

    def kept(path: Path) -> Photo:
        return Photo(Upload(path, None, int(run.max_mp * 1e6)))

    @app.post("/api/photos")
    async def upload(request: Request, visitor: Asking, name: str = "photo.jpg") -> dict[str, Any]:
        """Take a photo; returns its id, size and first settings."""
        path = visitor.new_file(_checked(name, PHOTOS))
        await _received(request, path, most_bytes)
        photo = kept(path)
        return await run_in_threadpool(_opened, visitor, photo)

    @app.post("/api/examples/{name}")
    def example(visitor: Asking, name: str) -> dict[str, Any]:
        """Open one of the example photos as if it were uploaded."""
        files = example_files()
        if name not in files:
            raise InputError(f"expected one of {', '.join(files)}, got '{name[:40]}', try one of them")
        path = visitor.new_file(files[name].name)
        path.write_bytes(files[name].read_bytes())
        photo = kept(path)
        if name == MEASURED:
            depth = visitor.new_file(f"{name}-depth.npy")
            depth.write_bytes(measured_depth())
            photo.upload = Upload(path, depth, photo.upload.max_pixels)
            return _opened(visitor, photo, {"depth_kind": "metric"})
        return _opened(visitor, photo)

    @app.post("/api/photos/{key}/depth")
    async def depth(request: Request, visitor: Asking, key: str, name: str = "depth.png") -> dict[str, str]:
        """Take a depth map for a photo."""
        photo = photo_of(visitor, key)
        path = visitor.new_file(_checked(name, DEPTHS))
        await _received(request, path, most_bytes)
        photo.upload = Upload(photo.upload.photo, path, photo.upload.max_pixels)
        return {"depth": path.name}

    @app.delete("/api/photos/{key}")
    def forget(visitor: Asking, key: str) -> dict[str, str]:
        """Delete a photo with its files."""
        photo_of(visitor, key)
        visitor.drop(key)
        return {"dropped": key}


def _opened(visitor: Visitor, photo: Photo, options: dict[str, Any] | None = None) -> dict[str, Any]:
    """Decode it once, so that what can't be read is said at once; its files go where it can't."""
    try:
        facts = visitor.call(open_upload, photo.upload, options_of(options or {}), 1024)
    except CocnetError:
        shutil.rmtree(photo.upload.photo.parent, ignore_errors=True)
        raise
    return {"id": visitor.keep(photo), "name": photo.upload.photo.name, "options": options or {}, **facts}


def _add_views(app: FastAPI) -> None:
    @app.post("/api/photos/{key}/facts")
    def facts(visitor: Asking, key: str, given: Given) -> dict[str, Any]:
        """What options come to for a photo: lens, focus, depth, notes."""
        return visitor.call(
            open_upload, photo_of(visitor, key).upload, options_of(given.get("options", {})), 1024
        )

    @app.post("/api/photos/{key}/look")
    def view(request: Request, visitor: Asking, key: str, given: Given) -> Response:
        """One view of a photo as JPEG, with its settings in a header; longest: its longer side, px."""
        photo, options = photo_of(visitor, key), options_of(given.get("options", {}))
        what = given.get("what", "bokeh")
        if what not in ("bokeh", "zones", "original", "depth"):
            raise InputError(f"expected bokeh, zones, original or depth, got '{what}', try bokeh")
        longest = min(max(int(given.get("longest", 1024)), LONGEST_PX[0]), LONGEST_PX[1])
        asked = options.changed(preview=True) if given.get("fast") else options
        jpeg, settings = visitor.call(look, photo.upload, asked, longest, what)
        told = {"settings": settings, "command": _command(photo, options)}
        return Response(jpeg, media_type="image/jpeg", headers={"x-facts": json.dumps(plain(told))})


def _add_renders(app: FastAPI, jobs: Jobs) -> None:
    @app.post("/api/photos/{key}/renders")
    def render(visitor: Asking, key: str, given: Given) -> dict[str, Any]:
        """Start a render at full size; returns its job."""
        photo, options = photo_of(visitor, key), options_of(given.get("options", {}))
        name = default_output(photo.upload.photo).name
        file = visitor.new_file(name)
        job = Job(render_file, (photo.upload, options, file, 95), file, name)
        number = file.parent.name
        visitor.jobs[number] = job
        jobs.add(job)
        return {"job": number, **_state(jobs, job)}

    @app.get("/api/jobs/{number}")
    def state(visitor: Asking, number: str) -> dict[str, Any]:
        """How far a job is."""
        return _state(jobs, job_of(visitor, number))

    @app.delete("/api/jobs/{number}")
    def cancel(visitor: Asking, number: str) -> dict[str, Any]:
        """Stop a job."""
        job = job_of(visitor, number)
        job.cancel()
        return _state(jobs, job)

    @app.get("/api/jobs/{number}/file")
    def file(visitor: Asking, number: str) -> FileResponse:
        """The picture of a finished job; 409 before."""
        job = job_of(visitor, number)
        if job.state != "done":
            raise HTTPException(409, f"expected a finished render, got one that is {job.state}, try later")
        return FileResponse(job.file, filename=job.name)

    @app.get("/api/jobs/{number}/settings")
    def settings(visitor: Asking, number: str) -> FileResponse:
        """The settings of a finished job as JSON; 409 before."""
        job = job_of(visitor, number)
        if job.state != "done":
            raise HTTPException(409, f"expected a finished render, got one that is {job.state}, try later")
        return FileResponse(settings_path(job.file), filename=f"{job.name}.json")


def job_of(visitor: Visitor, number: str) -> Job:
    """A visitor's own job; 404 for anybody else's."""
    if number not in visitor.jobs:
        raise HTTPException(404, "expected one of your renders, got another name, try starting it again")
    return visitor.jobs[number]


def _state(jobs: Jobs, job: Job) -> dict[str, Any]:
    facts = {"state": job.state, "done": job.done, "parts": job.parts, "before": jobs.before(job)}
    return facts | {"error": job.error, "name": job.name}


def _command(photo: Photo, options: Any) -> str:
    upload = photo.upload
    depth = None if upload.depth is None else upload.depth.name
    return command_of(upload.photo.name, depth, options, default_output(upload.photo).name)


def _checked(name: str, allowed: tuple[str, ...]) -> str:
    """The name of an uploaded file, whose ending must be of one that is read."""
    suffix = Path(name).suffix.lower()
    if suffix not in allowed:
        raise FileError(
            f"expected a file ending in {', '.join(allowed)}, got '{suffix[:20]}', try one of them"
        )
    return name


async def _received(request: Request, path: Path, most_bytes: int) -> None:
    """Write the body to a file; 413 and no file where it is too long."""
    size = 0
    try:
        with path.open("xb") as file:
            async for part in request.stream():
                size += len(part)
                if size > most_bytes:
                    raise HTTPException(413, f"expected at most {most_bytes:,} bytes, got more, try --max-mp")
                file.write(part)
    except BaseException:
        shutil.rmtree(path.parent, ignore_errors=True)
        raise


def _told(status: int, error: Exception) -> JSONResponse:
    line = _OWN_FOLDER.sub("", " ".join(str(error).split()))
    return JSONResponse({"detail": line}, status)


def plain(value: Any) -> Any:
    """What JSON can hold: infinity and NaN become null."""
    if isinstance(value, dict):
        return {name: plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
