"""Interactive charts and tables: the scripts of Vega-Lite and DataTables, embedded in the page.

Nothing is fetched, and the page forbids it. Without scripts, and in print, the static figures and
the plain tables show the same.
"""

import json
from collections.abc import Mapping
from importlib.resources import files
from typing import TypeAlias

from terrasweep.dashboards.html.page import Html, element, html
from terrasweep.infra.spec import Json

VegaSpec: TypeAlias = Mapping[str, Json]
"""A chart in the grammar of Vega-Lite."""

SCRIPTS = (
    "vega.min.js",
    "vega-lite.min.js",
    "vega-embed.min.js",
    "datatables.min.js",
    "start.js",
    "save.js",
)
LICENCES = "LICENSES.txt"
SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"

_AXIS: dict[str, Json] = {
    "domainColor": "var(--rule)",
    "gridColor": "var(--rule)",
    "labelColor": "var(--muted)",
    "tickColor": "var(--rule)",
    "titleColor": "var(--muted)",
    "titleFontWeight": "normal",
}
_WORDS: dict[str, Json] = {
    "labelColor": "var(--ink)",
    "titleColor": "var(--muted)",
    "titleFontWeight": "normal",
}
LOOK: Mapping[str, Json] = {
    "background": "transparent",
    "font": "var(--sans)",
    "view": {"stroke": None},
    "axis": _AXIS | {"labelFlush": False},
    "header": _WORDS | {"labelOrient": "top", "labelAnchor": "start", "labelFontWeight": "bold"},
    "legend": _WORDS | {"labelLimit": 0},
}
"""The page's own colours: Vega writes them through, so that a chart follows the reader's scheme."""


def chart(spec: VegaSpec, *, name: str, description: str) -> Html:
    """Return the place of a chart and what is drawn there once scripts run.

    Args:
        spec: The chart.
        name: What its file is called when a reader keeps it.
        description: What it shows, for screen readers.
    """
    whole: dict[str, Json] = {"$schema": SCHEMA, "description": description, "config": LOOK, **spec}
    scrolls = {"class_": "chart-live picture", "tabindex": "0", "role": "group", "data_name": name}
    return html(
        element("div", "This chart needs scripts.", **scrolls, aria_label=description),
        Html(f'<script type="application/json">{_inside(whole)}</script>'),
    )


def scripts() -> Html:
    """Return the libraries with their licences, and what starts them."""
    folder = files("terrasweep.dashboards").joinpath("scripts")
    licences, *texts = (
        folder.joinpath(name).read_text(encoding="utf-8") for name in (LICENCES, *SCRIPTS)
    )
    return Html(f"<!--\n{licences}-->" + "".join(f"<script>{text}</script>" for text in texts))


def _inside(value: Json) -> str:
    """Return JSON that cannot end the element it stands in."""
    return json.dumps(value, separators=(",", ":")).replace("<", "\\u003c")
