"""A contact sheet of a game: every question at three levels, with question, answer and style.

python -m ludex.code2logic.sheet sokoban -o sheet.png
"""

from __future__ import annotations

import argparse
import io
import os
import random
import sys
import textwrap
from collections.abc import Iterable, Mapping, Sequence

from PIL import Image, ImageDraw

from ludex.code2logic.draw import STYLES, font
from ludex.code2logic.game import DIFFICULTIES, Game, Problem
from ludex.code2logic.games import GAMES, load
from ludex.core import Task
from ludex.lookup import load as attribute

WIDTH, HEIGHT, CAPTION = 380, 380, 250  # pixels of a picture, and of the text below it
COLUMNS = 3  # the levels


def caption(problem: Problem, style: str) -> str:
    """Level and style, the question with its options, and the right response."""
    head = f"{problem.template.name} / {problem.difficulty} / {style}"
    lines = [head, *problem.posed.prompt.splitlines()[:-1]]
    if problem.posed.verifier == "choice":
        lines = [head, problem.question.text, "; ".join(problem.posed.prompt.splitlines()[1:-1])]
    lines.append(f"= {problem.posed.response} ({problem.question.right})")
    return wrapped(lines)


def wrapped(lines: Iterable[str]) -> str:
    """The lines, none too long for a caption."""
    return "\n".join(part for line in lines for part in textwrap.wrap(line, 56) or [""])


def place(image: Image.Image, row: int, column: int, picture: Image.Image, text: str) -> None:
    """A picture and the words below it, in a cell of the sheet."""
    x, y = column * (WIDTH + 10) + 5, row * (HEIGHT + CAPTION)
    image.paste(picture.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS), (x, y))
    pen = ImageDraw.Draw(image)
    pen.multiline_text((x + 2, y + HEIGHT + 6), text, fill="black", font=font(12), spacing=3)


def sheet(game: Game, seed: int = 0, question: str = "") -> Image.Image:
    """The sheet: a row a question (three of the one named), a column a level; styles take turns."""
    names = [question] * 3 if question else list(game.questions)
    image = Image.new("RGB", (COLUMNS * (WIDTH + 10), len(names) * (HEIGHT + CAPTION)), "white")
    rng = random.Random(seed)
    for row, name in enumerate(names):
        for column, level in enumerate(DIFFICULTIES):
            style = list(STYLES)[(row + column) % len(STYLES)]
            problem = game.problem(rng, question=name, difficulty=level)
            place(image, row, column, game.draw(problem.state, STYLES[style]), caption(problem, style))
    return image


def of_tasks(game: Game, tasks: Mapping[tuple[str, str], Task]) -> Image.Image:
    """The sheet of a data set: its tasks by question and level; a row for each question that has any."""
    names = [name for name in game.questions if any(name == question for question, _ in tasks)]
    image = Image.new("RGB", (COLUMNS * (WIDTH + 10), len(names) * (HEIGHT + CAPTION)), "white")
    for (question, level), task in tasks.items():
        picture = Image.open(io.BytesIO(task.images[0])).convert("RGB")
        place(image, names.index(question), DIFFICULTIES.index(level), picture, task_caption(task))
    return image


def task_caption(task: Task) -> str:
    """The same as `caption`, of a task."""
    info = task.info
    text, *options = task.prompt.split("\n\n")[-1].splitlines()[:-1]
    lines = [f"{info['question']} / {info['difficulty']} / {info['style']}", text]
    lines += ["; ".join(options)] if options else []
    lines.append(f"= {info['solution'].rsplit('<answer>', 1)[-1].removesuffix('</answer>')}")
    return wrapped(lines)


def gallery(names: Sequence[str], columns: int = 8, side: int = 140) -> Image.Image:
    """A small picture of each game, with its name; styles take turns."""
    rows = -(-len(names) // columns)
    image = Image.new("RGB", (columns * (side + 8), rows * (side + 26)), "white")
    pen = ImageDraw.Draw(image)
    for i, name in enumerate(names):
        game, rng = load(name), random.Random(i)
        state = game.problem(rng, question=list(game.questions)[-1], difficulty="medium").state
        picture = game.draw(state, list(STYLES.values())[i % len(STYLES)])
        x, y = i % columns * (side + 8) + 4, i // columns * (side + 26)
        image.paste(picture.resize((side, side), Image.Resampling.LANCZOS), (x, y))
        pen.text((x + side / 2, y + side + 12), name, fill="black", font=font(12), anchor="mm")
    return image


def found(name: str) -> Game:
    """A game of the table, or "module:game" of your own. ValueError suggests for an unknown one."""
    if ":" not in name:
        return load(name)
    sys.path.insert(0, os.getcwd())  # so that a module that lies here is found
    game = attribute(name)
    if not isinstance(game, Game):
        raise ValueError(f"{name} is no Game")
    return game


def main(argv: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m ludex.code2logic.sheet", description="a contact sheet of a game")
    parser.add_argument("game", help='a game, "module:game" of your own, or "all" for one picture of each')
    parser.add_argument("-o", "--output", required=True, help="the PNG file to write")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--question", default="", help="nine draws of one question")
    args = parser.parse_args(argv)
    try:
        if not args.output.endswith(".png"):
            raise ValueError(f"-o {args.output} must end with .png")
        if args.game == "all":
            image = gallery(list(GAMES)).quantize(160, dither=Image.Dither.NONE)
        else:
            image = sheet(found(args.game), args.seed, args.question)
        image.save(args.output, optimize=args.game == "all")
    except OSError as error:
        parser.exit(2, f"{parser.prog}: {args.output}: {error.strerror or error}\n")
    except (ValueError, ImportError) as error:
        parser.exit(2, f"{parser.prog}: {error}\n")


if __name__ == "__main__":
    main()
