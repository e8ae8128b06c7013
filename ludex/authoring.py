"""The commands of people who write games: `ludex new-game` and `ludex code2logic draft`."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path


def new_game(args: Namespace) -> int:
    """Write the skeleton of a game, and say what to do with it."""
    from ludex.code2logic.new_game import write

    path = write(args.name, Path(args.output))
    target = f"{path.stem}:game"
    print(f"{path}: a whole game with two questions. Change it line by line; next:")
    print(f"  ludex show {target} observation=text")
    print(f"  ludex check {target}")
    print(f"  python -m ludex.code2logic.sheet {target} -o {path.stem}.png")
    return 0


def draft(args: Namespace) -> int:
    """Have a model write a game; status 1 if nothing of it passed the checks."""
    from ludex.agents.remote import Remote
    from ludex.agents.sampling import Sampling
    from ludex.code2logic.draft.loop import Drafter, targets, write
    from ludex.code2logic.draft.sandbox import Limits

    source = Path(args.file).read_text(encoding="utf-8")
    target = Path(args.output or f"{Path(args.file).stem.replace('-', '_')}_game.py")
    targets(target)  # a file in the way is found before the model is asked
    drafter = Drafter(
        Remote.parse(args.model, args.timeout),
        Sampling(args.max_new_tokens, args.temperature),
        rounds=args.rounds,
        limits=Limits(seconds=args.seconds),
        say=lambda line: print(line, flush=True),
    )
    found = drafter.draft(source)
    if not found.kept:
        print(f"nothing passed the checks in {args.rounds} rounds; nothing was written")
        return 1
    files = write(found, target, drafter.limits)
    print(f"kept {', '.join(found.kept)}")
    for name in found.faults:
        print(f"left out {name}: {found.faults[name][0][:160]}")
    print(f"wrote {', '.join(map(str, files))}. A model wrote this code: read it before you run it outside. Next:")
    print(f"  ludex check {target.stem}:game")
    return 0
