"""The parts of an HTML page: everything escaped, nothing fetched, tables and figures labelled."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files

from terrasweep.dashboards.html import wording
from terrasweep.dashboards.html.drawing import Drawing
from terrasweep.dashboards.html.palette import css


@dataclass(frozen=True)
class Html:
    """Text that is HTML already; any other text is escaped on its way to the page."""

    text: str


Content = Html | str
STAMP = "SYNTHETIC DATA"
LONG = 8
"""Rows of a table that one can take in at a glance."""
_TAG = re.compile(r"<[^>]*>")
_NUMBER = re.compile(r"[-+]?\d+(\.\d+)?")
_SECONDS = {"min": 60, "h": 3600}
"""How many seconds are in the unit that a duration ends with."""
POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:"
"""What a browser lets the page do: run its own scripts, and fetch nothing."""


@dataclass(frozen=True)
class Section:
    """One section of the page, with the figures that are also written to files."""

    name: str
    title: str
    body: Html
    drawings: tuple[Drawing, ...] = ()


def html(*parts: Content) -> Html:
    """Join HTML and plain text."""
    return Html("".join(part.text if isinstance(part, Html) else escape(part) for part in parts))


def element(tag: str, *parts: Content, **attributes: str) -> Html:
    """Return an element; a trailing underscore frees an attribute's name from Python."""
    written = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{escape(value)}"'
        for name, value in attributes.items()
    )
    return Html(f"<{tag}{written}>{html(*parts).text}</{tag}>")


def items(entries: Iterable[Content], **attributes: str) -> Html:
    """Return a list."""
    return element("ul", *(element("li", entry) for entry in entries), **attributes)


def facts(pairs: Iterable[tuple[str, Content]]) -> Html:
    """Return a list of names with their values."""
    entries = (html(element("dt", name), element("dd", value)) for name, value in pairs)
    return element("dl", *entries)


def figure(drawing: Drawing, *, caption: Content = "") -> Html:
    """Return a drawing with its caption."""
    text = element("figcaption", element("strong", drawing.title), " ", caption)
    scrolls = {"class_": "picture", "tabindex": "0", "role": "group", "aria_label": drawing.title}
    picture = element("div", Html(drawing.svg), **scrolls, data_name=drawing.name)
    return element("figure", picture, text)


def table(
    heads: Sequence[str],
    rows: Iterable[Sequence[Content]],
    *,
    caption: str,
    num_words: int = 1,
) -> Html:
    """Return a table whose first columns are words and whose others are numbers.

    One that is long can be sorted and filtered where scripts run.
    """
    lines = list(rows)
    is_long = {"class_": "long"} if len(lines) > LONG else {}
    top = (
        element("th", head, scope="col", class_=_side(at, num_words))
        for at, head in enumerate(heads)
    )
    body = (element("tr", *_cells(row, num_words)) for row in lines)
    inside = html(
        element("caption", caption),
        element("thead", element("tr", *top)),
        element("tbody", *body),
    )
    scrolls = {"class_": "scroll", "tabindex": "0", "role": "region", "aria_label": caption}
    return element("div", element("table", inside, **is_long), **scrolls)


def folded(summary: str, *parts: Content) -> Html:
    """Return parts that are shown once the reader opens them."""
    return element("details", element("summary", summary), *parts)


def section(title: str, *parts: Content, name: str) -> Html:
    """Return a section under a heading."""
    head = element("h2", title, id=f"{name}-heading")
    return element("section", head, *parts, id=name, aria_labelledby=f"{name}-heading")


def stamp(is_synthetic: bool) -> Html:
    """Return the mark of made-up data, if it is."""
    return element("span", STAMP, class_="stamp") if is_synthetic else Html("")


def contents(sections: Iterable[tuple[str, str]]) -> Html:
    """Return links to the sections, given as names and titles."""
    links = (element("a", title, href=f"#{name}") for name, title in sections)
    return element("nav", items(links), aria_label="Contents")


def document(
    title: str,
    *,
    first: str,
    header: Html,
    nav: Html,
    sections: Iterable[Html],
    footer: Html,
    scripts: Html = Html(""),
) -> str:
    """Return a whole page that may fetch nothing, with a link that skips to its first section."""
    style = (
        files("terrasweep.dashboards").joinpath("templates/report.css").read_text(encoding="utf-8")
    )
    head = html(
        Html('<meta charset="utf-8">'),
        Html(f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'),
        Html('<meta name="viewport" content="width=device-width, initial-scale=1">'),
        element("title", title),
        Html(f"<style>{css()}\n{style}</style>"),
    )
    skip = element("a", "Skip the contents", href=f"#{first}", class_="skip")
    body = html(
        skip,
        element("header", header),
        nav,
        element("main", *sections),
        element("footer", footer),
        scripts,
    )
    whole = html(element("head", head), element("body", body))
    return f'<!doctype html>\n<html lang="en">{whole.text}</html>\n'


def _cells(row: Sequence[Content], num_words: int) -> Iterable[Html]:
    for at, cell in enumerate(row):
        if at == 0:
            yield element("th", cell, scope="row")
        else:
            side = _side(at, num_words)
            sorted_by = {"data_order": _number(cell)} if side == "number" else {}
            yield element("td", cell, class_=side, **sorted_by)


def _number(cell: Content) -> str:
    """Return the number that a cell is sorted by: the first that is printed in it."""
    printed = _TAG.sub("", cell.text) if isinstance(cell, Html) else cell
    match = _NUMBER.search(printed.replace(",", "").replace(wording.MINUS, "-"))
    if match is None:
        return ""
    unit = _SECONDS.get(printed.rpartition(" ")[2], 1)
    return f"{float(match[0]) * unit:g}"


def _side(at: int, num_words: int) -> str:
    return "word" if at < num_words else "number"
