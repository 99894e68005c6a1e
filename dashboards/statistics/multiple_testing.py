"""P values corrected for multiple testing."""

from collections.abc import Sequence

import numpy as np


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p values that bound the chance of any false discovery (Holm 1979)."""
    order, ranked = _ranked(p_values)
    raised = np.maximum.accumulate(ranked * np.arange(len(order), 0, -1))
    return _unranked(raised, order)


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Return p values that bound the share of false discoveries (Benjamini, Hochberg 1995)."""
    order, ranked = _ranked(p_values)
    scaled = ranked * len(order) / np.arange(1, len(order) + 1)
    return _unranked(np.minimum.accumulate(scaled[::-1])[::-1], order)


def _ranked(p_values: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    order = np.argsort(p_values, kind="stable")
    return order, np.asarray(p_values, dtype=np.float64)[order]


def _unranked(corrected: np.ndarray, order: np.ndarray) -> list[float]:
    """Return p values in the order given, none above 1."""
    placed = np.empty(len(order))
    placed[order] = np.minimum(corrected, 1.0)
    return [float(p) for p in placed]
