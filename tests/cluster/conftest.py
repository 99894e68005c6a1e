"""One local Ray for all tests that need one: starting it costs more than most of them do."""

from collections.abc import Iterator

import pytest

from infra import cluster


@pytest.fixture(scope="session")
def local_ray() -> Iterator[None]:
    with cluster.connect(cpus=2):
        yield
