"""Generated product pictures: flat still lifes, the same for the same name.

A name is `<kind>--<anything>[--<colour>]`, such as `mug--harbour-mug--clay`. A name without a kind
is searched for a word that tells one ("enamel-kettle" is a kettle), else it shows a parcel. So
`/pictures/<product id>.svg` is a picture for any product, wherever it came from.
"""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Final

import msgspec

from shopwire.services.pictures import carry, home, table
from shopwire.services.pictures.paint import COLOURS, WALLS, Dice, Sheet, darker, lightness, mix

__all__ = ["COLOURS", "KINDS", "Picture", "kind_of", "picture"]

PICTURES_KEPT_MAX: Final = 1_024
"""Drawn pictures kept in memory (about 2 KB each); the one not asked for longest goes first."""

Draw = Callable[[Sheet], None]

KINDS: Final[Mapping[str, tuple[Draw, str]]] = {
    "mug": (table.mug, "A mug"),
    "cup": (table.cup, "A cup on its saucer"),
    "tumbler": (table.tumbler, "Two tumblers"),
    "bowl": (table.bowl, "A bowl of fruit"),
    "plates": (table.plates, "A stack of plates"),
    "kettle": (table.kettle, "A kettle"),
    "teapot": (table.teapot, "A teapot"),
    "pan": (table.pan, "A casserole with its lid"),
    "board": (table.board, "A chopping board with a knife"),
    "bottle": (table.bottle, "A drinking bottle"),
    "flask": (table.flask, "A vacuum flask and its cup"),
    "vase": (table.vase, "A vase with flowers"),
    "planter": (table.planter, "A plant in its pot"),
    "candle": (table.candle, "Three candles"),
    "table-lamp": (home.table_lamp, "A table lamp"),
    "pendant": (home.pendant, "A pendant lamp"),
    "floor-lamp": (home.floor_lamp, "An arc lamp beside books"),
    "chair": (home.chair, "A wooden chair"),
    "stool": (home.stool, "A stool with a book and a cup"),
    "armchair": (home.armchair, "An armchair with a cushion"),
    "blanket": (home.blanket, "A stack of folded blankets"),
    "cushion": (home.cushion, "A cushion"),
    "towel": (home.towel, "Two towels on a rail"),
    "notebook": (home.notebook, "Two notebooks and a pencil"),
    "clock": (home.clock, "A clock"),
    "tote": (carry.tote, "A tote bag with shopping"),
    "backpack": (carry.backpack, "A backpack"),
    "bike": (carry.bike, "A bicycle"),
    "helmet": (carry.helmet, "A bicycle helmet"),
    "bell": (carry.bell, "A bicycle bell"),
    "light": (carry.light, "A bicycle light"),
    "shirt": (carry.shirt, "A shirt on a hanger"),
    "parcel": (carry.parcel, "A wrapped parcel"),
}
"""Each kind's drawing and what it shows in words."""

_NEARER: Final = {"mug": 1.4, "tumbler": 1.25, "cup": 1.22, "bowl": 1.2, "stool": 1.2, "board": 1.1}
"""Small things are drawn from nearer, so that no picture is mostly wall."""

_WORDS: Final = {
    "bike": r"bike|bicycle|frame|wheel|pedal|crank|saddle|fork|derailleur|chain|tire|tube",
    "shirt": r"shirt|jersey|hoodie|sweat|tee|vest|shorts|tights|jacket|sock|glove|bra",
    "helmet": r"helmet|cap|hat|beanie",
    "bottle": r"bottle|juice|wine|beer|water",
    "table-lamp": r"lamp",
    "light": r"light|headlight|taillight",
    "planter": r"plant|orchid|bonsai|fern|cactus|lily|succulent",
    "backpack": r"backpack|rucksack|pannier",
    "tote": r"bag|tote",
    "armchair": r"armchair|sofa|couch",
    "stool": r"stool|table",
    "pan": r"pan|pot|casserole",
    "blanket": r"blanket|throw|quilt|rug",
    "cushion": r"cushion|pillow",
    "notebook": r"notebook|book|journal|paper",
    "clock": r"clock|watch",
    "cup": r"cup|saucer",
    "plates": r"plate|plates|dish",
}


class Picture(msgspec.Struct, frozen=True):
    """A picture and what it shows."""

    svg: str
    alt: str


def kind_of(name: str) -> str:
    """The kind of picture that fits a name."""
    first = name.split("--", 1)[0]
    if first in KINDS:
        return first
    words = set(re.findall("[a-z]+", name.lower()))
    for kind in KINDS:
        if kind in words:
            return kind
    for kind, pattern in _WORDS.items():
        if any(re.fullmatch(rf"(?:{pattern})s?", word) for word in words):
            return kind
    return "parcel"


@lru_cache(maxsize=PICTURES_KEPT_MAX)
def picture(name: str) -> Picture:
    """Draws the picture of a name: always the same for the same name."""
    draw, alt = KINDS[kind_of(name)]
    thing, _, colour = name.rpartition("--")
    named = COLOURS.get(colour.capitalize())
    # The colour is left out of the chance: a thing looks the same in all of its colours.
    dice = Dice(thing if named else name)
    main = named or dice.pick([*COLOURS.values()])
    wall = dice.pick([w for w in WALLS if abs(lightness(w) - lightness(main)) > 0.2])
    sheet = Sheet(dice, main, wall)
    _backdrop(sheet)
    nearer = _NEARER.get(kind_of(name), 1)
    sheet.raw(f'<g transform="translate(200 310) scale({nearer}) translate(-200 -310)">')
    draw(sheet)
    sheet.raw("</g>")
    head = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 400 400" role="img">'
    return Picture(f"{head}<title>{alt}</title>{sheet.svg}</svg>", alt)


def _backdrop(sheet: Sheet) -> None:
    """Wall, a shape on it, and the table."""
    dice, wall = sheet.dice, sheet.wall
    deep = lightness(wall) < 0.45
    shape = mix(wall, sheet.accent, 0.22) if deep else mix(wall, sheet.accent, 0.18)
    sheet.path("M0 0h400v400H0z", wall)
    match dice.pick(["disc", "arch", "window", "plain", "hill"]):
        case "disc":
            r = dice.between(96, 130)
            sheet.oval(dice.between(130, 280), dice.between(140, 180), r, r, shape)
        case "arch":
            x = dice.between(60, 110)
            sheet.path(f"M{x} 300V180a110 110 0 0 1 220 0v120z", shape)
        case "window":
            sheet.path(
                "M0 0h120L300 300H120zM170 0h60L400 282v18h-50z", "#fff", 0.07 if deep else 0.3
            )
        case "hill":
            sheet.path("M0 230q90-70 190-20t210-40v140H0z", shape)
        case _:
            pass
    ground = darker(wall, 0.13) if not deep else mix(wall, "#f5e7d8", 0.25)
    sheet.path("M0 286h400v114H0z", mix(ground, sheet.wood, 0.18))
