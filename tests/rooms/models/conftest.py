"""Tests of this room use one thread: on small tensors, and beside other work, two are slower."""

import pytest
import torch


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    torch.set_num_threads(1)
