"""A finished figure: one `<svg>` element that reads well in any scheme and to a screen reader."""

import re
from dataclasses import dataclass
from html import escape

from terrasweep.dashboards.html.palette import coloured, css

_SIZE = re.compile(r'<svg [^>]*?width="([\d.]+)pt" height="([\d.]+)pt"[^>]*>', re.DOTALL)
_FONT = re.compile(r"(font: [^;\"]*?px) [^;\"]*")
_IDS = re.compile(r'(?<=id=")|(?<=href="#)|(?<=url\(#)')
_PATH = re.compile(r' d="[^"]*"')
_DECIMALS = re.compile(r"(\.\d\d)\d+")
PX_PER_PT = 4 / 3
END = "</svg>"


@dataclass(frozen=True)
class Drawing:
    """A figure for the page and for a file."""

    name: str
    """Its file name, and the prefix of its ids."""
    title: str
    alt: str
    """What it shows, for screen readers."""
    svg: str

    def file(self, *, stamp: str = "") -> str:
        """Return it with its own colours and background, to be opened or embedded anywhere."""
        head, rest = self.svg.split(">", 1)
        style = f"<style>{css()}:root{{--sans:sans-serif}}</style>"
        paper = '<rect width="100%" height="100%" fill="var(--paper)"/>'
        place = 'x="99%" y="98%" text-anchor="end" fill="var(--warn)"'
        mark = f'<text {place} style="font: bold 8px var(--sans)">{escape(stamp)}</text>'
        end = f"{mark}</svg>" if stamp else "</svg>"
        return f"{head}>{style}{paper}{rest.removesuffix(END)}{end}"


def drawing(raw: str, *, name: str, title: str, alt: str) -> Drawing:
    """Return matplotlib's SVG with our ids, colours, fonts, title and description."""
    size = _SIZE.search(raw)
    assert size is not None
    width, height = (float(length) for length in size.groups())
    body = raw[size.end() :].strip()
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    body = _FONT.sub(r"\1 var(--sans)", body)
    body = _PATH.sub(lambda path: _DECIMALS.sub(r"\1", path[0]), body)  # a third of the bytes
    head = opening(width, height, shown=PX_PER_PT, title=title, alt=alt)
    return drawn(coloured(head + body), name=name, title=title, alt=alt)


def drawn(svg: str, *, name: str, title: str, alt: str) -> Drawing:
    """Return a drawing whose ids, and what refers to them, are its own on any page."""
    labelled = _IDS.sub(f"{name}-", svg).replace('"title desc"', f'"{name}-title {name}-desc"')
    return Drawing(name, title, alt, labelled)


def opening(width: float, height: float, *, shown: float, title: str, alt: str) -> str:
    """Return the opening tag of a drawing, with its title and description for screen readers."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'viewBox="0 0 {width:g} {height:g}" width="{width * shown:.0f}" '
        f'height="{height * shown:.0f}" role="img" aria-labelledby="title desc">'
        f'<title id="title">{escape(title)}</title><desc id="desc">{escape(alt)}</desc>'
    )
