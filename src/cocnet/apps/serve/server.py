"""The server: routes, nothing else. A visitor's process does the work (`studio`), the `Gate` stands before all.

Enters: HTTP. Leaves: JSON, JPEG, files. What can't be done answers 400, a process that died 500; the server goes on.
"""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from anyio.to_thread import current_default_thread_limiter
from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import FileResponse, JSONResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.concurrency import run_in_threadpool

from cocnet import __version__
from cocnet.apps.batch.inputs import DEPTHS
from cocnet.apps.cli.spelled import command_of
from cocnet.apps.serve.asking import Asking, Given, Uploading, photo_of, plain
from cocnet.apps.serve.examples import MEASURED, example_files, measured_depth
from cocnet.apps.serve.gate import Gate
from cocnet.apps.serve.job_routes import add_attacks, add_cells, add_comparisons, add_renders
from cocnet.apps.serve.jobs import Jobs
from cocnet.apps.serve.options_form import form, options_of
from cocnet.apps.serve.settings import ServeRun
from cocnet.apps.serve.studio import Upload, check_depth, look, open_upload
from cocnet.apps.serve.visitor import MOST_CALLS, Busy, Photo, Visitor, told_line
from cocnet.apps.serve.visitors import LOADS, Visitors
from cocnet.apps.workers import Limits, Worker, WorkerDied
from cocnet.errors import CocnetError, FileError, InputError
from cocnet.imaging.photo.formats import PHOTO_SUFFIXES
from cocnet.pipeline.result_files import default_output

STATIC = Path(__file__).parent / "static"
LONGEST_PX = (64, 2048)
BYTES_A_PIXEL = 8
TIDY_S = 60.0


def make_app(run: ServeRun, token: str | None = None, make_worker: Callable[[Limits], Any] = Worker) -> Gate:
    """The application; token: what visitors from other computers have to bring."""
    visitors = Visitors(run, make_worker)
    jobs = Jobs(run.renders, Limits(2, run.memory_mb, loads=LOADS), make_worker)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        current_default_thread_limiter().total_tokens += MOST_CALLS * run.visitors
        tidying = asyncio.create_task(_tidied(visitors))
        yield
        tidying.cancel()
        await run_in_threadpool(jobs.close)
        await run_in_threadpool(visitors.close)

    app = FastAPI(title="cocnet", version=__version__, lifespan=lifespan, docs_url=None, redoc_url=None)
    app.state.run, app.state.visitors, app.state.jobs = run, visitors, jobs
    app.add_exception_handler(WorkerDied, lambda _, error: _told(500, error))
    app.add_exception_handler(Busy, lambda _, error: _told(429, error))
    app.add_exception_handler(CocnetError, lambda _, error: _told(400, error))
    _add_pages(app)
    _add_photos(app, run)
    _add_views(app)
    add_renders(app, jobs)
    add_comparisons(app, jobs)
    add_attacks(app, jobs)
    add_cells(app, jobs)
    return Gate(app, token)


async def _tidied(visitors: Visitors) -> None:
    while True:
        await asyncio.sleep(TIDY_S)
        await run_in_threadpool(visitors.tidy)


def _add_pages(app: FastAPI) -> None:
    @app.get("/")
    def page() -> FileResponse:
        """The HTML page that a browser opens first."""
        return FileResponse(STATIC / "index.html")

    @app.get("/api/about")
    def about() -> dict[str, Any]:
        """Version, limits, options, networks and examples that the page offers."""
        run = app.state.run
        facts = {"version": __version__, "photos": PHOTO_SUFFIXES, "depths": DEPTHS, "max_mp": run.max_mp}
        names, examples = app.state.visitors.names(), list(example_files())
        return facts | {"options": form(), "names": names, "examples": examples}

    app.mount("/static", StaticFiles(directory=STATIC), name="static")


def _add_photos(app: FastAPI, run: ServeRun) -> None:
    most_bytes = int(run.max_mp * 1e6 * BYTES_A_PIXEL)

    def kept(path: Path) -> Photo:
        return Photo(Upload(path, None, int(run.max_mp * 1e6)))

    @app.post("/api/photos")
    async def upload(request: Request, visitor: Uploading, name: str = "photo.jpg") -> dict[str, Any]:
        """Take a photo; returns its id, size and first settings."""
        path = visitor.new_file(_checked(name, PHOTO_SUFFIXES))
        await _received(request, path, most_bytes)
        photo = kept(path)
        return await run_in_threadpool(_opened, visitor, photo)

    @app.post("/api/examples/{name}")
    def example(visitor: Uploading, name: str) -> dict[str, Any]:
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
    async def depth(
        request: Request, visitor: Asking, key: str, name: str = "depth.png", channel: str | None = None
    ) -> dict[str, str]:
        """Take a depth map for a photo; channel: of an EXR, where there are several."""
        is_exr = Path(name).suffix.lower() == ".exr"
        photo = photo_of(visitor, key)
        path = visitor.new_file(_checked(name, DEPTHS))
        await _received(request, path, most_bytes)
        try:
            await run_in_threadpool(
                visitor.call, check_depth, path, photo.upload, channel if is_exr else None
            )
        except CocnetError:
            shutil.rmtree(path.parent, ignore_errors=True)
            raise
        photo.take_depth(path)
        return {"depth": path.name}

    @app.delete("/api/photos/{key}/depth")
    def without_depth(visitor: Asking, key: str) -> dict[str, str]:
        """Take a photo's depth map away again."""
        photo_of(visitor, key).take_depth(None)
        return {"dropped": "depth"}

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
        photo.remove()
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
        longest = given.get("longest", 1024)
        if not isinstance(longest, int | float) or not longest > 0:
            raise InputError(f"expected longest as a number of px, got '{str(longest)[:20]}', try 1024")
        longest = int(min(max(longest, LONGEST_PX[0]), LONGEST_PX[1]))
        asked = options.changed(preview=True) if given.get("fast") else options
        jpeg, settings = visitor.call(look, photo.upload, asked, longest, what)
        told = {"settings": settings, "command": _command(photo, options)}
        return Response(jpeg, media_type="image/jpeg", headers={"x-facts": json.dumps(plain(told))})


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
    return JSONResponse({"detail": told_line(error)}, status)
