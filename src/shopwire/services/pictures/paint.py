"""Colours, chance from a name, and the sheet that still lifes are drawn on."""

import hashlib
from collections.abc import Sequence
from typing import Final, TypeVar

T = TypeVar("T")

COLOURS: Final = {
    "Clay": "#c4694a",
    "Moss": "#6f8152",
    "Ink": "#2f4159",
    "Oat": "#d9c8a5",
    "Rust": "#a9492f",
    "Sky": "#86b0cc",
    "Butter": "#eac25b",
    "Plum": "#6d3f57",
    "Sage": "#93aa8f",
    "Charcoal": "#413f41",
    "Chalk": "#f4efe6",
    "Teal": "#2f7f7f",
    "Rose": "#dc9c98",
    "Cobalt": "#3459a8",
}
"""Names of colours as options call them, with what they look like."""

WALLS: Final = (
    *("#f5e7d8", "#e5ece2", "#e2ebf1", "#f6ebcb", "#f3e2e0", "#e9e5f0", "#eee9e0"),
    *("#cfdcd3", "#e9c9ae", "#bfd2de", "#f0cfc6", "#2f4a4c", "#3c4560"),
)
WOODS: Final = ("#c89b6a", "#b07d4f", "#dcb98c", "#8d6343")
LEAVES: Final = ("#5f7f5a", "#7c9a63", "#45685c", "#8aa07a")
METAL: Final = "#b9bcc0"
BRASS: Final = "#cfa24e"
DARK: Final = "#33302f"


def mix(one: str, other: str, share: float) -> str:
    """The colour that lies `share` of the way from `one` to `other`."""
    pairs = zip(_channels(one), _channels(other), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)


def darker(colour: str, share: float = 0.22) -> str:
    """The colour in shade: towards a warm dark rather than black."""
    return mix(colour, "#2a2230", share)


def lighter(colour: str, share: float = 0.3) -> str:
    """The colour in light."""
    return mix(colour, "#fffaf0", share)


def lightness(colour: str) -> float:
    """How bright a colour looks, 0 to 1."""
    red, green, blue = _channels(colour)
    return (0.3 * red + 0.59 * green + 0.11 * blue) / 255


def _channels(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


class Dice:
    """Chance that a name decides: the same name throws the same numbers, everywhere."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._throws = 0

    def number(self) -> float:
        """The next number in [0, 1)."""
        self._throws += 1
        digest = hashlib.sha256(f"{self._name}/{self._throws}".encode()).digest()
        return int.from_bytes(digest[:6], "big") / 2**48

    def between(self, low: float, high: float) -> float:
        """A number in [low, high), rounded to whole units of the sheet."""
        return round(low + (high - low) * self.number())

    def pick(self, choices: Sequence[T]) -> T:
        """One of `choices`."""
        return choices[int(self.number() * len(choices))]

    def chance(self, share: float) -> bool:
        """True in `share` of all throws."""
        return self.number() < share


class Sheet:
    """A square of 400 by 400 with the light from the upper left; things stand on y = 310."""

    def __init__(self, dice: Dice, main: str, wall: str) -> None:
        self.dice = dice
        self.main = main
        """The thing's own colour."""
        self.wall = wall
        self.accent = dice.pick([c for c in COLOURS.values() if _apart(c, main) and c != wall])
        self.wood = dice.pick(WOODS)
        self.leaf = dice.pick(LEAVES)
        self._parts: list[str] = []
        self._clips = 0

    @property
    def svg(self) -> str:
        """All that was drawn so far."""
        return "".join(self._parts)

    def raw(self, part: str) -> None:
        """Adds a piece of SVG."""
        self._parts.append(part)

    def path(self, d: str, fill: str, opacity: float = 1) -> None:
        """A filled shape."""
        self.raw(f'<path d="{d}" fill="{fill}"{_opacity(opacity)}/>')

    def line(self, d: str, colour: str, width: float, opacity: float = 1) -> None:
        """A stroke with round ends."""
        self.raw(
            f'<path d="{d}" fill="none" stroke="{colour}" stroke-width="{width}"'
            f' stroke-linecap="round" stroke-linejoin="round"{_opacity(opacity)}/>'
        )

    def oval(
        self, x: float, y: float, rx: float, ry: float, fill: str, *, opacity: float = 1
    ) -> None:
        """A filled ellipse."""
        size = f'r="{rx}"' if rx == ry else f'rx="{rx}" ry="{ry}"'
        tag = "circle" if rx == ry else "ellipse"
        self.raw(f'<{tag} cx="{x}" cy="{y}" {size} fill="{fill}"{_opacity(opacity)}/>')

    def ring(self, x: float, y: float, r: float, colour: str, width: float) -> None:
        """A circle's outline."""
        self.raw(
            f'<circle cx="{x}" cy="{y}" r="{r}" fill="none" stroke="{colour}"'
            f' stroke-width="{width}"/>'
        )

    def shadow(self, x: float, rx: float, y: float = 312) -> None:
        """What the thing throws on the table, away from the light."""
        self.oval(x + rx * 0.16, y, rx * 1.06, max(7, rx * 0.09), DARK, opacity=0.16)

    def form(
        self, d: str, fill: str, *, shade_x: float = 232, light_x: float = 0, pattern: str = ""
    ) -> None:
        """A solid thing: its colour, then a pattern, shade on the right, light on the left."""
        self._clips += 1
        name = f"c{self._clips}"
        self.raw(f'<clipPath id="{name}"><path d="{d}"/></clipPath><g clip-path="url(#{name})">')
        self.path("M0 0h400v400H0z", fill)
        self.raw(pattern)
        self.path(f"M{shade_x} 0q28 200-8 400H400V0z", darker(fill, 0.6), 0.2)
        if light_x:
            self.path(f"M{light_x} 0h12q-8 200 2 400h-12q-10-200-2-400z", "#fff", 0.3)
        self.raw("</g>")

    def pattern(self, top: float, bottom: float) -> str:
        """A decoration for a form that reaches from `top` to `bottom`; often none."""
        height = bottom - top
        light = lighter(self.main, 0.55) if lightness(self.main) < 0.7 else self.accent
        match self.dice.pick(["", "", "dip", "band", "bands", "speckle", "dots"]):
            case "dip":
                edge = top + height * self.dice.between(45, 66) / 100
                return f'<path d="M0 {edge:.0f}q100 14 200 0t200 0V400H0z" fill="{light}"/>'
            case "band":
                at = top + height * 0.3
                return f'<path d="M0 {at:.0f}h400v{height * 0.17:.0f}H0z" fill="{light}"/>'
            case "bands":
                lines = "".join(f"M0 {top + height * k / 8:.0f}h400" for k in (2, 3, 4))
                return f'<path d="{lines}" stroke="{light}" stroke-width="5"/>'
            case "speckle":
                return self._sprinkle(26, (1.6, 2.8), darker(self.main, 0.5), top, bottom)
            case "dots":
                return self._sprinkle(36, (6, 6), light, top, bottom)
            case _:
                return ""

    def _sprinkle(
        self, step: int, radii: tuple[float, float], colour: str, top: float, bottom: float
    ) -> str:
        """Spots in rows that are set off against each other, each a little out of line."""
        spots, loose = "", step / 5
        for row in range(round((bottom - top) / step) + 1):
            for place in range(-3, 4):
                x = 200 + (place + row % 2 / 2) * step + self.dice.between(-loose, loose)
                y = top + 12 + row * step * 0.9 + self.dice.between(-loose, loose)
                spots += f'<circle cx="{x:.0f}" cy="{y:.0f}" r="{radii[(row + place) % 2]:g}"/>'
        return f'<g fill="{colour}" opacity=".8">{spots}</g>'


def _apart(one: str, other: str) -> bool:
    pairs = zip(_channels(one), _channels(other), strict=True)
    return sum(abs(a - b) for a, b in pairs) > 150


def _opacity(value: float) -> str:
    return "" if value == 1 else f' opacity="{value:g}"'
