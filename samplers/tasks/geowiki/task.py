"""Geo-Wiki: one line per person and location; a location is labelled by all who saw it."""

import numpy as np
import pandas as pd

from terrasweep.samplers.formats import faults
from terrasweep.samplers.sources import task_files
from terrasweep.samplers.tasks.geowiki.spec import GeowikiSpec

GET = "the campaign is See et al. 2017, https://doi.org/10.1594/PANGAEA.873912"
WANTED = ("sumcrop", "centroid_X", "centroid_Y")


def classes(spec: GeowikiSpec) -> tuple[str, ...]:
    """Return the names of the classes, in order of their labels."""
    return ("not crop", "crop")


def read(spec: GeowikiSpec) -> dict[str, np.ndarray]:
    """Return the labelled locations.

    Raises:
        TaskError: If the file is missing or holds something else.
    """
    root = task_files.folder(spec, holds="loc_*.txt of Geo-Wiki", get=GET)
    names = [f"{stem}loc_{spec.points}.txt" for stem in ("", "geowiki_")]
    there = [root / name for name in names if (root / name).is_file()]
    if not there:
        holds = f"loc_{spec.points}.txt of Geo-Wiki"
        raise task_files.incomplete(root, holds=holds, get=GET)
    lines = pd.read_csv(there[0], sep="\t")
    key = next((name for name in ("location_id", "locationid") if name in lines), None)
    lacking = [name for name in WANTED if name not in lines]
    if key is None or lacking:
        got = f"the columns {', '.join(map(str, lines.columns))}"
        raise faults.malformed(there[0], expected=f"locationid, {', '.join(WANTED)}", got=got)
    if lines[list(WANTED)].isna().any(axis=None):
        bad = int(lines[list(WANTED)].isna().any(axis=1).sum())
        raise faults.malformed(there[0], expected="numbers in every line", got=f"{bad} without")
    seen = lines.groupby(key, sort=True)[list(WANTED)].mean()
    return task_files.columns(
        spec,
        ids=seen.index.to_numpy(),
        lat=seen["centroid_Y"].to_numpy(),
        lon=seen["centroid_X"].to_numpy(),
        label=(seen["sumcrop"].to_numpy() > spec.threshold).astype(np.int64),
    )
