"""The colours of a report, each once for light and once for dark; pages and figures share them.

Brown to teal stays apart for colour-blind eyes and in grey; the lines' colours are Okabe and Ito's,
tuned for contrast. Figures are drawn with stand-ins that become CSS variables, so that one SVG
follows the reader's scheme.
"""

COLOURS: dict[str, tuple[str, str]] = {
    "paper": ("#fbfaf6", "#151a19"),
    "card": ("#ffffff", "#1c2322"),
    "ink": ("#1c2523", "#e6e9e4"),
    "muted": ("#5a6562", "#a2ada8"),
    "rule": ("#d9dad2", "#38423f"),
    "accent": ("#0b6a60", "#5cc6b6"),
    "ahead": ("#0b6a60", "#5cc6b6"),
    "behind": ("#9a5a12", "#e2a65a"),
    "warn": ("#8a3b12", "#f0b48a"),
    "warn-paper": ("#fdf0e4", "#33231a"),
    "land": ("#e4e3da", "#2c3533"),
    "d0": ("#bb8540", "#8d5a1b"),
    "d1": ("#cfa567", "#7d5523"),
    "d2": ("#e6cc9f", "#5f4726"),
    "d3": ("#f4e7cf", "#423728"),
    "d4": ("#f3f2ed", "#2a302e"),
    "d5": ("#d8ece7", "#254039"),
    "d6": ("#aed9d0", "#1f5249"),
    "d7": ("#7bc0b4", "#196459"),
    "d8": ("#43a293", "#0f6d60"),
    "m0": ("#b9d8d2", "#2a5a53"),
    "m1": ("#7dbab0", "#3b8278"),
    "m2": ("#3f978a", "#55ada0"),
    "m3": ("#0b6a60", "#8de0d2"),
    "c0": ("#0b6a60", "#5cc6b6"),
    "c1": ("#c05a00", "#f0914a"),
    "c2": ("#3465a8", "#84b2ee"),
    "c3": ("#a8407c", "#e58fc0"),
    "c4": ("#8a6d00", "#d9bb45"),
    "c5": ("#5d4a9c", "#b4a2f2"),
    "c6": ("#4c7a1f", "#9ccf68"),
    "c7": ("#5a6562", "#a2ada8"),
}
NUM_DIVERGING = 9
NUM_DENSITIES = 4
NUM_LINES = 8


def css() -> str:
    """Return the style rules that define every colour in both schemes."""
    light, dark = (
        "".join(f"--{name}:{pair[at]};" for name, pair in COLOURS.items()) for at in (0, 1)
    )
    return (
        f":root{{color-scheme:light dark;{light}}}"
        f"@media screen and (prefers-color-scheme:dark){{:root{{{dark}}}}}"
    )


def stand_in(name: str) -> str:
    """Return a colour that no one would draw with, for `coloured` to replace."""
    return f"#fe{list(COLOURS).index(name):04x}"


def coloured(svg: str) -> str:
    """Replace all stand-ins in a drawing by the CSS variables they stand for."""
    for name in COLOURS:
        svg = svg.replace(stand_in(name), f"var(--{name})")
    return svg
