"""Interactive charts of the results: hover for numbers, choose a setting, pick a composition."""

from collections.abc import Mapping, Sequence

from terrasweep.dashboards.html import wording
from terrasweep.dashboards.html.live import VegaSpec, chart
from terrasweep.dashboards.html.page import Html, Section, element, html, stamp
from terrasweep.dashboards.html.palette import NUM_LINES
from terrasweep.dashboards.report.results import SweepResults
from terrasweep.dashboards.statistics.differences import MEAN
from terrasweep.dashboards.tables.rows import setting_of
from terrasweep.infra.spec import Json

MAX_CELLS = 20_000
"""Values that are drawn one by one; beyond, they would make the page too large to mail."""
WIDTH = 560
SEEN = "datum.distinguishable === 'yes'"


def explore(results: SweepResults) -> Section | None:
    """Show every difference and every single value, one setting at a time."""
    groups = results.by_setting
    if not groups:
        return None
    lead = (
        "Point at a mark for its numbers; a hollow mark is not distinguishable from zero. Click a "
        "name in the legend to see one composition alone. The figures and tables of this page "
        "show the same numbers."
    )
    parts = [element("p", lead, " ", stamp(results.is_synthetic))]
    if any(group.contrasts for group in groups):
        parts.append(_differences(results))
    if len(_values(results)) <= MAX_CELLS:
        parts.append(_every_value(results))
    return Section("explore", "Look into it", element("div", *parts))


def _differences(results: SweepResults) -> Html:
    rows = _contrasts(results)
    line: dict[str, Json] = {"type": "rule", "stroke": "var(--muted)", "aria": False}
    zero: VegaSpec = {"mark": line, "encoding": {"x": {"datum": 0}}}
    x: dict[str, Json] = {"field": "difference", "type": "quantitative"}
    label = f"difference against {results.baseline}, 95 % interval"
    shared: dict[str, Json] = {
        "y": _line(results),
        "color": _colour(results),
        "opacity": _faded(),
    }
    bars: VegaSpec = {
        "mark": {"type": "rule", "strokeWidth": 2},
        "encoding": {**shared, "x": {**x, "field": "low"}, "x2": {"field": "high"}},
    }
    points: VegaSpec = {
        "mark": {"type": "point", "size": 45, "strokeWidth": 2},
        "params": [_by_name()],
        "encoding": {
            **shared,
            "x": {**x, "axis": {"tickCount": 7, "grid": True}, "title": label},
            "fill": _colour(results),
            "fillOpacity": {"condition": {"test": SEEN, "value": 1}, "value": 0},
            "tooltip": _tooltip(rows[0], without=("setting", "low", "high")),
        },
    }
    spec: VegaSpec = {"layer": [zero, bars, points], "width": WIDTH, "height": {"step": 12}}
    title = f"Differences against {results.baseline} by continent and composition"
    drawing = chart(_by_place(spec, rows), name="every-difference", description=title)
    return html(element("h3", title), drawing)


def _contrasts(results: SweepResults) -> list[Mapping[str, Json]]:
    return [
        {
            "setting": group.label,
            "composition": row["composition"],
            "continent": wording.place(row["continent"]),
            "difference": _rounded(row["difference"]),
            "low": _rounded(row["low"]),
            "high": _rounded(row["high"]),
            "95 % interval": wording.interval(row["low"], row["high"]),
            "p (Holm)": wording.p_value(row["p_holm"]),
            "pairs": row["num_pairs"],
            "distinguishable": "yes" if row["distinguishable"] else "no",
        }
        for group in results.by_setting
        for row in group.ordered
    ]


def _every_value(results: SweepResults) -> Html:
    rows = _values(results)
    spec: VegaSpec = {
        "mark": {"type": "tick", "thickness": 2, "bandSize": 10},
        "params": [_by_name()],
        "width": WIDTH,
        "height": {"step": 12},
        "encoding": {
            "x": {
                "field": "value",
                "type": "quantitative",
                "scale": {"zero": False},
                "title": "value of one cell",
            },
            "y": _line(results),
            "color": _colour(results),
            "opacity": _faded(),
            "tooltip": _tooltip(rows[0], without=("setting",)),
        },
    }
    title = "Every single value, one mark per finetuned cell"
    drawing = chart(_by_place(spec, rows), name="every-value", description=title)
    return html(element("h3", title), drawing)


def _values(results: SweepResults) -> list[Mapping[str, Json]]:
    labels = {tuple(group.setting.values()): group.label for group in results.by_setting}
    return [
        {
            "setting": labels[tuple(setting_of(row).values())],
            "composition": row["composition"],
            "continent": wording.place(row["continent"]),
            "value": _rounded(row["value"]),
            "seed": row["seed"],
            "replicate": row["replicate"],
        }
        for row in results.cell_rows
        if row["value"] is not None
    ]


def _by_place(spec: VegaSpec, rows: Sequence[Mapping[str, Json]]) -> VegaSpec:
    """Return a chart once per continent, of one setting at a time."""
    settings = list(dict.fromkeys(row["setting"] for row in rows))
    chosen = {
        "name": "setting",
        "value": settings[0],
        "bind": {"input": "select", "options": settings, "name": "Show "},
    }
    places = list(dict.fromkeys(row["continent"] for row in rows))
    order = sorted(places, key=lambda place: (place == wording.place(MEAN), place))
    facet = {"row": {"field": "continent", "title": None, "sort": order}}
    whole: dict[str, Json] = {
        "data": {"values": list(rows)},
        "transform": [{"filter": "datum.setting == setting"}],
        "facet": facet,
        "spacing": 14,
        "spec": spec,
    }
    return {**whole, "params": [chosen]}


def _by_name() -> Mapping[str, Json]:
    return {
        "name": "named",
        "select": {"type": "point", "fields": ["composition"]},
        "bind": "legend",
    }


def _faded() -> Mapping[str, Json]:
    return {"condition": {"param": "named", "value": 1}, "value": 0.12}


def _line(results: SweepResults) -> Mapping[str, Json]:
    return {"field": "composition", "axis": None, "sort": _names(results)}


def _colour(results: SweepResults) -> Mapping[str, Json]:
    """Return a colour for every composition; the baseline's is that of the letters."""
    others = [name for name in _names(results) if name != results.baseline]
    colours = {name: f"var(--c{at % NUM_LINES})" for at, name in enumerate(others)}
    colours[results.baseline] = "var(--ink)"
    return {
        "field": "composition",
        "type": "nominal",
        "title": None,
        "scale": {"domain": list(colours), "range": list(colours.values())},
    }


def _names(results: SweepResults) -> list[str]:
    return list(dict.fromkeys(row["composition"] for row in results.coverage))


def _tooltip(row: Mapping[str, Json], *, without: Sequence[str]) -> list[Mapping[str, str]]:
    return [{"field": name, "type": "nominal"} for name in row if name not in without]


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 5)
