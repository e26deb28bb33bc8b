"""What tests let a worker do."""

import os
import time

from cocnet.errors import FileError


def add(a, b):
    return a + b


def process():
    return os.getpid()


def count(to, on_progress):
    for n in range(to):
        on_progress(n + 1, to)
    return to


def refuse():
    raise FileError("expected a, got b, try c")


def break_down():
    return 1 // 0


def take(megabytes):
    return len(bytearray(megabytes * 1_000_000))


def held_by_module():
    import large_load

    return len(large_load.HELD)


def die():
    os.kill(os.getpid(), 9)


def sleep(seconds):
    time.sleep(seconds)


def write_pid_and_sleep(path):
    path.write_text(str(os.getpid()))
    time.sleep(60)
