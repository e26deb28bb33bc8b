"""A film: frame after frame through the pipeline, in parts that a killed process doesn't lose.

Enters: a clip or pictures, the film's settings, the options of a render. Leaves: a film or pictures, with the
settings beside it.
"""

import hashlib
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from cocnet.apps.batch.inputs import DEPTHS, depth_for
from cocnet.apps.batch.manifest import what_makes
from cocnet.apps.video.clip import Clip, open_clip
from cocnet.apps.video.join import check_sound, join
from cocnet.apps.video.parts import Parts, parts_beside
from cocnet.apps.video.reel import Reel
from cocnet.apps.video.sequence import check_pattern, is_pattern, open_sequence, picture_path
from cocnet.apps.video.settings import VideoRun
from cocnet.apps.video.work import FORMATS, LANES, Work, is_film
from cocnet.errors import FileError
from cocnet.files.atomic import atomic_path, check_writes, write_json
from cocnet.files.listing import listed, natural
from cocnet.files.own_settings import check_settings
from cocnet.files.run_folder import file_hash
from cocnet.imaging.depth.depth_file import sidecars
from cocnet.imaging.photo.encode import FORMATS as PICTURE_FORMATS
from cocnet.pipeline.film import Film
from cocnet.pipeline.film_options import FilmOptions
from cocnet.pipeline.keys import ApertureKey, FocusKey
from cocnet.pipeline.options import RenderOptions
from cocnet.pipeline.result_files import check_suffix, settings_path

PART_FRAMES = 24


@dataclass(frozen=True)
class VideoReport:
    """What came of a film: its frames, those made now, how many of these a second, shots, notes."""

    out: str
    frames: int
    made: int
    fps: float
    shots: int
    width: int
    height: int
    notes: tuple[str, ...]


def run_video(
    given: Path,
    run: VideoRun,
    options: RenderOptions | None = None,
    on_progress: Callable[[int, int, int], None] | None = None,
    part_frames: int = PART_FRAMES,
) -> VideoReport:
    """Render a film. on_progress(done, of these before this call, all) follows every frame. Raises CocnetError."""
    options = options or RenderOptions()
    film_options = run.film(options)
    reel = open_reel(given, run, options)
    depths = _depths(run.depth, reel)
    check_film(run.out, reel, depths or [])
    useless = _without_effect(run, reel)
    run = replace(run, **{name: getattr(VideoRun, name) for name in useless})
    with parts_beside(run.out) as parts:
        work = Work(run, reel, depths, options)
        parts.restore(
            _key(reel, depths, run, options), lambda part, frames: work.is_whole(parts, part, frames)
        )
        begun, before = time.monotonic(), len(parts.pts)
        film = Film(film_options, parts.state)
        with _shared_cores():
            for done in work.frames(film, parts, part_frames):
                if on_progress is not None:
                    on_progress(done, before, reel.count)
        made = len(parts.pts) - before
        fps = made / max(time.monotonic() - begun, 1e-9)
        joined = _finished(run, reel, parts)
        first = parts.first_frame or {}
        end = float((parts.pts[-1] - parts.pts[0]) * reel.look.time_base + 1 / reel.look.rate)
        late = _after(end, film_options)
        notes = (*useless.values(), *late, *reel.notes, *first.get("notes", ()), *joined)
        report = VideoReport(
            str(run.out),
            len(parts.pts),
            made,
            round(fps, 3),
            film.shots,
            reel.look.width,
            reel.look.height,
            notes,
        )
        write_json(
            settings_path(run.out),
            {**asdict(report), "video": run, "first_frame": first, "options": options},
        )
    return report


def open_reel(given: Path, run: VideoRun, options: RenderOptions) -> Reel:
    """A film file, a folder of pictures or a pattern of their names. Raises FileError."""
    if given.is_dir() or is_pattern(given):
        return open_sequence(given, run.rate, run.out, options.max_mem_mb)
    return open_clip(given)


def check_film(out: Path, reel: Reel, depths: Sequence[Path]) -> None:
    """Refuse an output that can't be written, or would take the place of an input, before the work. Raises
    FileError."""
    inputs, told = (*reel.files, *depths), settings_path(out)
    check_settings(told)
    if is_film(out):
        check_writes((out, told), inputs)
        if isinstance(reel, Clip):
            check_sound(reel.path, out, FORMATS[out.suffix.lower()])
        return
    if out.suffix and not is_pattern(out) and not out.is_dir():
        raise FileError(f"expected a film ({', '.join(FORMATS)}) or a folder, got '{out}', try out.mp4")
    if is_pattern(out):
        check_pattern(out)
        check_suffix(out, PICTURE_FORMATS)
    folder = out.parent if is_pattern(out) else out
    folder.mkdir(parents=True, exist_ok=True)
    names = reel.names()
    pictures = [picture_path(out, n, None if names is None else names[n]) for n in range(reel.count)]
    check_writes({pictures[0], pictures[-1], told})
    taken = {path.resolve() for path in inputs}
    for picture, count in Counter(pictures).items():
        if count > 1 or picture.resolve() in taken:
            what = "one picture for each frame" if count > 1 else "outputs other than the inputs"
            raise FileError(f"expected {what}, got '{picture}' twice, try another folder or pattern")


def _without_effect(run: VideoRun, reel: Reel) -> dict[str, str]:
    """Settings that do nothing here, each with a line that says so."""
    found = {}
    if run.fps is not None and isinstance(reel, Clip):
        found["fps"] = "--fps: no effect on a film, which keeps its own"
    if run.crf != VideoRun.crf and not is_film(run.out):
        found["crf"] = "--crf: no effect on pictures"
    return found


def _after(end: float, options: FilmOptions) -> tuple[str, ...]:
    """Lines on keys that lie beyond the film's end (s)."""
    keys: dict[str, tuple[FocusKey | ApertureKey, ...]] = {
        "--focus-keys": options.focus_keys,
        "--aperture-keys": options.aperture_keys,
    }
    late = {
        flag: [f"{key.second:g}" for key in found if key.second > end + 1e-6] for flag, found in keys.items()
    }
    return tuple(
        f"{flag}: {', '.join(seconds)} s isn't reached, as the film ends at {end:.3g} s"
        for flag, seconds in late.items()
        if seconds
    )


@contextmanager
def _shared_cores() -> Iterator[None]:
    """Each lane computes with its share of the cores."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(max(1, before // LANES))
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _finished(run: VideoRun, reel: Reel, parts: Parts) -> tuple[str, ...]:
    """Join the parts of a film file; returns notes."""
    if not parts.count:
        raise FileError(f"expected a film with pictures, got '{reel.files[0]}' without any, try another file")
    if not is_film(run.out):
        return ()
    source = reel.path if isinstance(reel, Clip) else None
    with atomic_path(run.out, source) as temporary:
        return join(temporary, parts, reel.look, source, FORMATS[run.out.suffix.lower()])


def _depths(folder: Path | None, reel: Reel) -> list[Path] | None:
    """A depth map for each frame: by name for pictures, by order for a clip. Raises FileError."""
    if folder is None:
        return None
    if not isinstance(reel, Clip):
        return [path for file in reel.files if (path := depth_for(file, folder)) is not None]
    found = [path for path in sorted(listed(folder), key=natural) if path.suffix.lower() in DEPTHS]
    if len(found) != reel.count:
        raise FileError(
            f"expected {reel.count} depth maps in '{folder}', one for each frame, got {len(found)}, "
            "try names in the order of the frames"
        )
    return found


def _key(reel: Reel, depths: Sequence[Path] | None, run: VideoRun, options: RenderOptions) -> str:
    """SHA-256 of all that makes the film."""
    asked = {**what_makes(options), "video": asdict(replace(run, out=Path(run.out.name)))}
    digest = hashlib.sha256(json.dumps(asked, sort_keys=True, default=str).encode())
    beside = [each for depth in depths or () for each in (depth, *sidecars(depth))]
    for path in (*reel.files, *beside):
        digest.update(file_hash(path).encode())
    return digest.hexdigest()
