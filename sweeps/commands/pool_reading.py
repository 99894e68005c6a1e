"""Pools by the name of their adapter, from a YAML file of their own, or as a sweep has them."""

from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from terrasweep.infra.errors import SpecError
from terrasweep.infra.spec import Spec
from terrasweep.infra.step import Step
from terrasweep.samplers.members import POOLS
from terrasweep.samplers.spec.pools import PoolSpec
from terrasweep.sweeps.plan.draws import pools
from terrasweep.sweeps.plan.grid import shard
from terrasweep.sweeps.plan.pool_checks import check_pools
from terrasweep.sweeps.reading.sweep_file import SUFFIXES, read, read_pool
from terrasweep.sweeps.spec.pool import PoolFile


@dataclass(frozen=True)
class Pools:
    """Pools that someone named, and their shard steps."""

    title: str
    steps: dict[str, Step[Spec]]


def read_pools(text: str) -> Pools:
    """Return the pools that a text stands for.

    Raises:
        SpecError: If it stands for none.
    """
    if text in POOLS.names:
        return _alone(text, PoolFile(pool=_by_default(text)))
    path = Path(text)
    alone = read_pool(path) if path.suffix in SUFFIXES and path.is_file() else None
    if alone is not None:
        return _alone(path.stem, alone)
    sweep = read(text)
    check_pools(sweep)
    return Pools(sweep.name, pools(sweep.models))


def _alone(name: str, said: PoolFile) -> Pools:
    return Pools(name, {name: shard(said, label=name)})


def _by_default(name: str) -> PoolSpec:
    """Return the pool of an adapter whose fields all have defaults.

    Raises:
        SpecError: If one has none.
    """
    try:
        made = POOLS.spec(name).model_validate({"name": name})
    except ValidationError as error:
        fields = ", ".join(str(one["loc"][-1]) for one in error.errors())
        fix = f"write a file with `pool: {{name: {name}, ...}}` and name that"
        got = f"no default for {fields}"
        raise SpecError(f"the pool {name}", got=got, fix=fix) from None
    assert isinstance(made, PoolSpec)
    return made
