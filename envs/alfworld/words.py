"""What the game says that is no part of its rules, and what differs between the wordings of ALFWorld's data."""

from __future__ import annotations

from dataclasses import dataclass

NOTHING = "Nothing happens."
MIDDLE = "You are in the middle of a room. Looking quickly around you, you see"
HELP = """
Available commands:
  look:                             look around your current location
  inventory:                        check your current inventory
  go to (receptacle):               move to a receptacle
  open (receptacle):                open a receptacle
  close (receptacle):               close a receptacle
  take (object) from (receptacle):  take an object from a receptacle
  move (object) to (receptacle):  place an object in or on a receptacle
  examine (something):              examine a receptacle or an object
  use (object):                     use an object
  heat (object) with (receptacle):  heat an object using a receptacle
  clean (object) with (receptacle): clean an object using a receptacle
  cool (object) with (receptacle):  cool an object using a receptacle
  slice (object) with (object):     slice an object using a sharp object
"""
# What examining shows of a thing, the first that fits: flags that it must have, and the words.
LOOKS = (
    (("clean", "hot", "sliced"), "This is a hot and clean sliced {}."),
    (("clean", "cool", "sliced"), "This is a cool and clean sliced {}."),
    (("clean", "sliced"), "This is a clean sliced {}."),
    (("hot", "sliced"), "This is a hot sliced {}."),
    (("cool", "sliced"), "This is a cool sliced {}."),
    (("clean", "hot"), "This is a hot and clean {}."),
    (("clean", "cool"), "This is a cool and clean {}."),
    (("hot",), "This is a hot {}."),
    (("clean",), "This is a clean {}."),
    (("cool",), "This is a cold {}."),
    (("toggled",), "This {} is on."),
    (("sliced",), "This is a sliced {}."),
    ((), "There's nothing special about {}."),
)


@dataclass(frozen=True)
class Wording:
    """What differs between ALFWorld's data of 2.1.2 and later, and that of 2.1.1, which older prompts quote.

    Attributes:
        move: the command that puts a thing down, and what is said then.
        by_spot: whether an arrival names the spot instead of the receptacle.
        help: whether there is a command `help`.
    """

    move: tuple[str, str]
    by_spot: bool
    help: bool


WORDINGS = {
    "new": Wording(("move {} to {}", "You move the {} to the {}."), by_spot=False, help=True),
    "old": Wording(("put {} in/on {}", "You put the {} in/on the {}."), by_spot=True, help=False),
}
