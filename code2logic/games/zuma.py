"""Zuma: a frog in the middle of a spiral track with coloured marbles, and a marble to shoot.

Lanes are cut through the marbles, one of them all the way, so that shots reach any turn of the track and some hit
nothing. Only shots that miss a marble's edge by 5 pixels or more are asked about, with each result equally often.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ludex.code2logic.game import Game, Question, listed
from ludex.code2logic.parts.polar import Discs, crossed, dial, place, spiral

if TYPE_CHECKING:
    from PIL import Image

    from ludex.code2logic.draw import Style

COLOURS = {"R": "red", "G": "green", "B": "blue", "Y": "yellow"}
SECTORS = {"north-east": (1, -1), "south-east": (1, 1), "south-west": (-1, 1), "north-west": (-1, -1)}
OUTCOMES = {-1: "it leaves the field", 0: "it stays on the track"} | {n: f"it removes {n} marbles" for n in range(2, 6)}
OUTER, FROG, MARGIN = 226, 34, 5  # pixels: the track's outer end, the frog's edge, a safe distance from edges
BEST = ((0, 0), (2, 1), (2, 2), (3, 1), (3, 2), (4, 1), (4, 2), (5, 1))  # most marbles removed, and by how many shots


@dataclass(frozen=True)
class State:
    """The marbles by slots of the track, which are counted from 0 at its outer end.

    Attributes:
        diameter: of a marble, in pixels. Slot k is d = sqrt(226**2 - 1.25 * diameter**2 * k / pi) pixels from the
            middle, 360 * (226 - d) / (1.25 * diameter) degrees clockwise from straight up. Successive slots touch.
        track: a letter a slot, up to the last marble: R, G, B, Y for red, green, blue, yellow, "." for no marble.
        loaded: the letter of the marble that the frog shoots.
    """

    diameter: int
    track: str
    loaded: str


def slots(diameter: int) -> Discs:
    """Angle and distance of the slots, as far as there is room beside the frog."""
    return spiral(OUTER, diameter / 2 + FROG + 6, 1.25 * diameter, diameter)


def start(rng: random.Random, size: tuple[int, int, int]) -> State:
    """A track that ends with any number of marbles from the second to the third of `size`; the first is a diameter."""
    diameter, wanted, track, left = size[0], rng.randint(*size[1:]), "", ""
    lanes = {5 * rng.randrange(72): rng.uniform(FROG, OUTER) for _ in range(8)} | {5 * rng.randrange(72): OUTER + 1}
    while len(track) < len(slots(diameter)):
        track += rng.choice([sign for sign in COLOURS if sign != track[-1:]]) * rng.choice((1, 1, 2, 2, 3, 4, 5))
    for k, near in enumerate(crossed(slots(diameter), diameter / 2, MARGIN)):
        if len(left) - left.count(".") < wanted:
            left += "." if any(slots(diameter)[k][1] < lanes.get(angle, 0) for angle in near) else track[k]
    return State(diameter, left.rstrip("."), rng.choice(list(COLOURS)))


def groups(state: State) -> list[range]:
    """The slots of every group."""
    return [range(*found.span()) for found in re.finditer(r"([RGBY])\1*", state.track)]


def shots(state: State) -> dict[int, tuple[str, int]]:
    """What a shot hits and how many marbles it removes ("nothing" and -1 if it leaves), by angle where it is clear."""
    crossing = crossed(slots(state.diameter), state.diameter / 2, MARGIN)
    hit: dict[int, tuple[str, int] | None] = dict.fromkeys(range(0, 360, 5), ("nothing", -1))
    for group in groups(state):  # from the outer end of the track inwards
        sign = state.track[group[0]]
        made = COLOURS[sign], len(group) if len(group) > 1 and sign == state.loaded else 0
        for near in crossing[group.start : group.stop]:
            hit |= {angle: made if sure else None for angle, sure in near.items()}
    return {angle: made for angle, made in hit.items() if made}


def marbles(state: State) -> int:
    """The number of marbles on the track."""
    return len(state.track) - state.track.count(".")


def describe(state: State) -> str:
    """Every marble with its place."""
    places = zip(state.track, slots(state.diameter), strict=False)
    said = " ".join("|" if sign == "." else f"{sign}{angle % 360:.0f}/{far:.0f}" for sign, (angle, far) in places)
    head = f"The frog shoots {state.loaded}. Marbles, {state.diameter} wide, from the track's outer end"
    return f"{head} (colour, angle/distance of the centre from the middle, | for no marble):\n{said}"


def draw(state: State, style: Style) -> Image.Image:
    """The field with angles around it, the frog, and marbles with their initials."""
    from ludex.code2logic.draw import Canvas, contrast
    from ludex.code2logic.glyphs import disc, eyes

    canvas = Canvas(style)
    canvas.pen.line([place(*x) for x in spiral(OUTER, 2 * FROG, 1.25 * state.diameter, 8)], style.line, 5, "curve")
    dial(canvas, 256)
    canvas.glyph((280, 280), 2 * FROG, disc, style.colour("grey"))
    canvas.glyph((280, 268), 60, eyes, "up")
    for sector, (x, y) in SECTORS.items():
        canvas.text((280 + 276 * x, 280 + 268 * y), sector, 14, anchor="rm" if x > 0 else "lm")
    for sign, spot in zip(state.loaded + state.track, [(0, 0), *slots(state.diameter)], strict=False):
        if sign != ".":
            colour = style.colour(COLOURS[sign])
            canvas.glyph(place(*spot), state.diameter, disc, colour, style.ink)
            canvas.text(place(*spot), sign, state.diameter // 2, contrast(colour))
    return canvas.image


game = Game(
    name="zuma",
    rules=(
        "Zuma. Red, green, blue and yellow marbles (R, G, B, Y) lie on a spiral track around a frog, which shoots one "
        "marble from the middle. Angles are in degrees, clockwise from straight up. A shot flies along a thin straight "
        "line and hits the first marble that the line meets; if it meets none, it leaves the field. A group is as many "
        "marbles of one colour as touch one another along the track, or one alone. If the group of the marble hit has "
        "two or more marbles and the shot's colour, the shot removes all of them (itself not counted); otherwise it "
        "stays on the track. The sector of a marble is that of its centre; north-east is 0 to 90 degrees, and so on."
    ),
    legend="The marble in the middle is the one that the frog shoots. Marks around the field are 5 degrees apart.",
    sizes={"easy": (44, 20, 30), "medium": (34, 45, 70), "hard": (28, 80, 105)},
    start=start, draw=draw, describe=describe, measure=marbles, measured="marbles",
)  # fmt: skip


@game.question(kind="perception", qa_level="easy", number=1)
def loaded_colour(state: State, rng: random.Random) -> Question:
    """The frog's marble."""
    text = "Which colour is the marble that the frog shoots?"
    return Question.choice(text, COLOURS[state.loaded], COLOURS.values(), f"It is {COLOURS[state.loaded]}.")


@game.question(kind="perception", qa_level="easy", number=2)
def marbles_of_colour(state: State, rng: random.Random) -> Question:
    """Any colour."""
    sign, colour = rng.choice(list(COLOURS.items()))
    n = state.track.count(sign)
    return Question.fill(f"How many {colour} marbles are on the track?", n, f"{n} of them are {colour}.", colour=colour)


@game.question(kind="perception", qa_level="medium", number=3)
def groups_in_sector(state: State, rng: random.Random) -> Question | None:
    """A sector where no group is close to a border without crossing it clearly."""
    sector, (right, down) = rng.choice(list(SECTORS.items()))
    depth = [min(right * (x - 280), down * (y - 280)) for x, y in (place(*spot) for spot in slots(state.diameter))]
    depths = {group: max(depth[k] for k in group) for group in groups(state)}
    if min(map(abs, depths.values())) < MARGIN:
        return None
    held = [f"{len(group)} {COLOURS[state.track[group[0]]]}" for group in depths if depths[group] > 0]
    text = f"How many groups have at least one marble in the {sector} sector?"
    return Question.fill(text, len(held), f"Along the track these: {listed(held)}; so {len(held)}.", sector=sector)


@game.question(kind="perception", qa_level="medium", number=4, wishes=(*COLOURS.values(), "nothing"))
def hit_colour(state: State, rng: random.Random, wish: str) -> Question | None:
    """Each colour, and nothing, equally often."""
    if not (angles := [angle for angle, (met, _) in shots(state).items() if met == wish]):
        return None
    angle, among = rng.choice(angles), (*COLOURS.values(), "nothing")
    return Question.choice(f"What does a shot at {angle} degrees hit?", wish, among, f"It meets {wish}.", angle=angle)


@game.question(kind="prediction", qa_level="hard", number=5, wishes=OUTCOMES)
def shot_outcome(state: State, rng: random.Random, wish: int) -> Question | None:
    """Each outcome equally often; the frog's marble suits it."""
    now = replace(state, loaded=rng.choice(list(COLOURS)))
    if not (angles := [angle for angle, (_, count) in shots(now).items() if count == wish]):
        return None
    angle, among = rng.choice(angles), OUTCOMES.values()
    text, why = f"What becomes of a shot at {angle} degrees?", f"It meets {shots(now)[angle][0]}: {OUTCOMES[wish]}."
    return Question.fill(text, OUTCOMES[wish], why, among=among, state=now, angle=angle)


@game.question(kind="strategy", qa_level="hard", number=6, wishes=BEST)
def best_shots(state: State, rng: random.Random, wish: tuple[int, int]) -> Question | None:
    """Six shots of which as many as wished for remove as many marbles as wished for, and the others fewer."""
    most, count = wish
    made = {angle: max(0, n) for angle, (_, n) in shots(state).items()}
    best, fewer = [a for a in made if made[a] == most], [a for a in made if made[a] < max(1, most)]
    if len(best) < count or len(fewer) < 6 - count:
        return None
    angles = sorted(rng.sample(best, count) + rng.sample(fewer, 6 - count))
    text = (
        f"Take each of these shots alone, in degrees: {', '.join(map(str, angles))}. Does any remove marbles (yes or "
        "no), how many does the best remove, and how many of them remove that many? If none removes any: [no, 0, 0]."
    )
    why = f"They remove {', '.join(f'{made[a]} at {a}' for a in angles)}: [{'yes' if most else 'no'}, {most}, {count}]."
    return Question.fill(text, ("yes" if most else "no", *wish), why, angles=angles)
