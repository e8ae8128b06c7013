"""The `ludex` command: its arguments; what it does is in commands.py.

A user's mistake is one line on stderr and exit status 2.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

import gymnasium

from ludex import __version__, authoring, commands, studies, style
from ludex.envs.core import SPLITS
from ludex.envs.process import EnvFailure
from ludex.faults import place_of
from ludex.lookup import suggest

FORMATS = ("parquet", "jsonl", "gameqa", "alfworld")
STUDIES = ("corpo", "gtpo", "ds-grpo", "sweep", "alpha-dpg", "preferences", "multiturn", "planning")
SCALES = ("cpu", "gpu", "test")
GOES_ON = "stopped; the same command goes on from here"

# What a mistake in an id, an option, a file, an installation or an environment's constructor raises.
USER_ERRORS = (
    KeyError,
    ValueError,
    TypeError,
    IndexError,
    OSError,
    ImportError,
    SyntaxError,
    EnvFailure,
    gymnasium.error.Error,
)


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        """Exit with status 2."""
        self.exit(2, f"{self.prog}: {message} (see {self.prog} --help)\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status (0 done, 1 a check failed, 2 a mistake in the call, 130 Ctrl-C)."""
    args = parse(argv)
    try:
        _look_here()
        return int(args.run(args))
    except KeyboardInterrupt:
        print(f"ludex {args.command}: {getattr(args, 'farewell', 'stopped')}", file=sys.stderr)
        return 130
    except (BrokenPipeError, SystemExit) as error:
        if isinstance(error, SystemExit) and not isinstance(error.__context__, BrokenPipeError):  # as rich makes of it
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0  # the reader of a pipe has gone, as in `ludex show ... | head`
    except Exception as error:
        place = place_of(error)
        if not place and not isinstance(error, USER_ERRORS):
            raise
        print(f"ludex {args.command}: {one_line(error, place)}", file=sys.stderr)
        return 2


def _look_here() -> None:
    """Let "module:thing" find what lies in the working directory, as with python -m."""
    try:
        here = os.getcwd()
    except FileNotFoundError:
        raise FileNotFoundError("the working directory is no longer there") from None
    if here not in sys.path:
        sys.path.insert(0, here)


def one_line(error: BaseException, place: str = "") -> str:
    """What went wrong, on one line; and where, if that is a place in a user's code."""
    if place:
        return f"{' '.join(f'{type(error).__name__}: {error}'.split())} ({place})"
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename or ''}: {error.strerror}".removeprefix(": ")
    if type(error) is KeyError:
        return f"no {error}"
    return " ".join(str(error).split()) or type(error).__name__


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The parsed arguments; key=value options may stand anywhere behind the id."""
    parser = build_parser()
    args, rest = parser.parse_known_args(argv)
    unknown = [word for word in rest if word.startswith("-") or not hasattr(args, "options")]
    if unknown:
        known = [flag for action in args.parser._actions for flag in action.option_strings]
        args.parser.error(f"unknown argument {unknown[0]!r}; {suggest(unknown[0], known)}")
    if rest:
        args.options += rest
    for word in getattr(args, "options", ()):
        key = word.partition("=")[0]
        if key in getattr(args, "instead", {}):
            args.parser.error(f"{key} is no option of the environment: {args.instead[key]}")
    return args


def build_parser() -> Parser:
    """The parser of all commands."""
    parser = Parser(prog="ludex", description="Verifiable environments, ordinal rewards and a trainer for LLM agents.")
    parser.add_argument("--version", action="version", version=f"ludex {__version__}")
    children = parser.add_subparsers(dest="command", required=True, metavar="command")

    def add(name: str, run: Callable[[argparse.Namespace], int], text: str) -> Parser:
        child: Parser = children.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
        child.set_defaults(run=run, parser=child)
        return child

    child = add("list", commands.list_, "list the environments, or the options of one")
    child.add_argument("environment", nargs="?", metavar="ID", help="whose options to list, with defaults and meaning")
    _json(child)
    _show(add("show", commands.show, "print tasks with their answers and worked solutions"))
    _play(add("play", commands.play, "play an environment in the terminal"))
    _verify(add("verify", commands.verify, "judge a response, or a file of them"))
    child = _environment(add("check", commands.check, "check an environment against the contract"))
    child.set_defaults(instead=dict.fromkeys(("seed", "split"), "a check draws from several seeds and splits"))
    _json(child)
    _eval(add("eval", commands.eval_, "measure a model on an environment"))
    child = children.add_parser("data", help="write a data set", description="Write a data set.")
    data = child.add_subparsers(dest="kind", required=True, metavar="kind")
    _tasks(data.add_parser("tasks", help="tasks with pictures, answers and worked solutions, and a card"))
    _steps(data.add_parser("steps", help="the states of an expert's plans, each with the action to take"))
    _pairs(data.add_parser("pairs", help="preference pairs: right against wrong responses of a model"))
    _trajectories(data.add_parser("trajectories", help="whole episodes of an oracle or a model, as chats"))
    _train(add("train", commands.train, "train a model as a run file says"))
    _reproduce(add("reproduce", studies.reproduce, "repeat a paper's claim at a small size, with plot and spread"))
    _new_game(add("new-game", authoring.new_game, "write the skeleton of a game of your own"))
    child = children.add_parser("style", help="a judge of style", description="A judge of style.")
    stages = child.add_subparsers(dest="stage", required=True, metavar="stage")
    style.arguments(stages.add_parser("train", help="fine-tune a sentence encoder on texts, one author a file"))
    child = children.add_parser("code2logic", help="from game code to questions", description="From code to questions.")
    stages = child.add_subparsers(dest="stage", required=True, metavar="stage")
    _draft(stages.add_parser("draft", help="have a model write a game module, and keep what passes the checks"))
    return parser


def _environment(child: Parser) -> Parser:
    child.add_argument("environment", metavar="ID", help="an id from `ludex list`, or module:thing of your own")
    _options(child)
    return child


def _options(child: Parser, text: str = "options, such as numbers=4") -> None:
    child.add_argument("options", nargs="*", metavar="key=value", default=[], help=text)


def _json(child: Parser) -> None:
    child.add_argument("--json", action="store_true", help="print JSON")


def _stream(child: Parser, split: str = "train") -> None:
    child.set_defaults(instead={"seed": "write --seed S", "split": f"write --split {'|'.join(SPLITS)}"})
    child.add_argument("--seed", type=_natural, default=0, metavar="S", help="the stream of tasks (default 0)")
    child.add_argument("--split", choices=SPLITS, default=split, help=f"default {split}")


def _natural(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} must be a whole number, 0 or more")
    return int(text)


def _positive(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} must be a whole number, 1 or more")
    return int(text)


def _show(child: Parser) -> None:
    _environment(child)
    child.add_argument("-n", type=_natural, default=3, metavar="N", help="how many tasks (default 3)")
    _stream(child)
    _json(child)


def _play(child: Parser) -> None:
    _environment(child)
    child.add_argument("-n", type=_natural, default=0, metavar="N", help="how many episodes (default: until Ctrl-D)")
    child.add_argument("--save", metavar="DIR", help="write the picture of every position into DIR")
    _stream(child)


def _verify(child: Parser) -> None:
    child.add_argument("task", nargs="?", metavar="TASK_ID", help="such as countdown-v0/train/0/0, see `ludex show`")
    child.add_argument("response", nargs="?", metavar="RESPONSE", help='the text to judge; "-" reads it from stdin')
    child.add_argument("--file", metavar="FILE.jsonl", help='judge every row {"id": ..., "response": ...} instead')
    _json(child)


def _sampling(child: Parser) -> None:
    child.add_argument("--temperature", type=float, default=1.0, metavar="T", help="default 1.0; 0 is greedy")
    child.add_argument("--max-new-tokens", type=_positive, default=512, metavar="N", help="a response (default 512)")
    child.add_argument("--device", default="auto", help='"auto", "cpu", "cuda" ... (default auto)')


def _eval(child: Parser) -> None:
    child.add_argument(
        "model",
        metavar="MODEL",
        help='a transformers folder or hub name; "oracle", "random", "tiny"; "openai:URL#model"',
    )
    _environment(child)
    child.add_argument("-n", type=_positive, default=200, metavar="N", help="problems (default 200)")
    child.add_argument("-k", type=_positive, default=8, metavar="K", help="responses to each (default 8)")
    _stream(child, "test")
    _sampling(child)
    child.add_argument(
        "--success-at",
        type=float,
        default=math.nan,
        metavar="X",
        help="the reward from which an episode succeeds, where the environment does not say which do",
    )
    child.add_argument("--by", default="", metavar="KEY", help="count apart by a key of the tasks' info: task_type ...")
    child.add_argument("--episodes", metavar="FILE", help="write every episode to FILE as JSONL, as soon as it is over")
    child.add_argument("--html", metavar="FILE", help="write a page with every episode to FILE")
    child.add_argument("--json", metavar="FILE", help="write the result to FILE as well")


def _tasks(child: Parser) -> None:
    child.set_defaults(run=commands.tasks, parser=child, farewell=GOES_ON)
    child.description = (
        "Write the first N distinct tasks of a stream, with a data card beside them. "
        "The same command goes on with a data set that was interrupted."
    )
    _environment(child)
    child.add_argument("-n", type=_positive, default=1000, metavar="N", help="tasks (default 1000)")
    child.add_argument("-o", dest="output", required=True, metavar="DIR", help="the folder to write them into")
    child.add_argument("--workers", type=_positive, default=1, metavar="W", help="processes that draw (default 1)")
    child.add_argument("--format", choices=FORMATS, default=FORMATS[0], help=f"default {FORMATS[0]}")
    _stream(child)


def _steps(child: Parser) -> None:
    child.set_defaults(run=commands.steps, parser=child)
    child.description = (
        "Write every state of an expert's plans as JSONL, one task a row: what is told, and the actions that are best. "
        "Options: history=N (past turns told before the state, -1 for all), optimal=set|expert, and the environment's."
    )
    _environment(child)
    child.add_argument("--agent", choices=("oracle",), default="oracle", help="the expert: the worked solutions")
    child.add_argument("-n", type=_natural, default=100, metavar="N", help="plans (default 100)")
    child.add_argument("-o", dest="output", required=True, metavar="FILE.jsonl", help="where to write them")
    _stream(child)
    child.get_default("instead").update(of="it is the ID", plans="write -n N")


def _pairs(child: Parser) -> None:
    child.set_defaults(run=commands.pairs, parser=child, farewell=GOES_ON)
    child.description = (
        "Write preference pairs as JSONL, one a task: the first right against the first wrong of several responses. "
        "The same command goes on with a file that was interrupted."
    )
    _environment(child)
    child.add_argument("--model", required=True, help="who responds, as for `ludex eval`")
    child.add_argument("-n", type=_natural, default=1000, metavar="N", help="pairs (default 1000)")
    child.add_argument("-o", dest="output", required=True, metavar="FILE.jsonl", help="where to write them")
    child.add_argument("-k", type=_natural, default=8, metavar="K", help="responses to each task (default 8)")
    child.add_argument("--tasks", type=_natural, default=0, metavar="M", help="tasks to try at most (default 20 N)")
    child.add_argument(
        "--group-by",
        default="domain",
        metavar="KEY",
        help='"domain" (default), "level" (of the rejected response) or a key of the tasks\' info, such as difficulty',
    )
    child.add_argument("--solutions", action="store_true", help="choose the worked solution where no response is right")
    _stream(child)
    _sampling(child)


def _trajectories(child: Parser) -> None:
    child.set_defaults(run=commands.trajectories, parser=child, farewell=GOES_ON)
    child.description = (
        "Write whole episodes as JSONL, one a task, as chats that other trainers read too. "
        "The same command goes on with a file that was interrupted."
    )
    _environment(child)
    child.add_argument("--agent", default="oracle", help='who plays, as for `ludex eval` (default "oracle")')
    child.add_argument("-n", type=_natural, default=300, metavar="N", help="episodes (default 300)")
    child.add_argument("-o", dest="output", required=True, metavar="FILE.jsonl", help="where to write them")
    child.add_argument("--correct", action="store_true", help="keep episodes that succeed only")
    _stream(child)
    _sampling(child)


def _train(child: Parser) -> None:
    child.add_argument("file", metavar="FILE.toml", help="the run file")
    _options(child, "what to change in the run file, such as optim.lr=1e-4 or env.0.numbers=3")
    child.add_argument("--fresh", action="store_true", help="replace the run folder of that name, instead of resuming")


def _reproduce(child: Parser) -> None:
    child.add_argument("study", metavar="NAME", help=f"{', '.join(STUDIES)}")
    child.add_argument("--part", default="", metavar="P", help="one part of the study (default all)")
    child.add_argument("--seeds", type=_natural, default=0, metavar="N", help="seeds (default: the study's own number)")
    child.add_argument(
        "--scale", choices=SCALES, default=SCALES[0], help='default cpu: minutes; "test": seconds, and no result'
    )
    child.add_argument("-o", dest="output", default="runs/reproduce", metavar="DIR", help="default runs/reproduce")


def _new_game(child: Parser) -> None:
    child.add_argument("name", metavar="NAME", help="its name, such as my_game")
    child.add_argument("-o", dest="output", default=".", metavar="DIR", help="where to write NAME.py (default here)")


def _draft(child: Parser) -> None:
    child.set_defaults(run=authoring.draft, parser=child)
    child.description = (
        "Send a game's code to a model, run the module that comes back in a sandbox, check its questions, have them "
        "checked by code that the model writes without seeing the answers, and keep what passes."
    )
    child.add_argument("file", metavar="GAME.py", help="the code of any game")
    child.add_argument("--model", required=True, help='"openai:URL#model"; the key is OPENAI_API_KEY')
    child.add_argument("-o", dest="output", metavar="FILE.py", help="the module to write (default GAME_game.py)")
    child.add_argument("--rounds", type=_natural, default=3, metavar="K", help="answers to ask for (default 3)")
    child.add_argument("--seconds", type=_natural, default=60, metavar="S", help="for one run of a module (default 60)")
    child.add_argument("--timeout", type=float, default=600.0, metavar="S", help="for one answer (default 600)")
    child.add_argument("--temperature", type=float, default=0.6, metavar="T", help="default 0.6")
    child.add_argument("--max-new-tokens", type=_natural, default=8192, metavar="N", help="an answer (default 8192)")


if __name__ == "__main__":
    sys.exit(main())
