"""A bar on stderr for work that comes in parts."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def parts_done(what: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar that shows up after two seconds; the call takes parts done and all parts."""
    from tqdm import tqdm

    bar = tqdm(desc=what, unit="part", delay=2.0, leave=False, file=sys.stderr)

    def on_progress(done: int, total: int) -> None:
        bar.total = total
        bar.update(done - bar.n)

    with bar:
        yield on_progress


@contextmanager
def what_is_done(unit: str = "picture") -> Iterator[Callable[[str, int, int], None]]:
    """A bar on stderr that names what is measured."""
    from tqdm import tqdm

    with tqdm(unit=unit, delay=2.0, leave=False, file=sys.stderr) as bar:

        def on_progress(what: str, done: int, total: int) -> None:
            if done == 1:
                bar.n, bar.total = 0, total
                bar.set_description(what, refresh=False)
            bar.update(done - bar.n)

        yield on_progress
