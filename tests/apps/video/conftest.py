"""Films of the folder, rendered."""

import pytest
from films import SAME

from cocnet.apps.video.run import run_video
from cocnet.apps.video.settings import VideoRun


@pytest.fixture
def film(tmp_path):
    """Renders a film of the folder."""

    def make(source="in.mp4", out="out.mp4", options=SAME, part_frames=3, on_progress=None, **changes):
        run = VideoRun(**{"out": tmp_path / out, "crf": 4, **changes})
        return run_video(tmp_path / source, run, options, on_progress, part_frames)

    return make
