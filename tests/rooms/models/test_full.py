"""Full finetuning: the steps of a plain loop, many networks as one, and the published recipes."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from terrasweep.models.checkpoints.encoding import origin
from terrasweep.models.contract import Arrays
from terrasweep.models.members import ZOO
from terrasweep.models.probes.full import probe
from terrasweep.models.probes.full.spec import FullSpec
from terrasweep.models.probes.full.stack import NetworkStack
from terrasweep.models.probes.full.training import TrainingDraw
from terrasweep.models.probing.problem import FinetuneSource, Problem
from terrasweep.models.spec import FinetuningSpec, ModelSpec
from terrasweep.models.zoo.presto.spec import PrestoSpec
from terrasweep.models.zoo.satmae.spec import SatMaeSpec
from terrasweep.models.zoo.tiny.spec import TinySpec
from terrasweep.models.zoo.vit_mae.spec import VitMaeSpec
from tests.rooms.models.trainings import arrays

PRESTO = PrestoSpec(name="presto", width=16, depth=1, heads=2)
TINY = TinySpec(name="tiny", width=8)
VIT = VitMaeSpec(
    name="vit_mae", image_px=16, width=16, depth=2, heads=2, decoder_width=16, decoder_depth=1
)
SATMAE = SatMaeSpec(
    name="satmae", image_px=16, width=24, depth=2, heads=2, channel_width=8,
    decoder_width=16, decoder_depth=1, decoder_heads=2, decoder_channel_width=8,
)  # fmt: skip
SHORT = FinetuningSpec(epochs=2, batch_size=16, lr=1e-3)
N = 24
TOLERANCE = 1e-4
"""By how much a probability may differ for a network that was trained beside others."""


def pixels(samples: int = 60) -> Arrays:
    made = arrays(samples)
    return {**made, "lat": made["latlon"][:, 0], "lon": made["latlon"][:, 1]}


def images(samples: int = 60) -> Arrays:
    draw = np.random.Generator(np.random.PCG64(3))
    return {"image": draw.uniform(0, 3000, (samples, 13, 24, 24)).astype(np.float32)}


def source(model: ModelSpec) -> FinetuneSource:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        network = ZOO[model.name].build(model).eval()
    return origin(model, network, pixels() if "x" in model.encodes else images())


def asked(own: FinetuneSource, seed: int, *, classes: int = 2) -> Problem:
    draw = np.random.Generator(np.random.PCG64(seed))
    places = draw.permutation(60)
    labels = np.arange(60) % classes
    return Problem(places[:N], labels[places[:N]], places[N : 50 + seed], classes, seed, own)


def by_hand(problem: Problem, recipe: FinetuningSpec) -> np.ndarray:
    """Return the probabilities of a plain loop over a copy of the network."""
    own = problem.origin
    network = copy.deepcopy(own.network)
    draw = TrainingDraw(torch.from_numpy(problem.train_x), torch.zeros(N, 1), problem.seed)
    stack = NetworkStack.of(own, draws=[draw], recipe=recipe)
    head = nn.Linear(stack.tuned["head.linear.weight"].shape[-1], 1)
    head.load_state_dict(
        {name: stack.tuned[f"head.linear.{name}"][0].detach() for name in ("weight", "bias")}
    )
    learnt = [weight for weight in network.parameters() if weight.requires_grad]
    optimiser = torch.optim.Adam([*learnt, *head.parameters()], lr=recipe.lr)
    rng = draw.generator("training")
    y = torch.from_numpy(problem.train_y).float()
    for _ in range(recipe.epochs):
        order = torch.randperm(N, generator=rng)
        for rows in order.split(recipe.batch_size):
            batch = {name: values[draw.places[rows]] for name, values in own.batch.items()}
            said = head(network.encode(batch))[:, 0]
            loss = F.binary_cross_entropy_with_logits(said, y[rows])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    with torch.no_grad():
        tests = {name: values[problem.test_x] for name, values in own.batch.items()}
        return head(network.encode(tests))[:, 0].sigmoid().numpy()


@pytest.mark.parametrize("model", [PRESTO, TINY], ids=lambda model: model.name)
def test_it_takes_the_steps_of_a_plain_loop(model: ModelSpec):
    problem = asked(source(model), 4)
    (found,) = probe.fit_predict([problem], spec=FullSpec(name="full", tuning=SHORT))
    np.testing.assert_allclose(found.scores[:, 1], by_hand(problem, SHORT), atol=TOLERANCE)


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("model", [PRESTO, TINY, VIT, SATMAE], ids=lambda model: model.name)
def test_networks_side_by_side_are_what_they_are_alone(model: ModelSpec, classes: int):
    """The recipe of each network's authors, but shorter: crops, mixed images, skipped branches."""
    own = source(model)
    recipe = model.finetuning.model_copy(update={"epochs": 2, "batch_size": 16, "lr": 1e-3})
    problems = [asked(own, seed, classes=classes) for seed in range(3)]
    beside = probe.together(problems, origin=own, recipe=recipe)
    for problem, found in zip(problems, beside, strict=True):
        (alone,) = probe.together([problem], origin=own, recipe=recipe)
        np.testing.assert_allclose(found.scores, alone.scores, atol=TOLERANCE)


def test_samples_that_all_show_every_token_are_finetuned_alike():
    own = source(PRESTO)
    assert "keep" in own.batch
    whole = {**pixels(), "dynamic_world": np.minimum(pixels()["dynamic_world"], 8)}
    own = origin(PRESTO, own.network, whole)
    assert "keep" not in own.batch
    problems = [asked(own, seed) for seed in range(2)]
    beside = probe.together(problems, origin=own, recipe=SHORT)
    np.testing.assert_allclose(beside[1].scores[:, 1], by_hand(problems[1], SHORT), atol=TOLERANCE)


def test_the_checkpoint_itself_is_not_moved():
    own = source(TINY)
    before = {name: values.clone() for name, values in own.network.state_dict().items()}
    probe.fit_predict([asked(own, 1)], spec=FullSpec(name="full", tuning=SHORT))
    for name, values in own.network.state_dict().items():
        assert torch.equal(values, before[name])


def test_it_learns_what_frozen_features_do_not_say():
    """Labels by one band of one month: a few steps on all weights find it."""
    own = source(TINY)
    said = (own.batch["x"][:, 3, 5] > 0).long().numpy()
    places = np.arange(60)
    problem = Problem(places, said, places, 2, 0, own)
    recipe = FinetuningSpec(epochs=60, lr=1e-3)
    (found,) = probe.fit_predict([problem], spec=FullSpec(name="full", tuning=recipe))
    assert (found.labels == said).mean() > 0.95


def test_what_has_no_part_in_features_is_not_carried_along():
    stack = NetworkStack.of(
        source(PRESTO), draws=[TrainingDraw(torch.arange(4), torch.zeros(4, 1), 0)], recipe=SHORT
    )
    assert not [name for name in stack.tuned if "decoder" in name]
    assert not [name for name in stack.tuned if "pos_embed" in name or "month_embed" in name]


def test_each_layer_learns_slower_than_the_next():
    own, recipe = source(SATMAE), SATMAE.finetuning
    draws = [TrainingDraw(torch.arange(4), torch.zeros(4, 1), 0)]
    stack = NetworkStack.of(own, draws=draws, recipe=recipe)
    named = {id(values): name for name, values in stack.tuned.items()}
    share = {
        named[id(values)]: group["share"]
        for group in stack.groups(recipe)
        for values in group["params"]
    }
    assert share["head.linear.weight"] == 1.0
    assert share["network.blocks.1.attn.qkv.weight"] == pytest.approx(0.75)
    assert share["network.blocks.0.norm1.bias"] == pytest.approx(0.75**2)
    embeds = ("cls_token", "pos_embed", "channel_embed", "patch_embed.0.proj.weight")
    assert {share[f"network.{name}"] for name in embeds} == {0.75**3}


def test_decay_spares_biases_and_norms():
    stack = NetworkStack.of(
        source(SATMAE),
        draws=[TrainingDraw(torch.arange(4), torch.zeros(4, 1), 0)],
        recipe=SATMAE.finetuning,
    )
    named = {id(values): name for name, values in stack.tuned.items()}
    for group in stack.groups(SATMAE.finetuning):
        for values in group["params"]:
            name = named[id(values)]
            spared = name.endswith(("bias", "scale", "shift")) or "norm" in name
            assert group["weight_decay"] == (0.0 if spared else 0.05), name


def test_each_network_has_its_authors_recipe_unless_one_is_written():
    bare = FullSpec(name="full")
    assert bare.for_network(PRESTO).tuning == FinetuningSpec(epochs=3, batch_size=64, lr=3e-4)
    satmae = bare.for_network(SATMAE).tuning
    assert (satmae.layer_decay, satmae.lr, satmae.lr_per, satmae.epochs) == (0.75, 2e-4, 256, 30)
    like = FullSpec.model_validate({"name": "full", "tuning": {"like": "satmae", "epochs": 7}})
    assert like.for_network(PRESTO).tuning == satmae.model_copy(update={"epochs": 7})


def test_a_number_and_several_labels_are_learnt_as_well():
    own = source(TINY)
    number = replace(asked(own, 0), num_classes=0)
    number = replace(number, train_y=100 + number.train_y.astype(np.float64))
    several = replace(asked(own, 0), train_y=np.stack([np.arange(N) % 2, np.zeros(N, int)], axis=1))
    answers = probe.fit_predict([number, several], spec=FullSpec(name="full", tuning=SHORT))
    assert abs(answers[0].labels.mean() - 100.5) < 1
    assert not answers[1].labels[:, 1].any()
