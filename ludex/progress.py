"""A bar on a terminal for what takes its time; files and pipes get nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Count = Callable[[int, int], None]  # how many there are now, and how many of them an earlier run made


@contextmanager
def progress(total: int, last: str = "") -> Iterator[Count]:
    """A bar on stderr with rate and time left; what an earlier run made counts for neither.

    Args:
        total: how many there will be.
        last: what goes on once there are so many.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.fields[speed]}"))
    console, start = Console(stderr=True), time.monotonic()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        shown = bar.add_task("", total=total, speed="")

        def count(done: int, old: int) -> None:
            nonlocal start
            now, speed = time.monotonic(), ""
            if done == old or now == start:
                start = now  # what came before, such as loading a model, is not counted
            elif done < total:
                rate = (done - old) / (now - start)
                speed = f"{rate:,.{0 if rate >= 10 else 2}f}/s, {(total - done) / rate:,.0f} s left"
            bar.update(shown, completed=done, speed=last if done >= total else speed)

        yield count
