"""Presto agrees with its description, number by number, and with no near miss of it."""

from dataclasses import replace

import pytest
import torch

from terrasweep.models.zoo.presto import masking
from terrasweep.models.zoo.presto.layout import spans
from terrasweep.models.zoo.presto.model import Presto, build, prepare
from terrasweep.models.zoo.presto.spec import PrestoSpec
from terrasweep.samplers.pools.planet import pool as planet
from terrasweep.samplers.pools.planet.spec import PlanetSpec
from tests.rooms.models.presto_by_hand import Choices, Reference, every_token

SAMPLES = 5


@pytest.fixture(scope="module")
def presto() -> Presto:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        network = build(PrestoSpec(name="presto"))
        for name, values in network.named_parameters():
            if values.requires_grad and values.ndim == 1:  # biases and norms that say something
                values.data += 0.1 * torch.randn_like(values)
            if name.endswith("channel_embed.weight"):
                values.data *= 2
    assert isinstance(network, Presto)
    return network.double().eval()


@pytest.fixture(scope="module")
def batch() -> dict[str, torch.Tensor]:
    draw = torch.Generator().manual_seed(2)
    classes = torch.randint(0, 9, (SAMPLES, 12), generator=draw)
    classes[0, 3:7] = 9
    classes[1] = 9
    return {
        "x": torch.randn(SAMPLES, 12, 17, generator=draw).double(),
        "dynamic_world": classes,
        "latlon": torch.tensor([[60.0, 20], [-35, 150], [0, 0], [10, -120], [-80, 3]]).double(),
        "month": torch.tensor([0, 5, 11, 1, 7]),
    }


def by_hand(presto: Presto, batch: dict[str, torch.Tensor], choices: Choices) -> torch.Tensor:
    reference = Reference(presto.encoder.state_dict(), heads=8, choices=choices)
    return torch.stack(
        [
            reference.encode(x, classes, latlon, int(month))
            for x, classes, latlon, month in zip(*batch.values(), strict=True)
        ]
    )


def encode(presto: Presto, batch: dict[str, torch.Tensor]) -> torch.Tensor:
    with torch.no_grad():
        return presto.encode(batch)


def test_sizes_are_the_published_ones():
    network = build(PrestoSpec(name="presto"))
    assert isinstance(network, Presto)
    parts = {"encoder": network.encoder, "decoder": network.decoder, "whole": network}
    size = {
        name: sum(values.numel() for values in part.parameters()) for name, part in parts.items()
    }
    learnt = {
        name: sum(values.numel() for values in part.parameters() if values.requires_grad)
        for name, part in parts.items()
    }
    assert size == {"encoder": 404_160, "decoder": 418_842, "whole": 822_682}
    assert learnt == {"encoder": 402_240, "decoder": 417_114, "whole": 819_034}
    assert len(network.state_dict()) == 102
    assert sum(values.numel() for values in network.state_dict().values()) == 823_002


def test_names_and_shapes_in_the_state_dict_are_the_published_ones():
    state = build(PrestoSpec(name="presto")).state_dict()
    assert {name: tuple(values.shape) for name, values in state.items()} == published_shapes()


def published_shapes() -> dict[str, tuple[int, ...]]:
    groups = {"S1": 2, "S2_RGB": 3, "S2_Red_Edge": 3, "S2_NIR_10m": 1, "S2_NIR_20m": 1}
    groups |= {"S2_SWIR": 2, "ERA5": 2, "SRTM": 2, "NDVI": 1}
    linear = {"decoder.decoder_embed": (128, 128), "decoder.dw_decoder_pred": (9, 128)}
    linear |= {f"encoder.eo_patch_embed.{name}": (128, bands) for name, bands in groups.items()}
    linear |= {f"decoder.eo_decoder_pred.{name}": (bands, 128) for name, bands in groups.items()}
    linear |= {"encoder.latlon_embed": (128, 3)}
    norms = ["encoder.norm", "decoder.decoder_norm"]
    blocks = [f"encoder.blocks.{i}" for i in (0, 1)] + [
        f"decoder.decoder_blocks.{i}" for i in (0, 1)
    ]
    for block in blocks:
        norms += [f"{block}.norm1", f"{block}.norm2"]
        linear |= {f"{block}.attn.qkv": (384, 128), f"{block}.attn.proj": (128, 128)}
        linear |= {f"{block}.mlp.fc1": (512, 128), f"{block}.mlp.fc2": (128, 512)}
    shapes: dict[str, tuple[int, ...]] = {
        "encoder.pos_embed": (1, 24, 64),
        "encoder.dw_embed.weight": (10, 128),
        "encoder.month_embed.weight": (12, 32),
        "encoder.channel_embed.weight": (10, 32),
        "decoder.mask_token": (128,),
        "decoder.pos_embed": (1, 24, 48),
        "decoder.channel_embeddings.weight": (10, 32),
        "decoder.month_embed.weight": (12, 48),
    }
    for name, shape in linear.items():
        shapes |= {f"{name}.weight": shape, f"{name}.bias": shape[:1]}
    for name in norms:
        shapes |= {f"{name}.weight": (128,), f"{name}.bias": (128,)}
    return shapes


def test_fixed_tables_have_the_published_values():
    state = build(PrestoSpec(name="presto")).state_dict()
    golden = torch.tensor([0.841471, 0.540302, 0.721414, 0.692504])
    torch.testing.assert_close(state["encoder.pos_embed"][0, 1, :4], golden, atol=1e-6, rtol=0)
    january = torch.tensor([0.5] * 16 + [0.866025] * 16)
    torch.testing.assert_close(state["encoder.month_embed.weight"][1], january, atol=1e-6, rtol=0)


def test_fixed_tables_are_not_learnt():
    frozen = {
        name
        for name, values in build(PrestoSpec(name="presto")).named_parameters()
        if not values.requires_grad
    }
    assert frozen == {
        f"{half}.{table}"
        for half in ("encoder", "decoder")
        for table in ("pos_embed", "month_embed.weight")
    }


def test_linear_layers_start_xavier_uniform_without_bias_and_the_mask_token_at_zero():
    network = build(PrestoSpec(name="presto"))
    assert isinstance(network, Presto)
    for name, module in network.named_modules():
        if isinstance(module, torch.nn.Linear):
            bound = (6 / (module.in_features + module.out_features)) ** 0.5
            assert module.weight.abs().max() <= bound, name
            assert not module.bias.any(), name
    assert network.encoder.blocks[0].mlp.fc1.weight.std() > 0.5 * (6 / 640) ** 0.5
    assert not network.decoder.mask_token.any()


def test_the_decoder_shares_the_encoders_channel_code_also_after_weights_are_loaded():
    network, other = (build(PrestoSpec(name="presto")) for _ in range(2))
    assert isinstance(network, Presto)
    network.load_state_dict(other.state_dict())
    network.encoder.channel_embed.weight.data.fill_(7.0)
    assert (network.decoder.channel_embeddings.weight == 7.0).all()


def test_features_agree_with_the_encoder_written_by_hand(presto, batch):
    torch.testing.assert_close(
        encode(presto, batch).double(), by_hand(presto, batch, Choices()), atol=1e-6, rtol=0
    )


# A test that could not tell Presto from its near misses would be worth nothing: each of these is
# the encoder with one thing wrong, and each is further from ours than the right one.
@pytest.mark.parametrize(
    "wrong",
    [
        {"eps": 1e-6},
        {"sinusoid_base": 10_000.0},
        {"sinusoid_interleaved": False},
        {"month_in_halves": False},
        {"norm_before_mean": True},
        {"location_in_mean": False},
        {"code_order": "position channel month"},
        {"code_order": "channel month position"},
        {"relief_has_time": True},
        {"gelu": "tanh"},
        {"latlon_in_degrees": True},
    ],
    ids=str,
)
def test_features_disagree_with_every_near_miss(presto, batch, wrong):
    ours = encode(presto, batch).double()
    right = (ours - by_hand(presto, batch, Choices())).abs().max()
    missed = (ours - by_hand(presto, batch, replace(Choices(), **wrong))).abs().max()
    assert missed > 20 * right


def hidden_tokens() -> torch.Tensor:
    draw = torch.Generator().manual_seed(3)
    return masking.draw(SAMPLES, steps=12, ratio=0.75, generator=draw)


def predict_by_hand(
    presto: Presto, batch: dict[str, torch.Tensor], choices: Choices
) -> dict[str, torch.Tensor]:
    """Predictions of hidden tokens, group by group; zero where nothing is hidden."""
    encoder = Reference(presto.encoder.state_dict(), heads=8, choices=choices)
    decoder = Reference(presto.decoder.state_dict(), heads=8, choices=choices)
    made: dict[str, list[torch.Tensor]] = {}
    for row, hidden in enumerate(hidden_tokens()):
        x, classes, latlon, month = (values[row] for values in batch.values())
        tokens = [kind for kind, _ in every_token(12)]
        unseen = {kind for kind, is_hidden in zip(tokens, hidden, strict=True) if is_hidden}
        kinds, z = encoder.encoded(x, classes, latlon, int(month), hidden=unseen)
        predicted = decoder.decoded(kinds, encoder.norm("norm", z), int(month), steps=12)
        for kind in tokens:
            value = predicted[kind] if kind in unseen else torch.zeros_like(predicted[kind])
            made.setdefault(kind[0], []).append(value)
    shape = (SAMPLES, -1)
    return {name: torch.stack(values).unflatten(0, shape) for name, values in made.items()}


def predict(presto: Presto, batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    hidden = hidden_tokens()
    with torch.no_grad():
        made = presto.predict(batch, hidden_BN=hidden)
    return {name: made[name] * hidden[:, span, None] for name, span in spans(12).items()}


def furthest(ours: dict[str, torch.Tensor], theirs: dict[str, torch.Tensor]) -> float:
    return max(float((ours[name] - theirs[name]).abs().max()) for name in ours)


def test_predictions_agree_with_the_decoder_written_by_hand(presto, batch):
    ours, theirs = predict(presto, batch), predict_by_hand(presto, batch, Choices())
    assert ours.keys() == theirs.keys()
    assert furthest(ours, theirs) < 1e-6


@pytest.mark.parametrize(
    "wrong",
    [
        {"sinusoid_base": 10_000.0},
        {"month_in_halves": False},
        {"code_order": "channel month position"},
        {"relief_has_time": True},
        {"location_has_code": True},
        {"eps": 1e-6},
    ],
    ids=str,
)
def test_predictions_disagree_with_every_near_miss(presto, batch, wrong):
    ours = predict(presto, batch)
    right = furthest(ours, predict_by_hand(presto, batch, Choices()))
    missed = furthest(ours, predict_by_hand(presto, batch, replace(Choices(), **wrong)))
    assert missed > 20 * right


def test_a_sample_has_the_same_features_alone_and_beside_any_other(presto, batch):
    alone = [encode(presto, {k: v[i : i + 1] for k, v in batch.items()}) for i in range(SAMPLES)]
    torch.testing.assert_close(encode(presto, batch), torch.cat(alone), atol=1e-6, rtol=0)


def test_the_encoder_sees_nothing_of_hidden_tokens(presto, batch):
    changed = {**batch, "x": batch["x"].clone()}
    changed["x"][:, :, 2:5] = 1e3
    hidden = torch.zeros(SAMPLES, 109, dtype=torch.bool)
    hidden[:, 12:24] = True  # S2_RGB
    with torch.no_grad():
        seen, index, _ = presto.encoder(batch, hidden_BN=hidden)
        unseen, _, _ = presto.encoder(changed, hidden_BN=hidden)
    assert seen.shape[1] == 110 - 12
    assert not ((index >= 13) & (index < 25)).any()
    assert torch.equal(seen, unseen)


def test_relief_is_read_at_the_first_step_alone(presto, batch):
    later, first = ({**batch, "x": batch["x"].clone()} for _ in range(2))
    later["x"][:, 1:, 14:16] += 5
    first["x"][:, :1, 14:16] += 5
    assert torch.equal(encode(presto, later), encode(presto, batch))
    assert not torch.allclose(encode(presto, first), encode(presto, batch), atol=1e-3)


def test_two_years_are_learned_from_and_encoded(presto):
    seen = planet.read(PlanetSpec(name="planet", size=8, months=24), 0)
    batch = {name: torch.as_tensor(values) for name, values in prepare(seen).items()}
    batch |= {name: values.double() for name, values in batch.items() if values.is_floating_point()}
    assert batch["x"].shape == (8, 24, 17)
    loss = presto.loss(batch, generator=torch.Generator().manual_seed(0))
    assert torch.isfinite(loss)
    late = {**batch, "x": batch["x"].clone()}
    late["x"][:, 20] += 1
    assert not torch.allclose(encode(presto, late), encode(presto, batch), atol=1e-4)


@pytest.mark.parametrize("fields", [{"width": 40}, {"width": 48, "heads": 5}])
def test_a_width_that_cannot_be_split_is_refused(fields):
    with pytest.raises(ValueError, match="write a multiple of 16 and of"):
        PrestoSpec(name="presto", **fields)
