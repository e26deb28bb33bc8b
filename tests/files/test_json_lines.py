"""Rows come back as they went in; half a line, and what is no object, count for nothing and spoil no other."""

from cocnet.files.json_lines import append_lines, read_lines


def test_half_a_line_counts_for_nothing(tmp_path):
    path = tmp_path / "deep" / "rows.jsonl"
    assert list(read_lines(path)) == []
    append_lines(path, [{"a": 1}, {"b": "é\udcff"}])
    path.write_bytes(path.read_bytes()[:-4])
    append_lines(path, [{"c": 3}])
    with path.open("ab") as file:
        file.write(b"[1]\n" + b"[" * 100_000 + b"\n\xff\n")
    append_lines(path, [{"d": 4}])
    assert list(read_lines(path)) == [{"a": 1}, {"c": 3}, {"d": 4}]
