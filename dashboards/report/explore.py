"""The results to look into by hand: hover for the numbers, choose a setting, point at a name."""

from collections.abc import Mapping, Sequence
from typing import Any

from terrasweep.dashboards.html import wording
from terrasweep.dashboards.html.live import Spec, chart
from terrasweep.dashboards.html.page import Html, Section, element, html, stamp
from terrasweep.dashboards.html.palette import NUM_LINES
from terrasweep.dashboards.report.results import Findings
from terrasweep.dashboards.statistics.differences import MEAN
from terrasweep.dashboards.tables.cells import Row

MAX_CELLS = 20_000
"""Values that are drawn one by one; beyond, they would make the page too large to mail."""
WIDTH = 560
SEEN = "datum.distinguishable === 'yes'"


def explore(findings: Findings) -> Section | None:
    """Offer every difference and every single value to be looked at by setting."""
    groups = findings.groups
    if not groups:
        return None
    lead = (
        "Point at a mark for its numbers (a hollow one is not distinguishable); click a name in "
        "the legend for one composition alone. The figures and tables of this page say the same."
    )
    parts = [element("p", lead, " ", stamp(findings.is_synthetic))]
    if any(group.contrasts for group in groups):
        parts.append(_differences(findings))
    if len(_values(findings)) <= MAX_CELLS:
        parts.append(_every_value(findings))
    return Section("explore", "Look into it", element("div", *parts))


def _differences(findings: Findings) -> Html:
    rows = _contrasts(findings)
    line = {"type": "rule", "stroke": "var(--muted)", "aria": False}
    zero = {"mark": line, "encoding": {"x": {"datum": 0}}}
    x = {"field": "difference", "type": "quantitative"}
    title = f"difference against {findings.baseline}, 95 % interval"
    bars: Spec = {
        "mark": {"type": "rule", "strokeWidth": 2},
        "encoding": {"x": {**x, "field": "low"}, "x2": {"field": "high"}},
    }
    points: Spec = {
        "mark": {"type": "point", "size": 45, "strokeWidth": 2},
        "params": [_by_name()],
        "encoding": {
            "x": {**x, "axis": {"tickCount": 7, "grid": True}, "title": title},
            "fill": _colour(findings),
            "fillOpacity": {"condition": {"test": SEEN, "value": 1}, "value": 0},
            "tooltip": _tooltip(rows[0], without=("setting", "low", "high")),
        },
    }
    shared = {"y": _line(findings), "color": _colour(findings), "opacity": _faded()}
    named = [{**layer, "encoding": {**shared, **layer["encoding"]}} for layer in (bars, points)]
    spec = {"layer": [zero, *named], "width": WIDTH, "height": {"step": 12}}
    told = f"Differences against {findings.baseline} by continent and composition"
    drawn = chart(_by_place(spec, rows), name="every-difference", told=told)
    return html(element("h3", told), drawn)


def _contrasts(findings: Findings) -> list[dict[str, Any]]:
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
        for group in findings.groups
        for row in group.ordered
    ]


def _every_value(findings: Findings) -> Html:
    rows = _values(findings)
    spec: Spec = {
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
            "y": _line(findings),
            "color": _colour(findings),
            "opacity": _faded(),
            "tooltip": _tooltip(rows[0], without=("setting",)),
        },
    }
    told = "Every single value, one mark per finetuned cell"
    drawn = chart(_by_place(spec, rows), name="every-value", told=told)
    return html(element("h3", told), drawn)


def _values(findings: Findings) -> list[dict[str, Any]]:
    labels = {tuple(group.setting.values()): group.label for group in findings.groups}
    axes = tuple(findings.groups[0].setting)
    return [
        {
            "setting": labels[tuple(row[axis] for axis in axes)],
            "composition": row["composition"],
            "continent": wording.place(row["continent"]),
            "value": _rounded(row["value"]),
            "seed": row["seed"],
            "replicate": row["replicate"],
        }
        for row in findings.cells.to_pylist()
        if row["value"] is not None
    ]


def _by_place(spec: Spec, rows: Sequence[Row]) -> Spec:
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
    whole: dict[str, Any] = {
        "data": {"values": list(rows)},
        "transform": [{"filter": "datum.setting == setting"}],
        "facet": facet,
        "spacing": 14,
        "spec": spec,
    }
    return {**whole, "params": [chosen]}


def _by_name() -> Mapping[str, Any]:
    return {
        "name": "named",
        "select": {"type": "point", "fields": ["composition"]},
        "bind": "legend",
    }


def _faded() -> Mapping[str, Any]:
    return {"condition": {"param": "named", "value": 1}, "value": 0.12}


def _line(findings: Findings) -> Mapping[str, Any]:
    return {"field": "composition", "axis": None, "sort": _names(findings)}


def _colour(findings: Findings) -> Mapping[str, Any]:
    """Return a colour for every composition; the baseline's is that of the letters."""
    others = [name for name in _names(findings) if name != findings.baseline]
    colours = {name: f"var(--c{at % NUM_LINES})" for at, name in enumerate(others)}
    colours[findings.baseline] = "var(--ink)"
    return {
        "field": "composition",
        "type": "nominal",
        "title": None,
        "scale": {"domain": list(colours), "range": list(colours.values())},
    }


def _names(findings: Findings) -> list[str]:
    return list(dict.fromkeys(row["composition"] for row in findings.coverage))


def _tooltip(row: Mapping[str, Any], *, without: Sequence[str]) -> list[Mapping[str, str]]:
    return [{"field": name, "type": "nominal"} for name in row if name not in without]


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 5)
