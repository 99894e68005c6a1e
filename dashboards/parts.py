"""A section of the page, and the stamp that made-up data carries."""

from dataclasses import dataclass

from dashboards.drawing import Drawing
from dashboards.findings import Findings
from dashboards.page import Html, element


@dataclass(frozen=True)
class Section:
    """One section of the page, with the figures that are also written to files."""

    name: str
    title: str
    body: Html
    drawings: tuple[Drawing, ...] = ()


STAMP = "SYNTHETIC DATA"


def stamp(findings: Findings) -> Html:
    """Return the mark of made-up data, if it is."""
    return element("span", STAMP, class_="stamp") if findings.is_synthetic else Html("")
