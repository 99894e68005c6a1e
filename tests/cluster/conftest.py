"""One local Ray for each file that needs one: starting it costs more than most tests do."""

from collections.abc import Iterator

import pytest

from terrasweep.infra.cluster import connection


@pytest.fixture(scope="module")
def local_ray() -> Iterator[None]:
    """Ray on two CPUs, whose workers may talk to the S3 server of the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "testing")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        with connection.connect(cpus=2):
            yield
