"""Still lifes of a home: lamps, chairs, textiles, desk things."""

from shopwire.services.pictures.paint import BRASS, DARK, Sheet, darker, lighter, mix


def table_lamp(s: Sheet) -> None:
    """A table lamp that is on."""
    s.path("M146 196L70 312h260l-76-116z", "#fff3c4", 0.35)
    s.shadow(200, 62)
    if s.dice.chance(0.5):
        foot = "M186 196h28q6 30 30 56q20 30 2 58h-92q-18-28 2-58q24-26 30-56z"
        s.form(foot, s.accent, shade_x=212, light_x=174)
    else:
        s.path("M193 190h14v112h-14z", BRASS)
        s.form("M146 310q0-14 20-14h68q20 0 20 14z", BRASS, shade_x=220)
    s.form("M158 92h84l34 106H124z", s.main, shade_x=224, light_x=150)
    s.path("M124 192h152l2 7H122z", "#fff0bf")


def pendant(s: Sheet) -> None:
    """A pendant lamp over a table."""
    s.path("M110 214L40 400h320L290 214z", "#fff3c4", 0.35)
    s.line("M200 0v104", DARK, 4)
    s.path("M186 98h28l6 24h-40z", BRASS)
    shape = s.dice.pick(
        [
            "M200 118q92 4 100 98H100q8-94 100-98z",
            "M176 120h48l76 96H100z",
            "M164 120h72q44 40 44 96H120q0-56 44-96z",
        ]
    )
    s.form(shape, s.main, shade_x=238, light_x=142)
    s.oval(200, 216, 98, 9, lighter(s.main, 0.2))
    s.oval(200, 216, 84, 6, "#ffefb5")
    s.oval(200, 222, 17, 17, "#fff6d8")


def floor_lamp(s: Sheet) -> None:
    """An arc lamp beside a stool of books."""
    s.shadow(132, 52)
    s.line("M128 306V150q0-84 78-84q56 0 56 52", BRASS, 7)
    s.form("M84 312q0-14 22-14h46q22 0 22 14z", DARK, shade_x=150)
    s.path("M216 172L176 312h176l-42-140z", "#fff3c4", 0.4)
    s.form("M262 108q52 4 56 64H206q4-60 56-64z", s.main, shade_x=284, light_x=228)
    s.oval(262, 172, 56, 6, "#ffefb5")
    for k, tone in enumerate((s.accent, s.wood, darker(s.main, 0.2))):
        s.path(f"M{222 + 5 * k} {298 - 16 * k}h84v14h-84z", tone)


def chair(s: Sheet) -> None:
    """A wooden chair with a coloured seat."""
    s.shadow(206, 92)
    leg = darker(s.wood, 0.18)
    s.line("M152 216l-8 92M254 216l14 92", leg, 11)
    back = s.dice.pick(["slats", "round", "ladder"])
    if back == "slats":
        s.line("M142 214L130 84M262 214l8-130", s.wood, 12)
        s.line("M164 206l-6-108M200 206V96M238 206l6-108", s.wood, 7)
        s.line("M126 86q74-20 148 0", s.wood, 19)
    elif back == "round":
        s.line("M144 214q-44-134 56-134t58 134", s.wood, 13)
        s.form("M152 186q-20-84 48-84t48 84q-48 14-96 0z", s.main, shade_x=226, light_x=160)
    else:
        s.line("M142 214L132 72M262 214l8-142", s.wood, 12)
        s.line("M136 96h130M138 134h126M140 172h122", s.wood, 13)
    s.line("M132 230l-14 80M272 230l12 80", s.wood, 12)
    s.line("M128 274h148", leg, 6)
    s.form("M116 208h172q10 0 10 12q0 14-14 14H120q-14 0-14-14q0-12 10-12z", s.main, shade_x=250)


def stool(s: Sheet) -> None:
    """A stool with a book and a cup on it."""
    s.shadow(200, 88)
    s.line("M150 200l-26 110M250 200l26 110", s.wood, 12)
    s.line("M186 200l-6 110M214 200l6 110", darker(s.wood, 0.2), 10)
    s.line("M138 262h124", s.wood, 7)
    s.form("M112 186h176q8 0 8 10q0 14-16 14H120q-16 0-16-14q0-10 8-10z", s.main, shade_x=244)
    s.path("M136 170h84v16h-84z", s.accent)
    s.path("M140 174h80v8h-80z", "#fdf6e8")
    s.form("M232 150h34v30q0 6-6 6h-22q-6 0-6-6z", lighter(s.accent, 0.3), shade_x=254)


def armchair(s: Sheet) -> None:
    """An armchair with a cushion."""
    s.shadow(200, 122)
    s.line("M116 292l-8 18M284 292l8 18", s.wood, 11)
    back = "M112 230V132q0-44 44-44h88q44 0 44 44v98z"
    s.form(back, s.main, shade_x=246, light_x=124)
    s.form("M120 220h160v62H120z", lighter(s.main, 0.12), shade_x=250)
    s.line("M120 250h160", darker(s.main, 0.2), 3)
    arm = "q0-26 26-26t26 26v74q0 16-16 16h-20q-16 0-16-16z"
    s.form(f"M78 208{arm}", darker(s.main, 0.06), shade_x=116, light_x=84)
    s.form(f"M270 208{arm}", darker(s.main, 0.1), shade_x=304)
    s.form("M164 150q38-8 74 2q6 34-2 68q-38 6-72-2q-6-34 0-68z", s.accent, shade_x=216)


def blanket(s: Sheet) -> None:
    """A stack of folded blankets."""
    s.shadow(200, 122)
    tones = (s.main, s.accent, lighter(s.main, 0.4), darker(s.main, 0.15))
    count = int(s.dice.between(3, 5))
    for k in range(count):
        y, tone = 312 - 42 * (k + 1), tones[k % 4]
        x, w = 92 + 5 * (k % 2), 216 - 9 * (k % 3)
        d = f"M{x} {y + 20}q0-20 20-20h{w - 28}q18 0 18 21t-18 21H{x + 20}q-20 0-20-22z"
        bars = "".join(f"M{x + at} {y}v44" for at in (34, 46, 150, 162))
        weave = f'<path d="{bars}" stroke="{lighter(tone, 0.5)}" stroke-width="5"/>'
        s.form(d, tone, shade_x=262, pattern=weave if k % 2 == 0 else "")
        s.line(f"M{x + 22} {y + 22}h{w - 34}", darker(tone, 0.3), 2.5)
    fringe = "".join(f"M{x} {312 - 42 * count + 40}v14" for x in range(286, 306, 6))
    s.line(fringe, lighter(tones[(count - 1) % 4], 0.3), 3)


def cushion(s: Sheet) -> None:
    """A cushion with a motif."""
    s.shadow(200, 108)
    body = "M92 116q108 20 216 0q-16 96 0 192q-108-16-216 0q16-96 0-192z"
    light = lighter(s.main, 0.5)
    motif = s.dice.pick(
        [
            "".join(f"M0 {y}h400" for y in range(136, 300, 26)),
            "".join(f"M{x} 90l60 240M{x + 60} 90l-60 240" for x in range(70, 330, 60)),
            "M200 150a62 62 0 1 0 .1 0M200 182a30 30 0 1 0 .1 0",
            "M84 220q58-90 116 0t116 0M84 260q58-90 116 0t116 0M84 180q58-90 116 0t116 0",
        ]
    )
    drawn = f'<path d="{motif}" fill="none" stroke="{light}" stroke-width="7"/>'
    s.form(body, s.main, shade_x=246, pattern=drawn)
    for x, y in ((92, 116), (308, 116), (308, 308), (92, 308)):
        s.oval(x, y, 7, 7, s.accent)


def towel(s: Sheet) -> None:
    """Towels over a rail."""
    s.line("M60 92h280", BRASS, 9)
    s.oval(60, 92, 11, 11, BRASS)
    s.oval(340, 92, 11, 11, BRASS)
    for x, w, end, tone in ((204, 92, 246, s.accent), (92, 128, 294, s.main)):
        bars = f"M0 {end - 54}h400v10H0zM0 {end - 36}h400v10H0z"
        band = f'<path d="{bars}" fill="{lighter(tone, 0.5)}"/>'
        s.form(
            f"M{x} 86q0-8 8-8h{w - 16}q8 0 8 8v{end - 86}h-{w}z",
            tone,
            shade_x=x + w - 34,
            pattern=band,
        )
        s.line("".join(f"M{x + 5 + k} {end}v9" for k in range(0, w - 6, 8)), tone, 3)
        s.line(f"M{x + w * 0.4:g} 100q-6 60 0 {end - 170}", darker(tone, 0.2), 3, 0.6)


def notebook(s: Sheet) -> None:
    """Notebooks with a pencil."""
    s.shadow(206, 100)
    s.raw('<g transform="rotate(7 230 210)">')
    s.path("M168 92h132q6 0 6 6v210H168z", s.accent)
    s.path("M174 300h128v8H174z", "#fdf6e8")
    s.raw("</g>")
    s.form("M104 96q0-8 8-8h132q8 0 8 8v214H112q-8 0-8-8z", s.main, shade_x=232)
    s.path("M104 96q0-8 8-8h12v222h-12q-8 0-8-8z", darker(s.main, 0.25))
    s.path("M146 128h82v44h-82z", "#fdf6e8")
    s.line("M158 144h58M158 157h36", mix(s.main, DARK, 0.5), 3)
    s.line("M236 88v222", s.accent, 5)
    s.path("M280 128l12 4v150l-8 26-10-26V132z", "#e8b64c")
    s.path("M274 282h18l-8 26z", "#f0d9b4")
    s.path("M274 132q6-12 18 0v12h-18z", "#d98c8c")


def clock(s: Sheet) -> None:
    """A clock on its feet."""
    s.shadow(200, 84)
    s.line("M146 282l-20 30M254 282l20 30", s.wood, 13)
    s.oval(200, 206, 106, 106, s.main)
    s.path("M200 100a106 106 0 0 1 0 212q70-40 70-106t-70-106z", darker(s.main, 0.6), 0.2)
    s.oval(200, 206, 84, 84, "#fbf5e9")
    for x, y in ((200, 132), (274, 206), (200, 280), (126, 206)):
        s.oval(x, y, 5, 5, DARK)
    x, y = s.dice.pick([(240, 176), (168, 166), (236, 240), (162, 232)])
    s.line(f"M200 206L{x} {y}", DARK, 8)
    s.line(f"M200 206L{s.dice.pick([206, 150, 252])} 146", DARK, 5)
    s.oval(200, 206, 8, 8, s.accent)
