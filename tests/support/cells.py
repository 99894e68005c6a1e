"""Cells of a made-up grid: features that say something of crop, and the labels they say it of."""

from collections.abc import Iterable
from itertools import product

import numpy as np
import pyarrow as pa

from terrasweep.infra.seeds import generator
from terrasweep.infra.spec import Spec
from terrasweep.infra.step import Step
from terrasweep.models.members import PROBES
from terrasweep.models.spec import ProbeSpec
from terrasweep.models.zoo.tiny.spec import TinySpec
from terrasweep.pipelines.spec import EncodeSpec, FinetuneSpec, InitSpec, TaskDataSpec
from terrasweep.samplers.formats.arrays import to_table
from terrasweep.samplers.geography.strata import Continent
from terrasweep.samplers.spec.tasks import Region, TaskSpec
from terrasweep.samplers.tasks.planet_crop.spec import PlanetCropSpec


def encode_step(task: TaskSpec | None = None) -> Step[Spec]:
    """Return a step that encodes a task by a tiny network as it was initialised."""
    init = Step("init", InitSpec(model=TinySpec(name="tiny")))
    data = Step("task", TaskDataSpec(task=task or PlanetCropSpec(name="planet_crop")))
    return Step("encode", EncodeSpec(), (init, data))


def several(features: int, seeds: int) -> list[Step[FinetuneSpec]]:
    """Return the cells of some networks, each judged with some seeds."""
    task = Step("task", TaskDataSpec(task=PlanetCropSpec(name="planet_crop")))
    network = TinySpec(name="tiny")
    inits = [Step("init", InitSpec(model=network, replicate=r)) for r in range(features)]
    probe = PROBES.spec("linear")(name="linear")
    return [
        cell
        for init in inits
        for cell in grid(
            [probe],
            continents=[Region.AFRICA],
            seeds=range(seeds),
            encode=Step("encode", EncodeSpec(), (init, task)),
        )
    ]


def grid(
    protocols: Iterable[ProbeSpec],
    *,
    continents: Iterable[Region] = (Region.AFRICA, Region.GLOBAL),
    sizes: Iterable[int] = (30,),
    seeds: Iterable[int] = (0,),
    encode: Step[Spec] | None = None,
) -> list[Step[FinetuneSpec]]:
    """Return the cells of the product."""
    encode = encode or encode_step()
    return [
        Step("finetune", FinetuneSpec(continent=c, n=n, protocol=p, seed=s), (encode,))
        for c, n, p, s in product(continents, sizes, protocols, seeds)
    ]


def measured(number: int = 400, *, width: int = 12) -> tuple[np.ndarray, pa.Table]:
    """Return features and the task table they belong to."""
    draw = generator("cells", number, width)
    labels = draw.integers(2, size=number)
    noise = draw.normal(size=(number, width))
    features = (noise + labels[:, None] * draw.normal(size=width)).astype(np.float32)
    names = np.array([continent.value for continent in Continent], dtype=object)
    columns = {
        "id": np.array([f"s{index}" for index in range(number)], dtype=object),
        "continent": names[draw.integers(len(names), size=number)],
        "label": labels,
    }
    return features, to_table(columns)
