"""What can be seen of cubes, against rays from the triangles of their faces."""

from __future__ import annotations

import random
from itertools import product

import pytest

from ludex.code2logic.parts.voxels import beside, nearer, seen, shown, silhouette, structure, triangles

THIRD, MORE = 1 / 3, 2 / 3
CENTRES = [  # of the two triangles of the top, of the left face (least y) and of the right one (greatest x)
    (THIRD, THIRD, 1), (MORE, MORE, 1), (MORE, 0, THIRD), (THIRD, 0, MORE), (1, THIRD, THIRD), (1, MORE, MORE),
]  # fmt: skip


def blocked(point, cube) -> bool:
    """Whether the ray from a point to the viewer, in the direction (1, -1, 1), passes through the inside of a cube."""
    x, y, z = (p - c for p, c in zip(point, cube, strict=True))
    first, last = max(0, -x, y - 1, -z), min(1 - x, y, 1 - z)
    return first + 1e-9 < last


def rays(cubes) -> dict:
    return {
        cube: sum(
            not any(
                blocked([a + b for a, b in zip(cube, centre, strict=True)], other) for other in cubes if other != cube
            )
            for centre in CENTRES
        )
        for cube in cubes
    }


@pytest.mark.parametrize("seed", range(40))
def test_what_is_seen_agrees_with_rays(seed):
    rng = random.Random(seed)
    places = list(product(range(-1, 4), repeat=3))
    cubes = rng.sample(places, rng.randint(1, 60))
    assert shown(cubes) == rays(cubes)


def test_a_full_block_shows_three_faces():
    cubes = list(product(range(3), repeat=3))
    counts = shown(cubes)
    assert sum(counts.values()) == 3 * 9 * 2
    assert [cube for cube, n in counts.items() if n == 0] == list(product((0, 1), (1, 2), (0, 1)))
    assert counts[2, 0, 2] == 6


def test_cubes_on_a_line_of_sight_cover_the_same_triangles():
    assert set(triangles((1, 5, 2))) == set(triangles((4, 2, 5)))
    assert nearer((4, 2, 5)) > nearer((1, 5, 2))
    assert set(seen([(4, 2, 5), (1, 5, 2)]).values()) == {(4, 2, 5)}


def test_structures_are_joined_and_seen():
    places = list(product((1, 2, 3), repeat=3))
    for seed in range(30):
        cubes = structure(random.Random(seed), places, 9, 2)
        assert len(set(cubes)) == 9
        assert min(rays(cubes).values()) >= 2
        reached = {cubes[0]}
        while more := set(beside(reached, cubes)):
            reached |= more
        assert reached == set(cubes)


def test_silhouettes_by_hand():
    assert silhouette([(1, 2, 1), (3, 2, 3)], 0) == ((0, 0, 1), (0, 0, 0), (1, 0, 0))
    assert silhouette([(1, 2, 1), (3, 2, 3)], 1) == ((0, 1, 0), (0, 0, 0), (0, 1, 0))
