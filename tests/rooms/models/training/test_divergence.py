"""A training that diverges stops at once and says where: step, rate, weights, samples."""

import numpy as np
import pytest
import torch

from terrasweep.infra.errors import BadDataError
from terrasweep.models.spec import TrainingSpec
from terrasweep.models.training.divergence import DivergedError
from tests.rooms.models.trainings import SAMPLES, TRAINING, arrays, tiny, trained

WILD = TrainingSpec(epochs=3, batch_size=32, lr=1e30, warmup_epochs=0)


def test_values_that_are_no_numbers_are_laid_to_the_samples_that_hold_them():
    data = arrays()
    data["x"][[4, 61]] = np.nan
    with pytest.raises(DivergedError) as caught:
        trained(tiny(), data=data)
    where = caught.value.divergence
    assert where is not None
    assert (where.epoch, where.loss, where.inputs) == (1, "nan", ("x",))
    assert set(where.rows) <= {4, 61}
    assert where.parameters == ()
    assert "no numbers in x of its" in str(caught.value)
    assert "in the pool" in str(caught.value)


def test_weights_that_overflow_are_named_with_step_epoch_rate_and_the_whole_batch():
    with pytest.raises(DivergedError, match=r"finite loss at step [2-9] \(epoch [123]\)") as caught:
        trained(tiny(), training=WILD)
    where = caught.value.divergence
    assert where is not None
    assert where.inputs == ()
    assert len(where.rows) in (32, SAMPLES % 32)
    assert set(where.rows) < set(range(SAMPLES))
    assert 0 < where.lr <= 1e30
    assert "clip_norm" in str(caught.value)


def test_the_weights_that_hold_no_numbers_are_told_by_name():
    network = tiny()
    with torch.no_grad():
        network.get_parameter("decoder.bias")[3] = float("inf")
    with pytest.raises(DivergedError, match=r"decoder\.bias") as caught:
        trained(network)
    assert caught.value.divergence is not None
    assert caught.value.divergence.parameters == ("decoder.bias",)


def test_it_is_an_error_of_the_data_so_that_a_sweep_goes_on_without_the_cell():
    assert issubclass(DivergedError, BadDataError)


# In float16 a gradient may overflow where the loss does not: that step is left out, and the loss
# is scaled less from then on.
def test_float16_leaves_out_steps_that_overflow_and_goes_on():
    network = tiny()
    before = {name: values.clone() for name, values in network.state_dict().items()}
    rows = trained(network, training=TRAINING.model_copy(update={"precision": "float16"}))
    assert np.isfinite([row["loss"] for row in rows]).all()
    assert not torch.equal(network.state_dict()["encoder.weight"], before["encoder.weight"])
    assert all(values.dtype == torch.float32 for values in network.parameters())
