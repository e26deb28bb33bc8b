"""What the README shows works: its commands and its Python, on small files made here."""

import base64
import io
import re
import shlex

import numpy as np
import pytest
from paths import ROOT
from PIL import Image

from cocnet.apps.cli.main import main

README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = [line for block in re.findall(r"```bash\n(.*?)```", README, re.S) for line in block.splitlines()]
DEPTH = (ROOT / "docs" / "depth.md").read_text(encoding="utf-8")
SCRIPTS = re.findall(r"```python\n(.*?)```", README + DEPTH, re.S)


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with the files that the README speaks of."""
    monkeypatch.chdir(tmp_path)
    rows, columns = np.mgrid[0:36, 0:48]
    photo = Image.fromarray(np.stack([rows * 5, columns * 4, rows + columns], -1).astype(np.uint8))
    photo.save("photo.jpg")
    np.save("depth.npy", (1.5 + columns / 10).astype(np.float32))
    Image.fromarray((columns * 1300).astype(np.uint16)).save("network.png")
    for folder, name in (("photos", "photo.jpg"), ("depths", "photo.npy")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / name).write_bytes(
            (tmp_path / name.replace("photo.npy", "depth.npy")).read_bytes()
        )
    stream = io.BytesIO()
    Image.fromarray((columns * 5).astype(np.uint8)).save(stream, "PNG")
    photo.save("portrait.jpg", xmp=gdepth(stream.getvalue()))
    return tmp_path


def gdepth(picture):
    text = base64.b64encode(picture).decode()
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description xmlns:GDepth="http://ns.google.com/photos/1.0/depthmap/" '
        'GDepth:Format="RangeInverse" GDepth:Near="1" GDepth:Far="5" '
        f'GDepth:Units="m" GDepth:Mime="image/png" GDepth:Data="{text}"/>'
        "</rdf:RDF></x:xmpmeta>"
    ).encode()


def slow_if_exported(command):
    """An export of a network of the published size takes half a minute."""
    return pytest.param(command, marks=pytest.mark.slow) if " export " in command else command


@pytest.mark.parametrize("command", [slow_if_exported(command) for command in COMMANDS])
def test_command(command, here, capsys):
    program, *arguments = shlex.split(command)
    assert program == "cocnet"
    assert main(arguments) == 0, capsys.readouterr().err
    if "-o" in arguments:
        out = here / arguments[arguments.index("-o") + 1]
        settings = out / "batch.json" if arguments[0] == "batch" else here / f"{out.name}.json"
        assert out.exists() and settings.is_file()


@pytest.mark.parametrize("script", SCRIPTS)
def test_script(script, here):
    exec(compile(script, "README.md", "exec"), {})


def test_there_is_something_to_run_and_pictures_exist():
    assert len(COMMANDS) >= 6 and len(SCRIPTS) >= 4
    for picture in re.findall(r"!\[.*?\]\((.*?)\)", README):
        assert (ROOT / picture).is_file(), picture
    for picture in re.findall(r"!\[.*?\]\((.*?)\)", DEPTH):
        assert (ROOT / "docs" / picture).is_file(), picture
