"""How a kitchen is shown: in words, and as a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ludex.envs.kitchen.rules import State

if TYPE_CHECKING:
    from PIL import Image

    from ludex.code2logic.draw import Canvas, Style

RECIPES = {
    "sandwich": "bread, cheese, bread",
    "burger": "bottom bun, patty, top bun",
    "cheeseburger": "bottom bun, then patty and cheese in either order, top bun",
    "double-cheeseburger": "bottom bun, patty, cheese, second patty, second cheese, top bun",
}
COLOURS = {
    "bread": (233, 196, 140),
    "bun": (214, 152, 82),
    "cheese": (255, 205, 60),
    "patty": (122, 72, 44),
    "lettuce": (126, 190, 88),
    "tomato": (222, 82, 66),
    "onion": (220, 190, 222),
}
WIDE, HIGH, LAYER = 136, 232, 20  # a station's tile, and an item of its pile, in pixels


def describe(state: State) -> str:
    """The dish, every station, the robot and its hand."""
    lines = [f"Station {i}: {', '.join(pile) or 'empty'}." for i, pile in enumerate(state.stations, 1)]
    hand = f"holds {state.hand}" if state.hand else "holds nothing"
    order = f"Cook a {state.dish.replace('-', ' ')}, from the bottom up: {RECIPES[state.dish]}."
    return "\n".join([order, *lines, f"The robot is at station {state.robot + 1} and {hand}."])


def draw(state: State, style: Style) -> Image.Image:
    """Two rows of stations, the robot at one of them, and the recipe at the top."""
    from ludex.code2logic.draw import Canvas

    canvas = Canvas(style)
    canvas.text((280, 22), state.dish.replace("-", " ").capitalize(), 24)
    canvas.text((280, 50), RECIPES[state.dish], 15)
    columns = (len(state.stations) + 1) // 2
    for i, pile in enumerate(state.stations):
        row, column = divmod(i, columns)
        across = columns if row == 0 else len(state.stations) - columns
        x = 280 + (column - (across - 1) / 2) * WIDE
        _station(canvas, (x, 74 + row * (HIGH + 10)), i + 1, pile)
        if i == state.robot:
            _robot(canvas, (x, 74 + row * (HIGH + 10)), state.hand)
    return canvas.image


def _station(canvas: Canvas, at: tuple[float, float], number: int, pile: tuple[str, ...]) -> None:
    """A counter with its number; the pile stands on it. `at` is the middle of the upper edge."""
    x, y = at
    pen, style = canvas.pen, canvas.style
    pen.rounded_rectangle((x - 65, y, x + 65, y + HIGH), 8, style.cell, style.line, 1)
    counter = y + HIGH - 32
    pen.rectangle((x - 60, counter, x + 60, y + HIGH - 6), style.solid)
    canvas.text((x, counter + 13), str(number), 18, style.paper)
    for level, item in enumerate(pile, 1):
        _item(canvas, (x, counter - level * LAYER), item)


def _item(canvas: Canvas, at: tuple[float, float], item: str) -> None:
    """A named slab; a top bun is domed. `at` is the middle of its upper edge."""
    from ludex.code2logic.draw import contrast, shade

    x, y = at
    colour = COLOURS[item.rpartition(" ")[2]]
    radius = 9 if item == "top bun" else 4
    box = (x - 56, y, x + 56, y + LAYER - 1)
    canvas.pen.rounded_rectangle(box, radius, colour, shade(colour, 0.6), 1)
    canvas.text((x, y + LAYER / 2), item, 13, contrast(colour))


def _robot(canvas: Canvas, at: tuple[float, float], hand: str) -> None:
    """A head in the upper left of its station, and what it holds beside it."""
    x, y = at
    pen, style = canvas.pen, canvas.style
    left, top = x - 56, y + 8
    fill = style.colour("blue")
    pen.line([(left + 13, top - 1), (left + 13, top + 4)], style.ink, 2)
    pen.rounded_rectangle((left, top + 4, left + 26, top + 26), 5, fill, style.ink, 2)
    for eye in (left + 8, left + 18):
        pen.ellipse((eye - 3, top + 10, eye + 3, top + 16), (255, 255, 255), style.ink, 1)
    pen.rectangle((left + 7, top + 20, left + 19, top + 22), style.ink)
    canvas.text((left + 34, top + 15), "robot" if not hand else "holds", 13, None, "lm")
    if hand:
        _item(canvas, (x, top + 30), hand)
