"""The `ludex` command: its arguments; what it does is in commands.py.

A user's mistake is one line on stderr and exit status 2.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

import gymnasium

from ludex import __version__, commands
from ludex.envs.core import SPLITS
from ludex.lookup import suggest

# What a mistake in an id, an option, a file or an installation raises.
USER_ERRORS = (KeyError, ValueError, TypeError, IndexError, OSError, ImportError, gymnasium.error.Error)


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        """Exit with status 2."""
        self.exit(2, f"{self.prog}: {message} (see {self.prog} --help)\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status (0 done, 1 a check failed, 2 a mistake in the call)."""
    args = parse(argv)
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())  # so that "module:thing" finds what lies here, as with python -m
    try:
        return int(args.run(args))
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader of a pipe has gone, as in `ludex show ... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except USER_ERRORS as error:
        print(f"ludex {args.command}: {one_line(error)}", file=sys.stderr)
        return 2


def one_line(error: BaseException) -> str:
    """What went wrong, on one line."""
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

    _json(add("list", commands.list_, "list the environments"))
    _show(add("show", commands.show, "print tasks with their answers and worked solutions"))
    _play(add("play", commands.play, "play an environment in the terminal"))
    _verify(add("verify", commands.verify, "judge a response, or a file of them"))
    child = _environment(add("check", commands.check, "check an environment against the contract"))
    _json(child)
    _eval(add("eval", commands.eval_, "measure a model on an environment"))
    child = children.add_parser("data", help="write a data set", description="Write a data set.")
    data = child.add_subparsers(dest="kind", required=True, metavar="kind")
    _pairs(data.add_parser("pairs", help="preference pairs: right against wrong responses of a model"))
    _train(add("train", commands.train, "train a model as a run file says"))
    return parser


def _environment(child: Parser) -> Parser:
    child.add_argument("environment", metavar="ID", help="an id from `ludex list`, or module:thing of your own")
    _options(child)
    return child


def _options(child: Parser) -> None:
    child.add_argument("options", nargs="*", metavar="key=value", default=[], help="options, such as numbers=4")


def _json(child: Parser) -> None:
    child.add_argument("--json", action="store_true", help="print JSON")


def _stream(child: Parser, split: str = "train") -> None:
    child.add_argument("--seed", type=_natural, default=0, metavar="S", help="the stream of tasks (default 0)")
    child.add_argument("--split", choices=SPLITS, default=split, help=f"default {split}")


def _natural(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} must be a whole number, 0 or more")
    return int(text)


def _show(child: Parser) -> None:
    _environment(child)
    child.add_argument("-n", type=_natural, default=3, metavar="N", help="how many tasks (default 3)")
    _stream(child)
    _json(child)


def _play(child: Parser) -> None:
    _environment(child)
    child.add_argument("-n", type=_natural, default=0, metavar="N", help="how many episodes (default: until Ctrl-D)")
    _stream(child)


def _verify(child: Parser) -> None:
    child.add_argument("task", nargs="?", metavar="TASK_ID", help="such as countdown-v0/train/0/0, see `ludex show`")
    child.add_argument("response", nargs="?", metavar="RESPONSE", help='the text to judge; "-" reads it from stdin')
    child.add_argument("--file", metavar="FILE.jsonl", help='judge every row {"id": ..., "response": ...} instead')
    _json(child)


def _sampling(child: Parser) -> None:
    child.add_argument("--temperature", type=float, default=1.0, metavar="T", help="default 1.0; 0 is greedy")
    child.add_argument("--max-new-tokens", type=_natural, default=512, metavar="N", help="a response (default 512)")
    child.add_argument("--device", default="auto", help='"auto", "cpu", "cuda" ... (default auto)')


def _eval(child: Parser) -> None:
    child.add_argument(
        "model",
        metavar="MODEL",
        help='a transformers folder or hub name; "oracle", "random", "tiny"; "openai:URL#model"',
    )
    _environment(child)
    child.add_argument("-n", type=_natural, default=200, metavar="N", help="problems (default 200)")
    child.add_argument("-k", type=_natural, default=8, metavar="K", help="responses to each (default 8)")
    _stream(child, "test")
    _sampling(child)
    child.add_argument("--json", metavar="FILE", help="write the result to FILE as well")


def _pairs(child: Parser) -> None:
    child.set_defaults(run=commands.pairs, parser=child)
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


def _train(child: Parser) -> None:
    child.add_argument("file", metavar="FILE.toml", help="the run file")
    _options(child)
    child.add_argument(
        "--fresh", action="store_true", help="delete the run folder of that name first, instead of resuming"
    )


if __name__ == "__main__":
    sys.exit(main())
