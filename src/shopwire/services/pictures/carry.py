"""Still lifes of what one takes along: bags, bikes, clothes, parcels."""

from shopwire.services.pictures.paint import (
    BRASS,
    DARK,
    METAL,
    Sheet,
    darker,
    lighter,
    lightness,
)


def tote(s: Sheet) -> None:
    """A tote bag with a baguette or leeks in it."""
    s.shadow(202, 100)
    s.line("M160 180q-4-104 40-104t42 104", darker(s.main, 0.3), 10)
    if s.dice.chance(0.6):
        s.form("M226 108q14-14 30-4q10 10 4 30l-20 70h-44z", "#d99a54", shade_x=246)
        s.line("M232 130l20 8M226 150l20 8", "#b8742f", 4)
    else:
        s.path("M232 190q10-90 44-100q4 60-18 100z", s.leaf)
        s.path("M220 190q-4-70 26-96q12 50 0 96z", darker(s.leaf, 0.15))
    s.form("M108 170h184l12 130q1 12-12 12H108q-13 0-12-12z", s.main, shade_x=248, light_x=122)
    s.line("M154 184q-6-96 42-96t46 96", lighter(s.main, 0.18), 10)
    light = lighter(s.main, 0.6) if lightness(s.main) < 0.65 else s.accent
    motif = s.dice.pick(["sun", "stripes", "leaf", "none"])
    if motif == "sun":
        s.oval(200, 244, 30, 30, light)
    elif motif == "stripes":
        s.line("M100 268h200M98 286h204", light, 7)
    elif motif == "leaf":
        s.path("M200 282q-44-30-6-78q42 34 6 78z", light)
        s.line("M198 292v-72", s.main, 3)


def backpack(s: Sheet) -> None:
    """A backpack with a rolled mat."""
    s.shadow(200, 92)
    s.line("M180 96q0-32 20-32t20 32", darker(s.main, 0.3), 9)
    s.path("M104 170q-18 40-4 112l14 4V164z", darker(s.main, 0.35))
    s.path("M296 170q18 40 4 112l-14 4V164z", darker(s.main, 0.35))
    body = "M112 168q0-80 88-80t88 80v124q0 20-20 20H132q-20 0-20-20z"
    s.form(body, s.main, shade_x=248, light_x=126)
    s.form("M112 168q0-80 88-80t88 80q-88 40-176 0z", lighter(s.main, 0.14), shade_x=248)
    s.form("M138 222h124v66q0 14-14 14h-96q-14 0-14-14z", darker(s.main, 0.12), shade_x=236)
    s.line("M138 236h124", s.accent, 5)
    s.line("M172 186v42M228 186v42", s.wood, 9)
    s.path("M166 220h12v14h-12zM222 220h12v14h-12z", BRASS)


def bike(s: Sheet) -> None:
    """A bicycle, seen from the side."""
    s.shadow(200, 142)
    for x in (108, 292):
        s.ring(x, 248, 62, DARK, 8)
        s.ring(x, 248, 56, lighter(s.accent, 0.3), 2)
        s.line("".join(f"M{x} 248l{dx} {dy}" for dx, dy in _SPOKES), METAL, 1.5)
        s.oval(x, 248, 8, 8, DARK)
    s.line("M108 248L160 162H264L190 250zM292 248L256 130M190 250L156 148", s.main, 10)
    s.line("M108 248h82", s.main, 7)
    s.oval(190, 250, 15, 15, METAL)
    s.line("M190 250l14 24M204 274h16", DARK, 5)
    s.path("M130 140q4-10 18-9h32q10 2 6 9q-26 8-40 8t-16-8z", s.wood)
    if s.dice.chance(0.5):
        s.line("M256 130l-6-20q18-10 36 0q14 10 2 24", DARK, 7)
    else:
        s.line("M256 130l-4-18h-26M252 112q24 0 30-16", DARK, 7)
    if s.dice.chance(0.5):
        s.form("M272 138h62l-8 44h-46z", "#b98a55", shade_x=310)
        s.line("M278 152h50M280 166h46", "#8d6339", 3)


_SPOKES = [(0, 58), (0, -58), (50, 29), (-50, 29), (50, -29), (-50, -29), (58, 0), (-58, 0)]


def helmet(s: Sheet) -> None:
    """A helmet."""
    s.shadow(204, 106)
    s.line("M126 262q20 52 66 40M276 262q-30 60-84 40", darker(s.accent, 0.3), 7)
    body = "M84 250q-8-126 118-126q118 0 116 108q0 14-16 16q-100-6-200 14q-18 4-18-12z"
    s.form(body, s.main, shade_x=254, light_x=0)
    for d in ("M136 178q26-32 66-36q-40 30-52 56z", "M214 142q44 2 66 32l-48 10q-4-28-18-42z"):
        s.path(d, darker(s.main, 0.55))
    s.path("M124 222q40-16 84-18l-2 18q-40 0-80 14z", darker(s.main, 0.55))
    s.line("M90 250q106-30 226-16", s.accent, 8)


def bell(s: Sheet) -> None:
    """A bicycle bell on a bar."""
    s.line("M40 282q160-20 320 0", METAL, 20)
    s.path("M176 258h48v36h-48z", DARK)
    s.form("M98 250q4-122 102-122t102 122z", s.main, shade_x=238, light_x=134)
    s.path("M90 246h220v14q-110 12-220 0z", darker(s.main, 0.2))
    s.oval(200, 126, 14, 11, BRASS)
    s.line("M318 244q30 2 36-20", darker(METAL, 0.3), 9)


def light(s: Sheet) -> None:
    """A lamp for a bicycle."""
    s.path("M262 150L400 70v260L262 250z", "#fff3c4", 0.5)
    s.shadow(190, 84)
    s.path("M172 250h40v60h-40z", DARK)
    s.form("M92 168q0-20 20-20h98l44-22v148l-44-22h-98q-20 0-20-20z", s.main, shade_x=214)
    s.line("M112 164h96", "#fff", 6, 0.35)
    s.oval(254, 200, 18, 74, METAL)
    s.oval(256, 200, 12, 60, "#fff6d8")


def shirt(s: Sheet) -> None:
    """A shirt on a hanger."""
    s.line("M200 84V66q0-16 14-16t12 16", DARK, 5)
    s.line("M110 122l90-40 90 40", s.wood, 9)
    body = (
        "M160 96q40 26 80 0l52 22l44 72l-46 26l-20-30v112q0 12-12 12H142q-12 0-12-12V186l-20 30"
        "l-46-26l44-72z"
    )
    rows = "".join(f"M0 {y}h400" for y in range(170, 310, 26))
    stripes = f'<path d="{rows}" stroke="{lighter(s.main, 0.6)}" stroke-width="9"/>'
    s.form(body, s.main, shade_x=240, pattern=stripes if s.dice.chance(0.4) else "")
    s.line("M160 96q40 34 80 0", darker(s.main, 0.3), 6)


def parcel(s: Sheet) -> None:
    """A parcel with a ribbon: for anything that has no picture of its own kind."""
    s.shadow(200, 112)
    s.form("M92 196h216v116H92z", s.main, shade_x=252)
    s.form("M82 168h236v40H82z", lighter(s.main, 0.14), shade_x=256)
    s.path("M184 168h32v144h-32z", s.accent)
    s.line("M200 166q-62-12-54-44q20-24 54 44q34-68 54-44q8 32-54 44", s.accent, 11)
    s.oval(200, 164, 12, 9, darker(s.accent, 0.2))
