"""Monthly temperature and rain from latitude, height, the sea and the Koppen class.

The temperature formulas are fits to a half-degree climatology (R2 0.94 for the mean, 0.85 for the
yearly range). Rain hardly depends on latitude: its amount and season follow from the class.
"""

from dataclasses import dataclass

import numpy as np

from terrasweep.samplers.geography import climate

MONTHS = np.arange(12)
JULY, JANUARY = 6, 0
KELVIN = 273.15

_YEARLY_MM = {
    **{"none": 600, "Af": 2400, "Am": 2300, "As": 1100, "Aw": 1200},
    **{"BSh": 450, "BSk": 350, "BWh": 100, "BWk": 130, "Cfa": 1200, "Cfb": 1000, "Cfc": 1000},
    **{"Csa": 600, "Csb": 800, "Csc": 700, "Cwa": 1250, "Cwb": 1100, "Cwc": 800},
    **{"Dfa": 750, "Dfb": 650, "Dfc": 500, "Dfd": 350, "Dsa": 450, "Dsb": 500, "Dsc": 400},
    **{"Dsd": 300, "Dwa": 700, "Dwb": 600, "Dwc": 450, "Dwd": 300, "EF": 150, "ET": 300},
}
_SEASONALITY = {"f": 0.2, "m": 0.6, "s": -0.85, "w": 0.9, "S": 0.5, "W": 0.3, "F": 0.1, "T": 0.4}
"""By the second letter: how much more falls in the warm half of the year."""


@dataclass(frozen=True)
class Weather:
    """What the year is like at each place; months from January, shape (places, 12)."""

    celsius: np.ndarray
    rain_mm: np.ndarray
    growth: np.ndarray
    """How far warmth and water let plants grow, 0 to 1."""


def weather(
    *, lat: np.ndarray, altitude_m: np.ndarray, coast_km: np.ndarray, koppen: np.ndarray
) -> Weather:
    """Return the year of each place."""
    warmest = np.where(lat >= 0, JULY, JANUARY)
    season = np.cos(2 * np.pi * (MONTHS - warmest[:, None]) / 12)
    mean, swing = _temperature(lat, altitude_m=altitude_m, coast_km=coast_km)
    celsius = (mean[:, None] + swing[:, None] / 2 * season).astype(np.float32)
    yearly, more = _rain_tables()
    rain = (yearly[koppen, None] / 12 * (1 + more[koppen, None] * season)).astype(np.float32)
    return Weather(celsius=celsius, rain_mm=rain, growth=_growth(celsius, rain_mm=rain))


def _temperature(
    lat: np.ndarray, *, altitude_m: np.ndarray, coast_km: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean of the year and the range from the coldest to the warmest month."""
    s = np.abs(np.sin(np.deg2rad(lat)))
    inland = 1 - np.exp(-coast_km / 500)
    north = lat >= 0
    mean = 28.7 - 26.9 * s**2 - 19.3 * s**4 - 4.6 * altitude_m / 1000
    swing = 17.5 * s + 16.7 * s * inland + north * (6.3 * s * inland + 15.9 * s**2)
    return mean, swing


def _growth(celsius: np.ndarray, *, rain_mm: np.ndarray) -> np.ndarray:
    """Return growth by month; half of the water is what the month before has left."""
    warm = sigmoid((celsius - 8) / 2.5)
    demand = 4.5 * np.maximum(celsius, 0) + 5
    supply = 0.5 * (rain_mm + np.roll(rain_mm, 1, axis=1))
    return np.asarray(warm * sigmoid(6 * (np.minimum(supply / demand, 2) - 0.45)))


def sigmoid(x: np.ndarray) -> np.ndarray:
    """Return the logistic function."""
    return np.asarray(0.5 * (1 + np.tanh(0.5 * x)))


def _rain_tables() -> tuple[np.ndarray, np.ndarray]:
    """Return the rain of the year and its seasonality by Koppen code."""
    yearly = [_YEARLY_MM[name] for name in climate.NAMES]
    more = [_SEASONALITY.get(name[1], 0.0) for name in climate.NAMES]
    return np.array(yearly, np.float32), np.array(more, np.float32)
