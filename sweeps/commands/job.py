"""What the commands about jobs share: where the cluster is, and which job is meant."""

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from terrasweep.infra.errors import UserError

if TYPE_CHECKING:  # asyncio and Ray would make the front door heavy
    from terrasweep.infra.cluster.jobs import ClusterJobs, SubmittedJob

ADDRESS_ENV = "RAY_API_SERVER_ADDRESS"


def with_address(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--address",
        metavar="URL",
        help=f"the cluster's dashboard, as http://127.0.0.1:8265 (default: {ADDRESS_ENV})",
    )


def reach(args: argparse.Namespace) -> "ClusterJobs":
    """Return the jobs of the cluster that the line or the environment names."""
    from terrasweep.infra.cluster.jobs import (
        ClusterJobs,  # local: the parsing of the line stays fast
    )

    address = args.address or os.environ.get(ADDRESS_ENV)
    if not address:
        raise UserError(
            "the address of a cluster",
            got="none",
            fix=f"name its dashboard with --address, as http://127.0.0.1:8265, or in {ADDRESS_ENV}",
        )
    return ClusterJobs(address)


def sweep_name(text: str) -> str:
    """Return the name of a sweep; a bare word is one, and its file need not be here."""
    from terrasweep.sweeps.reading.sweep_file import read  # local: see above

    return read(text).name if Path(text).suffix or "/" in text else text


def table_row(job: "SubmittedJob") -> dict[str, object]:
    """Return a job as a row of a table."""
    return {
        "job": job.name,
        "state": job.state,
        "began": f"{job.began:%Y-%m-%d %H:%M:%S}" if job.began else "",
        "exit code": "" if job.exit_code is None else str(job.exit_code),
        "store": job.store,
    }
