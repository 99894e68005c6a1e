"""What figures and pages are drawn with: colours that contrast, a map of equal areas."""

import numpy as np
import pytest

from terrasweep.dashboards.html.maps import HEIGHT, WIDTH, equal_earth
from terrasweep.dashboards.html.palette import COLOURS, NUM_DIVERGING


@pytest.mark.parametrize("scheme", [0, 1])
def test_text_stands_out_from_what_it_is_written_on(scheme):
    """The contrast of WCAG 2 level AA: 4.5 to 1."""

    def luminance(name):
        colour = COLOURS[name][scheme]
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [x / 12.92 if x <= 0.03928 else ((x + 0.055) / 1.055) ** 2.4 for x in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    cells = [("ink", f"d{step}") for step in range(NUM_DIVERGING)]
    texts = [(name, "paper") for name in ("ink", "muted", "accent", "warn")]
    for ink, paper in [*cells, *texts, ("muted", "card"), ("warn", "warn-paper")]:
        dark, light = sorted((luminance(ink), luminance(paper)))
        assert (light + 0.05) / (dark + 0.05) >= 4.5, (ink, paper)


def test_the_projection_keeps_areas_and_its_published_extent():
    """A small square covers the same area of the plane wherever it lies, per area on Earth."""

    lat = np.array([0.0, 30.0, 60.0, 85.0])
    step = 1e-4
    x0, y0 = equal_earth(lat=lat, lon=np.full(4, 40.0))
    x1, y1 = equal_earth(lat=lat, lon=np.full(4, 40.0 + step))
    x2, y2 = equal_earth(lat=lat + step, lon=np.full(4, 40.0))
    plane = np.abs((x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0))
    earth = np.radians(step) ** 2 * np.cos(np.radians(lat))
    assert plane / earth == pytest.approx(np.ones(4), rel=1e-3)

    edge, _ = equal_earth(lat=np.zeros(1), lon=np.array([180.0]))
    _, pole = equal_earth(lat=np.array([90.0]), lon=np.zeros(1))
    assert (2 * edge[0], 2 * pole[0]) == pytest.approx((WIDTH, HEIGHT))
