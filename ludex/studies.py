"""The command of people who check the papers: `ludex reproduce`."""

from __future__ import annotations

import sys
from argparse import Namespace

from ludex.commands import trainer


def reproduce(args: Namespace) -> int:
    """Run a study, print its tables and write them; status 1 if a run breaks off."""
    with trainer():
        from ludex.agents.learner import Diverged
        from ludex.agents.reproduce.study import reproduce as run
        from ludex.agents.sources import RunError

        try:
            run(args.study, args.part, args.seeds, args.scale, args.output)
        except (RunError, Diverged) as error:
            print(f"ludex reproduce: {error}", file=sys.stderr)
            return 1
    return 0
