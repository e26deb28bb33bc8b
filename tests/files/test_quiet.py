import os
import sys
import threading

from cocnet.files.quiet import printed, quiet_stderr


def test_what_c_prints_is_dropped_and_what_comes_after_is_not(capfd):
    with quiet_stderr() as said:
        os.write(2, b"first ")
        with quiet_stderr() as inner:
            os.write(2, b"libtiff: Warning")
            assert inner() == "libtiff: Warning"
        assert said() == "first libtiff: Warning"
    os.write(2, b"ours")
    assert capfd.readouterr().err == "ours"


def test_threads_inside_at_once_leave_it_as_it_was(capfd):
    inside, out = threading.Barrier(4), threading.Barrier(4)

    def work():
        with quiet_stderr():
            inside.wait()
            os.write(2, b"x")
            out.wait()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    os.write(2, b"ours")
    assert capfd.readouterr().err == "ours"


def test_what_is_printed_as_an_answer_is_held_back(capsys):
    def work(name):
        with printed() as text:
            sys.stdout.write(f"{name}\n")
        assert text.getvalue() == f"{name}\n"

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    sys.stdout.write("ours\n")
    assert capsys.readouterr().out == "ours\n"
