"""JSON by anyone: what it should hold, or one line."""

import pytest

from cocnet.errors import FileError, InputError
from cocnet.files.json_file import an_object, read_json

BROKEN = {
    "cut": b'{"a": ',
    "no UTF-8": b'{"a": "\xff"}',
    "deep": b"[" * 100_000,
    "another shape": b"[1, 2]",
    "another type": b'{"a": {}}',
    "huge number": b'{"a": 1' + b"0" * 5000 + b"}",
    "no key": b"{}",
    "empty": b"",
}


@pytest.mark.parametrize("name", BROKEN)
def test_damage_is_one_line(name, tmp_path):
    path = tmp_path / "a.json"
    path.write_bytes(BROKEN[name])
    with pytest.raises(FileError, match=r"expected numbers, got '.*a\.json' \(.+\), try again") as caught:
        read_json(path, "numbers", "again", lambda found: [int(an_object(found)["a"])])
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 400


def test_what_it_holds(tmp_path):
    path = tmp_path / "a.json"
    path.write_text('{"a": 3}')
    assert read_json(path, "numbers", "again", lambda found: int(found["a"])) == 3
    with pytest.raises(FileError, match="more than 5 bytes"):
        read_json(path, "numbers", "again", dict, most_bytes=5)
    with pytest.raises(FileError, match="No such file"):
        read_json(tmp_path / "b.json", "numbers", "again", dict)


def test_our_own_errors_stay(tmp_path):
    def refuse(found):
        raise InputError("expected another")

    (tmp_path / "a.json").write_text("{}")
    with pytest.raises(InputError, match="another"):
        read_json(tmp_path / "a.json", "numbers", "again", refuse)
