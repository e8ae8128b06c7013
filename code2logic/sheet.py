"""A contact sheet of a game: every question at three levels, with question, answer and style.

python -m ludex.code2logic.sheet sokoban -o sheet.png
"""

from __future__ import annotations

import argparse
import random
import textwrap
from collections.abc import Sequence

from PIL import Image, ImageDraw

from ludex.code2logic.draw import STYLES, font
from ludex.code2logic.game import DIFFICULTIES, Game, Problem
from ludex.code2logic.games import GAMES, load

WIDTH, HEIGHT, CAPTION = 380, 380, 250  # pixels of a picture, and of the text below it
COLUMNS = 3  # the levels


def caption(problem: Problem, style: str) -> str:
    """Level and style, the question with its options, and the right response."""
    head = f"{problem.template.name} / {problem.difficulty} / {style}"
    lines = [head, *problem.posed.prompt.splitlines()[:-1]]
    if problem.posed.verifier == "choice":
        lines = [head, problem.question.text, "; ".join(problem.posed.prompt.splitlines()[1:-1])]
    lines.append(f"= {problem.posed.response} ({problem.question.right})")
    return "\n".join(wrapped for line in lines for wrapped in textwrap.wrap(line, 56) or [""])


def sheet(game: Game, seed: int = 0, question: str = "") -> Image.Image:
    """The sheet: a row a question (three of the one named), a column a level; styles take turns."""
    names = [question] * 3 if question else list(game.questions)
    image = Image.new("RGB", (COLUMNS * (WIDTH + 10), len(names) * (HEIGHT + CAPTION)), "white")
    pen, rng = ImageDraw.Draw(image), random.Random(seed)
    for row, name in enumerate(names):
        for column, level in enumerate(DIFFICULTIES):
            style = list(STYLES)[(row + column) % len(STYLES)]
            problem = game.problem(rng, question=name, difficulty=level)
            picture = game.draw(problem.state, STYLES[style]).resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)
            x, y = column * (WIDTH + 10) + 5, row * (HEIGHT + CAPTION)
            image.paste(picture, (x, y))
            pen.multiline_text((x + 2, y + HEIGHT + 6), caption(problem, style), fill="black", font=font(12), spacing=3)
    return image


def main(argv: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m ludex.code2logic.sheet", description="a contact sheet of a game")
    parser.add_argument("game", choices=sorted(GAMES))
    parser.add_argument("-o", "--output", required=True, help="the PNG file to write")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--question", default="", help="nine draws of one question")
    args = parser.parse_args(argv)
    game = load(args.game)
    if args.question and args.question not in game.questions:
        parser.error(f"no question {args.question!r}; known: {', '.join(game.questions)}")
    sheet(game, args.seed, args.question).save(args.output)


if __name__ == "__main__":
    main()
