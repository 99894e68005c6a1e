"""What each cover looks like to Sentinel-1 and Sentinel-2: end members of a linear mixture.

The green end members are medians of real Presto-format samples at their greenest month.
Bands: VV VH in dB, then B2 B3 B4 B5 B6 B7 B8 B8A B9 B11 B12 in units of 1e-4.
"""

import numpy as np

from terrasweep.samplers.pools.planet.covers import (
    BARE,
    BUILT,
    COVERS,
    CROP,
    GRASS,
    SHRUB,
    SNOW,
    TREE,
    WATER,
)

NUM_BANDS = 13
RADAR, OPTICAL = slice(0, 2), slice(2, 13)

_SOIL = (-12.0, -20.0, 900, 1250, 1650, 1850, 1980, 2080, 2180, 2280, 2300, 2900, 2500)
_SNOWY = (-13.0, -19.0, 7600, 7500, 7400, 7300, 7100, 6900, 6800, 6500, 6300, 1200, 900)

_GREEN = {
    TREE: (-8.2, -14.2, 254, 466, 268, 862, 2514, 3114, 3190, 3371, 3300, 1718, 846),
    SHRUB: (-9.5, -15.7, 396, 707, 653, 1186, 2675, 3026, 3019, 3184, 3120, 2268, 1387),
    GRASS: (-10.7, -17.4, 406, 694, 487, 1170, 2969, 3380, 3664, 3654, 3580, 2080, 1113),
    CROP: (-9.9, -17.5, 376, 671, 419, 1126, 3110, 3864, 4023, 4078, 4000, 1967, 1011),
    BUILT: (-6.7, -14.9, 832, 1152, 1277, 1594, 2222, 2378, 2353, 2462, 2420, 2324, 1827),
    BARE: (-9.7, -16.9, 675, 944, 1031, 1525, 2366, 2598, 2954, 2766, 2720, 2448, 1935),
    WATER: (-19.7, -26.8, 1278, 1358, 1244, 1496, 1532, 1582, 1739, 1605, 1560, 1172, 1022),
    SNOW: _SNOWY,
}
_KEEPS = {
    TREE: 0.35,
    SHRUB: 0.25,
    GRASS: 0.22,
    CROP: 0.04,
    BUILT: 0.7,
    BARE: 0.0,
    WATER: 1,
    SNOW: 1,
}
"""How much of its green look a cover keeps when nothing grows; the rest is soil."""

SNOWY = np.array(_SNOWY, np.float32)

_green = np.array([_GREEN[cover] for cover in range(len(COVERS))])
_keeps = np.array([[_KEEPS[cover]] for cover in range(len(COVERS))])
_dry = _keeps * _green + (1 - _keeps) * np.array(_SOIL)

MEMBERS = np.concatenate([_green, _dry]).astype(np.float32)
"""Every cover green, then every cover dry: (16, 13)."""

PLAIN = MEMBERS[len(COVERS) + BARE]
"""Bare soil with nothing on it."""

STYLES = np.stack(
    [np.ones(11), np.linspace(-1, 1, 11), [0, 0, -1, 1, 1, 1, 0, 0, 0, -1, -1]]
).astype(np.float32)
"""How soils and plants of a region differ over the optical bands: brightness, tilt, red edge."""

HAZE = np.array([1, 0.9, 0.8, 0.7, 0.65, 0.6, 0.55, 0.5, 0.5, 0.2, 0.15], np.float32)
"""How much of a thin cloud each optical band sees."""
