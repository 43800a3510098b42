"""Still lifes of what stands on a table: cups, bowls, pots, bottles, vases."""

from shopwire.services.pictures.paint import (
    BRASS,
    DARK,
    METAL,
    Sheet,
    darker,
    lighter,
    lightness,
    mix,
)


def mug(s: Sheet) -> None:
    """A mug with steam."""
    wide, top = s.dice.between(52, 66), s.dice.between(182, 206)
    left, right = 190 - wide, 190 + wide
    s.shadow(196, wide + 12)
    s.line(f"M{right - 6} {top + 26}q56-8 54 34t-54 34", darker(s.main, 0.12), 15)
    s.line(f"M{right - 6} {top + 26}q50-8 48 30", lighter(s.main, 0.2), 4)
    body = f"M{left} {top}h{2 * wide}v{286 - top}q0 26-26 26h-{2 * wide - 52}q-26 0-26-26z"
    s.form(body, s.main, shade_x=right - 34, light_x=left + 14, pattern=s.pattern(top, 312))
    s.oval(190, top, wide, 11, lighter(s.main, 0.25))
    s.oval(190, top + 2, wide - 8, 7, "#5a3b2a" if s.dice.chance(0.6) else "#8a9a5b")
    _steam(s, 178, top - 18)


def cup(s: Sheet) -> None:
    """A cup on its saucer."""
    s.shadow(200, 104)
    s.oval(200, 302, 100, 13, darker(s.main, 0.15))
    s.oval(200, 298, 100, 12, lighter(s.main, 0.15))
    s.oval(200, 298, 58, 6, darker(s.main, 0.2))
    s.line("M256 232q46-8 42 20t-56 26", darker(s.main, 0.12), 10)
    body = "M134 214h132q0 58-36 78q-8 6-30 6t-30-6q-36-20-36-78z"
    s.form(body, s.main, shade_x=226, light_x=150, pattern=s.pattern(214, 296))
    s.oval(200, 214, 66, 11, lighter(s.main, 0.3))
    s.oval(200, 216, 57, 7, "#6b4630")
    _steam(s, 190, 194)


def tumbler(s: Sheet) -> None:
    """Two tumblers, one behind the other."""
    back = mix(s.main, s.wall, 0.35)
    s.shadow(206, 96)
    s.form("M214 178h92l-10 132h-72z", back, shade_x=276, light_x=226)
    s.oval(260, 178, 46, 8, lighter(back, 0.35))
    body = "M104 152h108l-13 158h-82z"
    s.form(body, s.main, shade_x=178, light_x=120, pattern=s.pattern(152, 310))
    s.oval(158, 152, 54, 10, lighter(s.main, 0.3))
    s.oval(158, 154, 46, 6, darker(s.main, 0.25))


def bowl(s: Sheet) -> None:
    """A bowl with fruit."""
    s.shadow(200, 92)
    fruit = s.dice.pick(["#d9873f", "#c9b34a", "#b4453c", "#e0b04d"])
    for x, y, r in ((160, 214, 29), (236, 212, 31), (199, 200, 33)):
        s.oval(x, y, r, r, fruit)
        s.oval(x - 9, y - 10, 7, 7, "#fff", opacity=0.3)
        s.line(f"M{x} {y - r + 3}q2-8 8-10", "#5d6b3c", 3)
    s.path("M199 168q22-22 40-8q-16 16-40 8z", s.leaf)
    body = "M92 222h216q-4 66-62 86h-92q-58-20-62-86z"
    s.form(body, s.main, shade_x=240, light_x=112, pattern=s.pattern(222, 308))
    s.path("M90 220h220v9H90z", lighter(s.main, 0.3))


def plates(s: Sheet) -> None:
    """A stack of plates with one leaning behind."""
    s.shadow(200, 112)
    s.oval(206, 206, 96, 98, lighter(s.main, 0.12))
    s.ring(206, 206, 82, s.accent, 3)
    s.oval(206, 208, 58, 58, darker(s.main, 0.08))
    s.path("M206 208m-58 0a58 58 0 0 1 92-46a70 70 0 0 0-92 46z", "#fff", 0.18)
    for k in range(4):
        y, tone = 304 - 11 * k, s.main if k % 2 else darker(s.main, 0.12)
        s.path(f"M88 {y - 6}h224q-10 12-60 13h-104q-50-1-60-13z", tone)
        s.path(f"M86 {y - 9}h228v4H86z", lighter(tone, 0.35))


def kettle(s: Sheet) -> None:
    """A kettle."""
    s.shadow(200, 100)
    s.line("M128 200q-6-92 72-92t72 92", DARK, 11)
    s.line("M158 118q40-18 84 0", s.wood, 15)
    s.path("M276 246q30-12 40-58l20 6q-8 66-54 84z", darker(s.main, 0.18))
    body = "M118 310q-20-60 12-100q24-26 70-26t70 26q32 40 12 100z"
    s.form(body, s.main, shade_x=238, light_x=136, pattern=s.pattern(200, 310))
    s.path("M150 192q50-22 100 0l-6 6h-88z", darker(s.main, 0.25))
    s.oval(200, 176, 12, 10, s.wood)
    _steam(s, 334, 168)


def teapot(s: Sheet) -> None:
    """A round teapot."""
    s.shadow(200, 96)
    s.line("M118 226q-56-12-54 26t60 32", darker(s.main, 0.12), 13)
    s.path("M268 252q34-8 42-56q4-10 16-8l12 4q-8 86-76 104z", darker(s.main, 0.12))
    body = "M200 190q86 0 86 64q0 34-40 56h-92q-40-22-40-56q0-64 86-64z"
    s.form(body, s.main, shade_x=234, light_x=136, pattern=s.pattern(200, 310))
    s.path("M152 196q4-22 48-22t48 22q-48 10-96 0z", lighter(s.main, 0.15))
    s.oval(200, 168, 11, 11, s.accent)


def pan(s: Sheet) -> None:
    """A casserole with a lid."""
    s.shadow(200, 112)
    s.line("M92 238h-20q-6 18 20 18M308 238h20q6 18-20 18", darker(s.main, 0.25), 12)
    body = "M90 218h220v70q0 24-24 24H114q-24 0-24-24z"
    s.form(body, s.main, shade_x=256, light_x=110)
    s.path("M84 206h232v14H84z", lighter(s.main, 0.22))
    s.form("M94 206q12-44 106-44t106 44z", s.main, shade_x=250, light_x=0)
    s.oval(200, 156, 17, 9, BRASS)
    s.line("M126 194q18-16 50-20", "#fff", 5, 0.35)


def board(s: Sheet) -> None:
    """A chopping board with a knife and a lemon."""
    s.shadow(204, 96)
    body = "M146 66q0-10 10-10h92q10 0 10 10v234q0 12-12 12h-88q-12 0-12-12z"
    grain = "".join(f"M{x} 50q8 130-4 270" for x in (166, 188, 214, 240))
    veins = f'<path d="{grain}" fill="none" stroke="{darker(s.wood, 0.25)}" stroke-width="2.5"/>'
    s.form(body, s.wood, shade_x=236, light_x=152, pattern=veins)
    s.oval(202, 84, 11, 11, s.wall)
    s.path("M276 120q22 34 22 104h-22z", METAL)
    s.path("M276 120q10 40 10 104h-10z", "#fff", 0.5)
    s.form("M274 224h26v76q0 12-13 12t-13-12z", s.main, shade_x=290)
    s.oval(112, 286, 30, 26, "#e8c64a")
    s.path("M140 284q10-2 12 6q-4 8-12 4z", "#d6b13b")
    s.oval(102, 276, 8, 6, "#fff", opacity=0.45)


def bottle(s: Sheet) -> None:
    """A drinking bottle with a loop."""
    wide, top = s.dice.between(42, 52), s.dice.between(118, 136)
    left, right = 200 - wide, 200 + wide
    s.shadow(202, wide + 8)
    s.line(f"M186 {top - 30}q-2-34 14-34t14 34", DARK, 8)
    cap = s.wood if s.dice.chance(0.5) else mix(DARK, METAL, 0.4)
    s.form(f"M176 {top - 34}h48q6 0 6 6v30h-60v-30q0-6 6-6z", cap, shade_x=214, light_x=180)
    body = (
        f"M174 {top}h52q2 22 {right - 234} 34q8 6 8 20V294q0 18-18 18H{left + 18}"
        f"q-18 0-18-18V{top + 54}q0-14 8-20q{166 - left} -12 {174 - left - 8 - (166 - left)}-34z"
    )
    s.form(body, s.main, shade_x=right - 26, light_x=left + 12, pattern=s.pattern(190, 312))
    s.path(f"M172 {top - 2}h56v6h-56z", METAL)


def flask(s: Sheet) -> None:
    """A vacuum flask with its cup beside it."""
    s.shadow(190, 68)
    s.shadow(288, 34)
    s.form("M132 96q0-12 12-12h72q12 0 12 12v54h-96z", METAL, shade_x=198, light_x=144)
    body = "M126 150h108v146q0 16-16 16h-76q-16 0-16-16z"
    s.form(body, s.main, shade_x=198, light_x=140, pattern=s.pattern(150, 312))
    s.path("M126 150h108v8H126z", darker(METAL, 0.25))
    s.form("M258 252h62l-7 50q-1 10-12 10h-24q-11 0-12-10z", METAL, shade_x=298, light_x=266)
    s.oval(289, 252, 31, 6, "#5a3b2a")
    _steam(s, 286, 236)


def vase(s: Sheet) -> None:
    """A vase with stems."""
    s.shadow(200, 56)
    for x, y, bend in ((148, 84, -18), (206, 56, 6), (258, 96, 22)):
        s.line(f"M200 214Q{200 + bend / 2:g} 150 {x} {y}", s.leaf, 4)
        _bloom(s, x, y)
    for x, y in ((168, 150), (228, 140), (240, 170)):
        side = -1 if x < 200 else 1
        s.path(f"M{x} {y}q{26 * side}-22 {44 * side}-8q{-14 * side} 22 {-44 * side} 8z", s.leaf)
    if s.dice.chance(0.5):
        body = (
            "M182 196h36q2 24 26 46q22 24 8 56q-6 14-22 14h-60q-16 0-22-14q-14-32 8-56q24-22 26-46z"
        )
    else:
        body = "M170 192h60q-8 30 8 60q8 40-10 60h-56q-18-20-10-60q16-30 8-60z"
    s.form(body, s.main, shade_x=218, light_x=160, pattern=s.pattern(220, 312))
    s.oval(200, 195, 22, 5, darker(s.main, 0.4))


def planter(s: Sheet) -> None:
    """A plant in its pot."""
    s.shadow(200, 64)
    dark = darker(s.leaf, 0.2)
    if s.dice.chance(0.5):
        for x, y in (
            (110, 140),
            (290, 132),
            (150, 78),
            (252, 74),
            (200, 52),
            (120, 196),
            (284, 190),
        ):
            s.line(f"M200 236Q{(x + 200) / 2:g} {y + 20} {x} {y}", dark, 3)
            tip = 24 if x >= 200 else -24
            s.path(f"M{x} {y - 20}q{tip * 1.4:g} 8 {tip} 40q{-tip * 1.6:g} 2 {-tip}-40z", s.leaf)
            s.line(f"M{x} {y - 16}l{tip * 0.8:g} 32", dark, 2)
    else:
        for x, lean in ((140, -26), (170, -8), (200, 4), (232, 12), (262, 30)):
            height = s.dice.between(60, 110)
            d = f"M{x} 240q-14-70 {lean} -{290 - 2 * height / 2:g}q26 80 20 {290 - height:g}z"
            s.path(d.replace(" -", "-"), s.leaf if lean % 4 else dark)
    body = "M138 232h124l-12 68q-2 12-14 12h-72q-12 0-14-12z"
    s.form(body, s.main, shade_x=226, light_x=152, pattern=s.pattern(236, 312))
    s.form("M130 224h140v22H130z", lighter(s.main, 0.12), shade_x=236)


def candle(s: Sheet) -> None:
    """Candles of three heights."""
    s.shadow(200, 100)
    for x, top, tone in ((118, 208, s.main), (172, 142, s.accent), (232, 182, s.main)):
        s.line(f"M{x + 22} {top - 2}v-14", DARK, 3)
        s.oval(x + 22, top - 32, 26, 26, "#ffe9a8", opacity=0.35)
        s.path(f"M{x + 22} {top - 50}q17 24 0 34q-17-10 0-34z", "#f2b544")
        s.path(f"M{x + 22} {top - 36}q8 12 0 19q-8-7 0-19z", "#fff3cf")
        s.form(f"M{x} {top}h44v{310 - top}h-44z", tone, shade_x=x + 30, light_x=x + 6)
        s.oval(x + 22, top, 22, 5, lighter(tone, 0.4))
    s.path("M100 304h192q-4 10-20 10H120q-16 0-20-10z", BRASS)


def _bloom(s: Sheet, x: float, y: float) -> None:
    petal = s.accent if lightness(s.accent) > 0.35 else lighter(s.accent, 0.4)
    if s.dice.chance(0.5):
        for dx, dy in ((0, -13), (12, -4), (8, 11), (-8, 11), (-12, -4)):
            s.oval(x + dx, y + dy, 10, 10, petal)
        s.oval(x, y, 8, 8, "#f0c95c")
    else:
        for k in range(4):
            s.oval(x + (k % 2 * 14 - 7), y + 14 * k - 8, 8, 9, petal)


def _steam(s: Sheet, x: float, y: float) -> None:
    if s.dice.chance(0.7):
        s.line(f"M{x} {y}q-9-13 0-26t0-26M{x + 24} {y}q-9-13 0-26t0-20", "#fff", 5, 0.55)
