"""One local Ray for all tests that need one: starting it costs more than most of them do."""

from collections.abc import Iterator

import pytest

from infra import cluster


@pytest.fixture(scope="session")
def local_ray() -> Iterator[None]:
    """Ray on two CPUs, whose workers may talk to the S3 server of the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "testing")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        with cluster.connect(cpus=2):
            yield
