"""The server as a browser sees it; a visitor's work is done in this process, but for one test."""

import io
import json
import shlex
import threading
import time

import httpx  # noqa: F401
import numpy as np
import pytest
from PIL import Image
from serving import Here, finished, looked, uploaded
from starlette.testclient import TestClient

from cocnet.apps.cli.main import main
from cocnet.apps.serve import studio
from cocnet.apps.serve.options_form import options_of
from cocnet.apps.serve.server import STATIC, make_app
from cocnet.apps.serve.settings import ServeRun
from cocnet.apps.serve.studio import Upload, open_upload
from cocnet.apps.serve.visitor import told_line
from cocnet.apps.workers import Limits, Worker
from cocnet.errors import InputError
from cocnet.imaging.depth import depth_file


def test_a_click_chooses_the_focus_and_what_lies_elsewhere_blurs(client, files):
    key = uploaded(client, files)
    original, _ = looked(client, key, "original")
    left, facts = looked(client, key, focus_point=[0.25, 0.5], f_number=1.0)
    assert facts["settings"]["focus_m"]["value"] == pytest.approx(1.5, rel=1e-3)
    right, _ = looked(client, key, focus_point=[0.75, 0.5], f_number=1.0)
    change = [np.abs(x.astype(int) - original).mean((0, 2)) for x in (left, right)]
    assert change[0][:8].mean() < change[0][16:].mean() and change[1][16:].mean() < change[1][:8].mean()


def test_views_of_depth_and_zones(client, files):
    key = uploaded(client, files)
    depth, facts = looked(client, key, "depth")
    assert depth[:, :8].mean() > depth[:, 16:].mean() + 50 and facts["settings"] == {}
    zones, _ = looked(client, key, "zones", focus_point=[0.25, 0.5], f_number=1.0)
    red, blue = zones[..., 0].astype(int), zones[..., 2].astype(int)
    assert abs((red - blue)[:, :8]).mean() < 12 and (blue - red)[:, 16:].mean() > 40


def test_the_views_of_a_drag_are_kept(client, files):
    key, kept = uploaded(client, files), []
    for longest in (64, 96, 64, 128, 64, 96):
        asked = {"options": {"depth_kind": "metric"}, "longest": longest}
        assert client.post(f"/api/photos/{key}/look", json=asked).status_code == 200
        ((_, views),) = studio._kept.values()
        kept.append(views[longest])
    assert kept[0] is kept[2] is kept[4] and kept[1] is kept[5] and len(views) == studio.KEPT_VIEWS


def test_the_channel_of_an_exr_is_named_with_its_part(client, files, monkeypatch):
    key = uploaded(client, files)
    read = list[str | None]()
    monkeypatch.setattr(depth_file, "read_array", lambda path, most, channel: read.append(channel))
    for asks in ("name=d.exr&channel=left.V", "name=d.exr", "name=d.npy&channel=left.V"):
        body = files.depth().read_bytes()
        assert client.post(f"/api/photos/{key}/depth?{asks}", content=body).status_code == 200
    assert read == ["left.V", None, None]
    assert options_of({"depth_channel": "left eye.V"}).depth_channel == "left eye.V"
    with pytest.raises(InputError, match="plain name"):
        options_of({"depth_channel": "../left"})


def test_a_photo_is_opened_once_for_fast_looks_and_fine_ones(client, files, monkeypatch):
    opened, scene_of = [], studio.scene_of
    monkeypatch.setattr(studio, "scene_of", lambda *a: opened.append(a[1].preview) or scene_of(*a))
    studio._kept.clear()
    key = uploaded(client, files)
    for fast in (True, False, True):
        asked = {"options": {"depth_kind": "metric", "f_number": 2.0}, "longest": 64, "fast": fast}
        assert client.post(f"/api/photos/{key}/look", json=asked).status_code == 200
    assert opened[1:] in ([], [False]) and not any(opened)


def test_what_is_saved_is_what_the_printed_command_makes(client, files, monkeypatch):
    key = uploaded(client, files, "my photo.jpg")
    options = {"depth_kind": "metric", "focus_point": [0.3, 0.6], "f_number": 1.4, "focal_length_mm": 200}
    _, facts = looked(client, key, **options)
    job = client.post(f"/api/photos/{key}/renders", json={"options": options}).json()
    assert finished(client, job["job"])["state"] == "done"
    saved = client.get(f"/api/jobs/{job['job']}/file")
    assert "my%20photo-bokeh.jpg" in saved.headers["content-disposition"]
    (files.folder / "d.npy").write_bytes((files.folder / "depth.npy").read_bytes())
    monkeypatch.chdir(files.folder)
    program, *arguments = shlex.split(facts["command"])
    assert program == "cocnet" and main(arguments) == 0
    assert (files.folder / "my photo-bokeh.jpg").read_bytes() == saved.content
    told = client.get(f"/api/jobs/{job['job']}/settings").json()
    assert told == json.loads((files.folder / "my photo-bokeh.jpg.json").read_text())


def test_renders_wait_for_their_turn_say_so_and_can_be_cancelled(client, files):
    key = uploaded(client, files, depth=False)
    Here.gate = threading.Event()
    first, second, third = (
        client.post(f"/api/photos/{key}/renders", json={}).json()["job"] for _ in range(3)
    )
    end = time.monotonic() + 10
    while client.get(f"/api/jobs/{first}").json()["state"] != "working":
        assert time.monotonic() < end
    assert client.get(f"/api/jobs/{third}").json()["before"] == 1
    assert client.get(f"/api/jobs/{second}/file").status_code == 409
    assert client.delete(f"/api/jobs/{second}").json()["state"] == "cancelled"
    assert client.get(f"/api/jobs/{third}").json()["before"] == 0
    Here.gate.set()
    assert finished(client, third)["state"] == "done"
    assert client.get(f"/api/jobs/{second}").json()["state"] == "cancelled"


def test_nobody_sees_the_photos_and_renders_of_another(app, client, files):
    key = uploaded(client, files, depth=False)
    job = client.post(f"/api/photos/{key}/renders", json={}).json()["job"]
    other = TestClient(app, base_url="http://127.0.0.1:8765")
    assert other.post(f"/api/photos/{key}/look", json={}).status_code == 404
    assert other.get(f"/api/jobs/{job}").status_code == 404
    assert other.delete(f"/api/photos/{key}").status_code == 404
    finished(client, job)


@pytest.mark.parametrize(
    ("body", "name", "says"),
    [
        (b"nothing", "a.jpg", "expected one of"),
        (b"\xff\xd8\xff broken", "a.jpg", "damaged"),
        (b"%PDF-1.4", "a.png", "PDF"),
        (b"x", "a.exe", "ending"),
    ],
)
def test_what_is_no_photo_is_told_and_leaves_nothing(app, client, body, name, says):
    answer = client.post(f"/api/photos?name={name}", content=body)
    assert answer.status_code == 400 and says in answer.json()["detail"]
    assert "cocnet-serve-" not in answer.json()["detail"]
    (visitor,) = client.app._app.state.visitors._known.values()
    assert list(visitor.folder.iterdir()) == []


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("got '/tmp/cocnet-serve-ab/cd/ef/my photo.jpg' of", "got 'my photo.jpg' of"),
        ("got '/home/a user/tmp/cocnet-serve-ab/cd/ef/a.jpg',\n try", "got 'a.jpg', try"),
        ("No such file: /tmp/cocnet-serve-ab/cd/ef/a.npy", "No such file: a.npy"),
        ("expected 'x', got /tmp/cocnet-serve-ab/a.npy", "expected 'x', got a.npy"),
        ("expected 'here', got '/etc/a/b.jpg'", "expected 'here', got '/etc/a/b.jpg'"),
    ],
)
def test_an_error_tells_no_folder_of_the_server(line, told):
    assert told_line(InputError(line)) == told


def test_depth_that_cannot_be_read_leaves_the_photo_as_it_was(client, files):
    key = uploaded(client, files)
    before, _ = looked(client, key, "depth")
    coloured = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (18, 24, 3), np.uint8)).save(coloured, "PNG")
    answer = client.post(f"/api/photos/{key}/depth?name=d.png", content=coloured.getvalue())
    assert answer.status_code == 400 and "one channel" in answer.json()["detail"]
    assert np.array_equal(looked(client, key, "depth")[0], before)
    assert client.delete(f"/api/photos/{key}/depth").status_code == 200
    (visitor,) = client.app._app.state.visitors._known.values()
    assert visitor.photos[key].upload.depth is None


def test_too_large_is_refused_before_and_after_decoding(client, files):
    assert client.post("/api/photos?name=a.jpg", content=b"x" * 80_001).status_code == 413
    files.photo("large.jpg", height=101, width=100)
    answer = client.post("/api/photos?name=large.jpg", content=(files.folder / "large.jpg").read_bytes())
    assert answer.status_code == 400 and "megapixels" in answer.json()["detail"]


def test_a_name_is_never_a_path(client, files):
    files.photo("a.jpg")
    body = (files.folder / "a.jpg").read_bytes()
    found = client.post("/api/photos?name=..%2F..%2Fetc%2Fx.jpg", content=body).json()
    assert found["name"] == "x.jpg"
    for options in (
        {"estimator": "/etc/passwd"},
        {"model": "../x.safetensors"},
        {"estimator": "x.safetensors"},
        {"deblur_model": "deblur-hybrid"},
        {"max_mem_mb": 1},
        {"keep": "mask"},
        {"subject": "mask.png"},
        {"aperture_image": "heart"},
        {"nothing": 1},
        {"f_number": "fast"},
    ):
        answer = client.post(f"/api/photos/{found['id']}/look", json={"options": options})
        assert answer.status_code == 400 and "expected" in answer.json()["detail"], options


@pytest.mark.parametrize(
    "body",
    [
        '{"longest": "abc"}',
        '{"longest": null}',
        '{"longest": NaN}',
        '{"options": {"self": 1}}',
        '{"options": {"f_number": 1%s}}' % ("0" * 400),
        '{"options": {"aperture_blades": 1%s}}' % ("0" * 400),
    ],
)
def test_what_is_no_number_or_option_is_one_line(client, files, body):
    key = uploaded(client, files, depth=False)
    answer = client.post(
        f"/api/photos/{key}/look", content=body, headers={"content-type": "application/json"}
    )
    assert answer.status_code == 400 and "expected" in answer.json()["detail"]


@pytest.mark.parametrize("name", ["max_mp", "memory_mb", "seconds", "visitors"])
@pytest.mark.parametrize("value", [0, 10**20, float("inf"), float("nan")])
def test_limits_are_numbers_that_the_server_can_keep(name, value):
    with pytest.raises(InputError, match=f"{name} above 0 and at most"):
        ServeRun(**{name: value})


def test_two_servers_of_one_computer_have_visitors_of_their_own(app, files):
    with TestClient(app, base_url="http://127.0.0.1:8765") as client:
        key = uploaded(client, files, depth=False)
        (mine,) = client.cookies.keys()
        other = TestClient(
            make_app(ServeRun(max_mp=0.01), make_worker=Here), base_url="http://127.0.0.1:8766"
        )
        other.cookies = client.cookies
        uploaded(other, files, depth=False)
        assert set(other.cookies) == {mine, "cocnet_visitor_8766"}
        assert client.post(f"/api/photos/{key}/facts", json={}).status_code == 200


def test_a_process_that_dies_answers_500_and_the_server_goes_on(client, files):
    key = uploaded(client, files, depth=False)
    Here.dies = True
    assert client.post(f"/api/photos/{key}/look", json={}).status_code == 500
    Here.dies = False
    assert client.post(f"/api/photos/{key}/look", json={}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example"},
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
    ],
)
def test_other_sites_are_kept_out(client, headers):
    assert client.get("/api/about", headers=headers).status_code == 403
    assert client.post("/api/examples/cat", headers=headers).status_code == 403


def test_others_need_the_token_once():
    app = make_app(ServeRun(host="0.0.0.0"), token="secret", make_worker=Here)
    with TestClient(app, base_url="http://192.168.1.5:8765") as client:
        assert client.get("/").status_code == 403
        assert client.get("/?token=wrong").status_code == 403
        assert client.get("/?token=secret").status_code == 200
        assert client.get("/static/app.js").status_code == 200


def test_the_page_runs_only_its_own_scripts(client):
    page = client.get("/")
    assert "default-src 'self'" in page.headers["content-security-policy"]
    assert "http://" not in page.text and "https://" not in page.text and "onclick" not in page.text
    for path in STATIC.iterdir():
        assert client.get(f"/static/{path.name}").status_code == 200


def test_the_form_tells_every_option_but_the_servers(client):
    about = client.get("/api/about").json()
    options = {one["name"]: one for one in about["options"]}
    assert options["cat_eye"]["kind"] == "number" and "cat's eye" in options["cat_eye"]["about"]
    assert options["mode"]["choices"] == ["over", "eq8"] and options["focus_point"]["kind"] == "pair"
    assert all(one["about"] for one in options.values()) and "max_mem_mb" not in options
    assert "builtin" in about["names"]["estimator"]


@pytest.mark.slow
def test_a_real_process_opens_the_photo_within_its_limits(files):
    worker = Worker(Limits(memory_mb=4000, seconds=100))
    try:
        upload = Upload(files.photo(), files.depth(), 10_000)
        facts = worker.call(open_upload, upload, __import__("cocnet").RenderOptions(depth_kind="metric"), 64)
        assert (facts["width"], facts["height"]) == (24, 18)
    finally:
        worker.close()
