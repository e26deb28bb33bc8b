"""Tiny films made on the spot."""

from fractions import Fraction

import numpy as np
import pytest

from cocnet.pipeline.options import RenderOptions

WIDTH, HEIGHT, FRAMES = 64, 48, 8
TICK = Fraction(1, 1200)
SAME = RenderOptions(model="identity", f_number=16)


def frame_pixels(number, width=WIDTH, height=HEIGHT):
    """A still ramp with a bright bar that moves by 4 px a frame."""
    rows, columns = np.mgrid[0:height, 0:width]
    rgb = np.stack([rows * 200 // height + 20, columns * 200 // width + 20, 120 + 0 * rows], -1)
    rgb[height // 4 : height // 2, 8 + 4 * number : 14 + 4 * number] = (230, 210, 60)
    return rgb.astype(np.uint8)


def write_film(
    path,
    pts=None,
    audio=False,
    count=FRAMES,
    matrix=None,
    pixel_format="yuv420p",
    colour=(),
    size=(WIDTH, HEIGHT),
    codec="libx264",
    **metadata,
):
    """A film of H.264, its frames at these ticks of 1/1200 s."""
    av = pytest.importorskip("av", reason="the package av reads films")
    with av.open(str(path), "w") as file:
        file.metadata.update(metadata)
        video = file.add_stream(codec, rate=24, options={"crf": "4"} if "264" in codec else {})
        video.width, video.height, video.pix_fmt = *size, pixel_format
        video.codec_context.time_base = TICK
        for name, value in dict(colour).items():
            setattr(video.codec_context, name, value)
        if matrix is not None:
            video.set_display_matrix(matrix)
        sounds = [file.add_stream("aac", rate=48000) for _ in range(int(audio))]
        for n in range(count):
            frame = av.VideoFrame.from_ndarray(frame_pixels(n, *size), "rgb24")
            frame.pts, frame.time_base = 50 * n if pts is None else pts[n], TICK
            file.mux(video.encode(frame))
        file.mux(video.encode(None))
        for sound in sounds:
            wave = np.sin(np.arange(1024) / 9).astype(np.float32)[None] / 2
            for n in range(16):
                samples = av.AudioFrame.from_ndarray(wave, "fltp", "mono")
                samples.sample_rate, samples.pts, samples.time_base = 48000, 1024 * n, Fraction(1, 48000)
                file.mux(sound.encode(samples))
            file.mux(sound.encode(None))
    return path


def shown(path):
    """Seconds and pixels of a film's frames."""
    av = pytest.importorskip("av")
    with av.open(str(path)) as file:
        frames = [(float(f.pts * f.time_base), f.to_ndarray(format="rgb24")) for f in file.decode(video=0)]
    return [second for second, _ in frames], [pixels for _, pixels in frames]


def packets(path, kind):
    """Bytes and seconds of the packets of a kind of stream."""
    av = pytest.importorskip("av")
    with av.open(str(path)) as file:
        found = [p for p in file.demux(**{kind: 0}) if p.size]
        return [(bytes(p), float(p.pts * p.time_base)) for p in found]


def heard(path):
    """First and last second of a film's sound."""
    av = pytest.importorskip("av")
    with av.open(str(path)) as file:
        seconds = [float(f.pts * f.time_base) for f in file.decode(audio=0)]
    return [seconds[0], seconds[-1]]


def stop_at(last):
    """An on_progress that interrupts after so many frames."""

    def stop(done, before, count):
        if done == last:
            raise KeyboardInterrupt

    return stop
