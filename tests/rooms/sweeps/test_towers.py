"""A frozen tower is planned once for a pool and a replicate, whatever is drawn from the pool."""

from terrasweep.models.zoo.satclip.spec import SatClipSpec
from terrasweep.samplers.pools.planet.spec import PlanetSpec
from terrasweep.sweeps.plan.grid import Plan, plan
from terrasweep.sweeps.reading.sweep_file import read


def planned(*, replicates: int = 1, **fields: object) -> Plan:
    smoke = read("smoke")
    (entry,) = smoke.models
    pool = PlanetSpec(name="planet", size=3000, arrays="patches")
    model = SatClipSpec(name="satclip", **fields)
    models = (entry.model_copy(update={"model": model, "pool": pool}),)
    return plan(smoke.model_copy(update={"models": models, "replicates": replicates}))


def stages(made: Plan, stage: str) -> set[str]:
    return {str(step.key) for step in made.steps if step.stage == stage}


def test_all_compositions_share_one_tower():
    made = planned()
    assert len(stages(made, "pretrain")) == 3
    assert len(stages(made, "tower")) == 1
    for step in made.steps:
        if step.stage == "pretrain":
            tower = step.need("tower")
            assert tower.need("init").key == step.need("init").key
            assert tower.need("shard").key == step.need("sample").need("shard").key


def test_another_initialisation_is_another_tower():
    assert len(stages(planned(replicates=2), "tower")) == 2


def test_a_random_view_at_every_step_and_features_of_the_pool_need_none():
    assert stages(planned(view="random"), "tower") == set()
    assert stages(planned(tower="features"), "tower") == set()
    assert stages(plan(read("smoke")), "tower") == set()
