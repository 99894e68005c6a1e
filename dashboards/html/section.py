"""A section of the page, and the stamp that made-up data carries."""

from dataclasses import dataclass

from terrasweep.dashboards.html.drawing import Drawing
from terrasweep.dashboards.html.page import Html, element


@dataclass(frozen=True)
class Section:
    """One section of the page, with the figures that are also written to files."""

    name: str
    title: str
    body: Html
    drawings: tuple[Drawing, ...] = ()


STAMP = "SYNTHETIC DATA"


def stamp(is_synthetic: bool) -> Html:
    """Return the mark of made-up data, if it is."""
    return element("span", STAMP, class_="stamp") if is_synthetic else Html("")
