"""Where an exception comes from, when the code is the user's own."""

from __future__ import annotations

import os
import sysconfig
import traceback
from pathlib import Path

LIBRARIES = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
INSTALLED = tuple(folder + os.sep for folder in (str(Path(__file__).parent), *LIBRARIES))


def place_of(error: BaseException | None) -> str:
    """File and line of the last frame that is neither Ludex's nor a library's, or of its cause; "" if there is none."""
    if error is None:
        return ""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if os.path.isfile(frame.filename) and not frame.filename.startswith(INSTALLED):
            return f"{os.path.relpath(frame.filename)}:{frame.lineno}"
    return place_of(error.__cause__)
