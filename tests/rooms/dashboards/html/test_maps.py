"""Maps as they are read back from their SVG: what is drawn, where, and in which colour."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest

from terrasweep.dashboards.html.maps import (
    HEIGHT,
    HIGH,
    LARGE,
    WIDE,
    WIDTH,
    Atlas,
    Tile,
    equal_earth,
    steps,
    world,
)
from terrasweep.samplers.audit.land_shares import points_on_land
from terrasweep.samplers.geography.cells import cells_of
from terrasweep.sweeps.pages.write import atlas

SVG = "{http://www.w3.org/2000/svg}"


def box(west: float, south: float) -> np.ndarray:
    east, north = west + 10, south + 10
    return np.array([[west, south], [east, south], [east, north], [west, north], [west, south]])


NOTHING = Atlas((), lambda counts: [])


def drawn(tiles, *, own=NOTHING, begins=(1, 3, 10)):
    told = {"name": "map-x", "title": "Where.", "alt": "some"}
    made = world(tiles, atlas=own, steps=begins, letters=LARGE, **told)
    return ElementTree.fromstring(made.file())


def areas(svg, colour: str) -> float:
    """The area in square units of all that is painted in a colour."""
    paths = [path.get("d") for path in svg.iter(f"{SVG}path") if path.get("fill") == colour]
    return sum(shoelace(corners) for path in paths for corners in walked(path))


def walked(path: str) -> list[np.ndarray]:
    rings = []
    for part in path.split("M")[1:]:
        numbers = [int(one) for one in re.findall(r"-?\d+", part)]
        rings.append(np.cumsum(np.reshape(numbers, (-1, 2)), axis=0))
    return rings


def shoelace(ring: np.ndarray) -> float:
    x, y = ring.T
    return abs(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1))) / 2


def test_a_cell_has_the_colour_of_its_count_and_the_area_it_has_on_earth():
    tiles = [Tile((box(0, 0),), 1), Tile((box(30, 60),), 2), Tile((box(-70, -50),), 30)]
    svg = drawn(tiles)
    per_steradian = (WIDE / WIDTH) ** 2

    def on_earth(south: float) -> float:
        return np.radians(10) * (np.sin(np.radians(south + 10)) - np.sin(np.radians(south)))

    light, dark = (on_earth(0) + on_earth(60)) * per_steradian, on_earth(-50) * per_steradian
    assert areas(svg, "var(--m1)") == pytest.approx(light, rel=0.03)
    assert areas(svg, "var(--m2)") == 0
    assert areas(svg, "var(--m3)") == pytest.approx(dark, rel=0.03)


def test_a_cell_lies_where_the_projection_puts_it():
    svg = drawn([Tile((box(100, 20),), 1)], begins=(1,))
    (path,) = (path.get("d") for path in svg.iter(f"{SVG}path") if path.get("fill") == "var(--m3)")
    (ring,) = walked(path)
    x, y = equal_earth(lat=np.array([20.0]), lon=np.array([100.0]))
    scale = WIDE / WIDTH
    assert ring[0] == pytest.approx(
        [(x[0] + WIDTH / 2) * scale, (HEIGHT / 2 - y[0]) * scale], abs=1
    )


def test_the_legend_tells_every_colour_without_gap():
    texts = [text.text for text in drawn([], begins=(1, 2, 4, 1000)).iter(f"{SVG}text")]
    assert texts == ["samples in a cell", "1", "2 to 3", "4 to 999", "1,000 or more"]


def test_one_crowded_cell_does_not_pale_all_others():
    even = [Tile((), 1 + at % 5) for at in range(1000)]
    assert steps([*even, Tile((), 1_000_000)]) == steps(even)
    assert steps([]) == (1,)
    assert steps([Tile((), 1)]) == (1,)


def test_the_atlas_draws_all_samples_on_the_outlines_of_the_countries():
    lat, lon = points_on_land(2000, purpose="atlas")
    cells, counts = np.unique(cells_of(lat, lon, resolution=5), return_counts=True)
    tiles = atlas().tiles(dict(zip(cells.tolist(), counts.tolist(), strict=True)))
    assert sum(tile.count for tile in tiles) == 2000
    svg = drawn(tiles, own=atlas(), begins=steps(tiles))
    (land,) = (path.get("d") for path in svg.iter(f"{SVG}path") if path.get("id") == "map-x-land")
    rings = walked(land)
    outer = np.concatenate(rings)
    assert outer.min() >= 0
    assert (outer.max(axis=0) <= [WIDE, HIGH]).all()
    share = sum(map(shoelace, rings)) / (4 * np.pi * (WIDE / WIDTH) ** 2)
    assert share == pytest.approx(134.4 / 510.1, rel=0.06)  # land of six continents, of the Earth
    refers = {use.get("href") for use in svg.iter(f"{SVG}use")}
    assert refers == {"#map-x-land"}
