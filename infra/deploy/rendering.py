"""Writes deployment files from values: templates with `<<name>>`, and nothing cleverer than that.

What a template names must be a value; a value that is a list or a mapping becomes JSON, which is
YAML too. Versions are those of this environment, so an image never differs from what was tested.
"""

import json
import re
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path
from textwrap import indent

from terrasweep.infra.deploy.values import Values

TEMPLATES = Path(__file__).with_name("templates")
HOLE = re.compile(r"<<([a-z_.]+)>>")
PART = re.compile(r"^( *)<<include ([a-z./]+)>>$", re.MULTILINE)
PYTHON = "3.11.14"
"""Of the images; the pins of constraints.txt are for this minor version."""
ALWAYS = {
    "docker/Dockerfile.cpu": "Dockerfile.cpu",
    "docker/Dockerfile.cuda": "Dockerfile.cuda",
    "grafana/terrasweep.json": "grafana/terrasweep.json",
    "grafana/prometheus.yaml": "grafana/prometheus.yaml",
}
PLACES = {
    "kubernetes": ("raycluster.yaml", "rayjob.yaml", "networkpolicy.yaml"),
    "aws": ("aws.yaml",),
    "gcp": ("gcp.yaml",),
    "slurm": ("slurm.sh",),
    "mlflow": ("compose.yaml", "Dockerfile"),
}
IN_A_FOLDER = ("kubernetes", "mlflow")
DASHBOARD_HOSTS = {"kubernetes/rayjob.yaml": "0.0.0.0"}
"""Loopback everywhere else; a RayJob is submitted by KubeRay, which asks over the network."""


def rendered(values: Values) -> dict[str, str]:
    """Return the text of every file that the values ask for, by its path."""
    settings = _flat(values.model_dump(mode="json") | _derived(values), prefix="")
    return {path: _filled(text, settings | _own(path)) for path, text in _templates(values)}


def write(values: Values, folder: Path) -> list[Path]:
    """Write every file below a folder, and return where they are."""
    written = []
    for path, text in rendered(values).items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        written.append(target)
    return written


def _templates(values: Values) -> Iterator[tuple[str, str]]:
    for name, path in ALWAYS.items():
        yield path, (TEMPLATES / name).read_text()
    for place, names in PLACES.items():
        if getattr(values, place) is None:
            continue
        for name in names:
            path = f"{place}/{name}" if place in IN_A_FOLDER else name
            yield path, (TEMPLATES / path).read_text()


def _own(path: str) -> dict[str, str]:
    return {"dashboard_host": DASHBOARD_HOSTS.get(path, "127.0.0.1")}


def _derived(values: Values) -> dict[str, object]:
    ray = metadata.version("ray")
    own = metadata.version("terrasweep")
    image = f"{values.registry}/{values.name}:{own}-ray{ray}"
    return {
        "python": PYTHON,
        "ray": ray,
        "mlflow_version": metadata.version("mlflow"),
        "image_cpu": f"{image}-cpu",
        "image_cuda": f"{image}-cuda",
        "mlflow_hosts": _with_ports(values.mlflow.hosts if values.mlflow else ()),
        "most_workers": values.cpu_workers.most + values.gpu_workers.most,
    }


def _with_ports(hosts: tuple[str, ...]) -> str:
    """Return names as MLflow compares them: a Host header mostly carries a port."""
    return ",".join(f"{host},{host}:*" for host in hosts)


def _flat(settings: Mapping[str, object], *, prefix: str) -> dict[str, str]:
    flat: dict[str, str] = {}
    for name, value in settings.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, prefix=f"{prefix}{name}.")
        flat[f"{prefix}{name}"] = value if isinstance(value, str) else json.dumps(value)
    return flat


def _filled(text: str, settings: Mapping[str, str]) -> str:
    whole = PART.sub(lambda part: indent((TEMPLATES / part[2]).read_text(), part[1]), text)
    return HOLE.sub(lambda hole: settings[hole[1]], whole)
