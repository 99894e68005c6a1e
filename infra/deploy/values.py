"""The one small file that everything under deployment is written from; it holds no secret.

Texts end up in shell scripts and YAML, so each has a pattern that leaves no room for anything else.
A section that is left out is not rendered.
"""

import ipaddress
from typing import Annotated, TypeAlias

from pydantic import AfterValidator, ConfigDict, Field

from terrasweep.infra.spec import Documented


class ValuesSection(Documented):
    """Common to every section: frozen, closed, documented under each field."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def _not_the_world(network: str) -> str:
    """Refuse what is no network, and networks so wide that they are half the world."""
    if ipaddress.ip_network(network).prefixlen < NARROWEST_BITS:
        raise ValueError(f"a network of at least /{NARROWEST_BITS}, not {network}")
    return network


NARROWEST_BITS = 8
"""A wider network than this is the world rather than an office."""

Name: TypeAlias = Annotated[str, Field(pattern=r"^[a-z]([-a-z0-9]{0,28}[a-z0-9])?$")]
Word: TypeAlias = Annotated[str, Field(pattern=r"^[A-Za-z0-9][-A-Za-z0-9._]*$")]
Place: TypeAlias = Annotated[str, Field(pattern=r"^[A-Za-z0-9][-A-Za-z0-9._/:]*$")]
Count: TypeAlias = Annotated[int, Field(ge=0, le=10_000)]
Cpus: TypeAlias = Annotated[int, Field(ge=1, le=1024)]
Network: TypeAlias = Annotated[str, AfterValidator(_not_the_world)]


class Machine(ValuesSection):
    """One machine."""

    cpus: Cpus
    """Cores."""
    memory_gib: Annotated[int, Field(ge=2, le=8192)]
    """Memory."""


class WorkerGroup(Machine):
    """Machines that come and go with the work."""

    fewest: Count = 0
    """How many stay when there is nothing to do."""
    most: Annotated[int, Field(ge=1, le=10_000)]
    """How many there may be."""


class GpuWorkerGroup(WorkerGroup):
    """Machines with GPUs; they may be taken away at any time, and the sweep goes on."""

    gpus: Annotated[int, Field(ge=1, le=16)] = 1
    """GPUs of each."""


class Kubernetes(ValuesSection):
    """A cluster that KubeRay 1.5.1 or newer looks after."""

    namespace: Name
    """Where everything is put; only pods in it, and the operator, may talk to the cluster."""
    operator_namespace: Name = "kuberay-operator"
    """Where KubeRay runs."""
    secrets: Name
    """A Secret of yours whose entries become environment variables: the keys of the store."""
    spot: dict[Place, Word] = Field(default_factory=dict)
    """Labels of nodes that are spot; left out, GPU workers run on any node with a GPU."""


class Aws(ValuesSection):
    """Machines that Ray starts at AWS."""

    region: Word
    """Such as `eu-central-1`."""
    ami: Annotated[str, Field(pattern=r"^ami-[0-9a-f]{8,17}$")]
    """An image with Docker and NVIDIA's drivers."""
    ssh_from: Network
    """The network that may reach the machines by SSH; nothing else may reach them at all."""
    head_type: Word
    """Instance type of the head."""
    cpu_type: Word
    """Instance type of workers without a GPU."""
    gpu_type: Word
    """Instance type of workers with GPUs; they are spot instances."""


class Gcp(ValuesSection):
    """Machines that Ray starts at Google; they have no public address."""

    project: Name
    """The project."""
    region: Word
    """Such as `europe-west4`."""
    zone: Word
    """Such as `europe-west4-a`."""
    image: Place
    """A source image with Docker and NVIDIA's drivers."""
    head_type: Word
    """Machine type of the head."""
    cpu_type: Word
    """Machine type of workers without a GPU."""
    gpu_type: Word
    """Machine type of workers with GPUs; they are spot machines."""
    accelerator: Word
    """Type of the GPUs, such as `nvidia-l4`."""


class Slurm(ValuesSection):
    """A job of several nodes on a cluster that Slurm looks after."""

    partition: Word
    """Where to queue."""
    nodes: Annotated[int, Field(ge=1, le=1000)]
    """How many nodes, one of which is the head and works too."""
    hours: Annotated[int, Field(ge=1, le=720)]
    """How long it may run; it is queued again when it did not finish."""
    environment: Annotated[str, Field(pattern=r"^/[-A-Za-z0-9._/]+$")]
    """The folder of a virtual environment with terrasweep that every node sees."""


class Mlflow(ValuesSection):
    """An MLflow server with PostgreSQL and object storage, by docker compose."""

    hosts: Annotated[tuple[Word, ...], Field(min_length=1)]
    """Names by which the server may be asked for; any other Host header is refused."""
    bucket: Name
    """Where artefacts go."""


class Values(ValuesSection):
    """Everything that differs from one place to the next."""

    name: Name
    """What the cluster is called."""
    registry: Annotated[str, Field(pattern=r"^[a-z0-9][-a-z0-9.]*(:\d+)?(/[a-z0-9][-a-z0-9._]*)*$")]
    """Where images are pushed to and pulled from."""
    store: Annotated[str, Field(pattern=r"^(s3|gs|abfs)://[-A-Za-z0-9._/]+$|^/[-A-Za-z0-9._/]+$")]
    """Where things are kept; every node must reach it."""
    sweep: Place
    """The sweep that the Slurm script and the RayJob run: of the catalogue, or a file there."""
    head: Machine
    """The machine that drives; it trains nothing."""
    cpu_workers: WorkerGroup
    """Machines that draw, shard and finetune."""
    gpu_workers: GpuWorkerGroup
    """Machines that pretrain and encode."""
    kubernetes: Kubernetes | None = None
    """KubeRay: RayCluster, RayJob, NetworkPolicy."""
    aws: Aws | None = None
    """`ray up` at AWS."""
    gcp: Gcp | None = None
    """`ray up` at Google."""
    slurm: Slurm | None = None
    """`sbatch`."""
    mlflow: Mlflow | None = None
    """`docker compose up`."""
