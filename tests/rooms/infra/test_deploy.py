"""Deployment files: each fits its schema, is pinned, holds no secret and is open to nobody."""

import json
import re
import subprocess
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

import jsonschema
import pytest
import yaml
from botocore.session import get_session
from botocore.validate import ParamValidator

from terrasweep.infra.deploy import rendering
from terrasweep.infra.deploy.values import Values
from terrasweep.infra.errors import SpecError
from terrasweep.sweeps.reading.value_file import read_part
from tests.support.paths import REPOSITORY

SCHEMAS = REPOSITORY / "tests" / "data" / "deploy"
PAGE = REPOSITORY / "docs" / "cluster.md"
RAY_SCHEMA = Path(str(find_spec("ray").origin)).parent / "autoscaler" / "ray-schema.json"
CLOUDS = ("aws.yaml", "gcp.yaml")
SECRET = re.compile(
    r"""([\w-]*(?:passw(?:or)?d|secret|token|access_?key|api_?key|credential)[\w-]*)["']?"""
    r"""\s*[:=]\s*["']?([^\s"',}]+)""",
    re.IGNORECASE,
)
"""A name that promises a secret, and the value it is given."""
REFERENCE = re.compile(r"[$~{?]|(required|false)$")
"""No secret itself: a variable, a message for one that is not set, a file, a reference, or
a switch."""
PLAIN_SECRET = re.compile(r"AKIA[0-9A-Z]{16}|BEGIN [A-Z ]*PRIVATE KEY|://[^/\s:]+:[^@\s]+@")
INSTRUCTIONS = {"FROM", "RUN", "COPY", "ENV", "USER", "WORKDIR"}


@pytest.fixture(scope="module")
def said() -> str:
    """The values file that the page shows to the user."""
    (text,) = re.findall(r"^```yaml\n(# values\.yaml\n.*?)^```", PAGE.read_text(), re.M | re.S)
    return text


@pytest.fixture(scope="module")
def files(said: str) -> dict[str, str]:
    return rendering.rendered(Values.model_validate(yaml.safe_load(said)))


def loaded(files: dict[str, str], path: str) -> dict:
    return yaml.safe_load(files[path])


def check(value: object, schema: Path) -> None:
    jsonschema.validate(value, json.loads(schema.read_text()))


def test_every_file_of_every_place_is_rendered(files):
    templates = {path.name for path in rendering.TEMPLATES.rglob("*.*") if path.is_file()}
    rendered = {Path(path).name for path in files}
    assert templates - rendered == {"cluster.part.yaml"}
    assert not [path for path, text in files.items() if "<<include" in text or "None" in text]


@pytest.mark.parametrize("name", ["raycluster", "rayjob", "networkpolicy"])
def test_kubernetes_takes_it(files, name):
    check(loaded(files, f"kubernetes/{name}.yaml"), SCHEMAS / "kubernetes.schema.json")


@pytest.mark.parametrize("path", CLOUDS)
def test_rays_autoscaler_takes_it(files, path):
    check(loaded(files, path), RAY_SCHEMA)


def test_each_schema_refuses_a_misspelt_field(files):
    cluster = loaded(files, "kubernetes/raycluster.yaml")
    cluster["spec"]["authOption"] = cluster["spec"].pop("authOptions")
    compose = loaded(files, "mlflow/compose.yaml")
    compose["services"]["mlflow"]["port"] = compose["services"]["mlflow"].pop("ports")
    launcher = loaded(files, "aws.yaml") | {"max_worker": 1}
    kinds = {
        SCHEMAS / "kubernetes.schema.json": cluster,
        SCHEMAS / "compose.schema.json": compose,
        RAY_SCHEMA: launcher,
    }
    for schema, value in kinds.items():
        with pytest.raises(jsonschema.ValidationError):
            check(value, schema)


def test_aws_takes_the_machines_and_the_rules_of_its_firewall(files):
    launcher = loaded(files, "aws.yaml")
    ec2 = get_session().get_service_model("ec2")
    counts = {"MinCount": 1, "MaxCount": 1}  # Ray adds them
    for node in launcher["available_node_types"].values():
        shape = ec2.operation_model("RunInstances").input_shape
        assert not ParamValidator().validate(node["node_config"] | counts, shape).has_errors()
        assert set(node["node_config"]) <= set(shape.members)
    rules = launcher["provider"]["security_group"]["IpPermissions"]
    shape = ec2.operation_model("AuthorizeSecurityGroupIngress").input_shape
    assert not ParamValidator().validate({"IpPermissions": rules}, shape).has_errors()
    assert [rule["FromPort"] for rule in rules] == [22], "only SSH"


def test_google_takes_the_machines(files):
    launcher = loaded(files, "gcp.yaml")
    for node in launcher["available_node_types"].values():
        check(node["node_config"], SCHEMAS / "gcp.schema.json")
    assert launcher["provider"]["use_internal_ips"] is True


def test_gpu_workers_come_and_go_and_are_spot(files):
    job = loaded(files, "kubernetes/rayjob.yaml")["spec"]["rayClusterSpec"]
    assert job["enableInTreeAutoscaling"] is True
    (gpu,) = (group for group in job["workerGroupSpecs"] if group["groupName"] == "gpu")
    assert (gpu["minReplicas"], gpu["maxReplicas"]) == (0, 8)
    assert gpu["template"]["spec"]["nodeSelector"]
    aws, gcp = (loaded(files, path)["available_node_types"]["gpu"] for path in CLOUDS)
    assert aws["node_config"]["InstanceMarketOptions"] == {"MarketType": "spot"}
    assert {"preemptible": True} in gcp["node_config"]["scheduling"]
    assert aws["min_workers"] == gcp["min_workers"] == 0


def test_compose_takes_it(files):
    check(loaded(files, "mlflow/compose.yaml"), SCHEMAS / "compose.schema.json")


def test_bash_takes_the_slurm_script(files, tmp_path):
    (tmp_path / "slurm.sh").write_text(files["slurm.sh"])
    done = subprocess.run(
        ["bash", "-n", "slurm.sh"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    options = [line for line in files["slurm.sh"].splitlines() if line.startswith("#SBATCH")]
    assert all(re.fullmatch(r"#SBATCH --[a-z-]+(=\S+)?", line) for line in options)


@pytest.mark.parametrize("path", ["Dockerfile.cpu", "Dockerfile.cuda", "mlflow/Dockerfile"])
def test_images_are_pinned_and_run_as_nobody_special(files, path):
    joined = re.sub(r"\\\n", "", files[path])
    lines = [line.split(None, 1) for line in joined.splitlines() if line and line[0] != "#"]
    assert {word for word, _ in lines} <= INSTRUCTIONS
    assert [rest for word, rest in lines if word == "USER"][-1] == "1000"
    for word, rest in lines:
        if word == "COPY":
            assert all((REPOSITORY / source).exists() for source in rest.split()[:-1]), rest
        if word == "FROM":
            assert re.search(r":\d+\.\d+\.\d+", rest)
        if word == "RUN" and "pip install" in rest:
            assert "--constraint" in rest or all("==" in one for one in re.findall('"(.*?)"', rest))


def test_every_image_has_a_tag_and_rays_is_the_pinned_one(files):
    text = "\n".join(files.values())
    images = re.findall(r"image: *(\S+)", "\n".join(text.splitlines()))
    assert images
    for image in images:
        if "/global/images/" not in image:
            assert re.search(r":[^/:]*\d[^/:]*$", image), image
    pinned = re.search(r"^ray==(.+)$", (REPOSITORY / "constraints.txt").read_text(), re.M)
    assert pinned is not None
    assert (
        set(re.findall(r"-ray(\d+\.\d+\.\d+)-", text)) == {pinned[1]} == {metadata.version("ray")}
    )
    assert loaded(files, "kubernetes/raycluster.yaml")["spec"]["rayVersion"] == pinned[1]


def secrets_in(text):
    named = [name for name, value in SECRET.findall(text) if not REFERENCE.match(value)]
    return [*named, *PLAIN_SECRET.findall(text)]


def test_nothing_holds_a_secret(files):
    assert {path: found for path, text in files.items() if (found := secrets_in(text))} == {}
    named = {name for name, _ in SECRET.findall(files["mlflow/compose.yaml"])}
    assert named == {
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "MINIO_ROOT_PASSWORD",
        "PGPASSWORD",
        "POSTGRES_PASSWORD",
    }


@pytest.mark.parametrize(
    "line",
    [
        "POSTGRES_PASSWORD: hunter2",
        "password: hunter2",
        "db_passwd = 'hunter2'",
        '{"token": "ghp_0123"}',
        "export aws_secret_access_key=abc/def",
        "apiKey: 0123",
        "key: AKIA0123456789ABCDEF",
        "-----BEGIN RSA PRIVATE KEY-----",
        "uri: postgresql://mlflow:hunter2@db/mlflow",
    ],
)
def test_a_secret_would_be_noticed(files, line):
    path = "mlflow/compose.yaml"
    assert secrets_in(f"{files[path]}\n{line}\n") != secrets_in(files[path])


def test_ray_always_wants_a_token(files):
    for name, at in (("raycluster", ()), ("rayjob", ("rayClusterSpec",))):
        spec = loaded(files, f"kubernetes/{name}.yaml")["spec"]
        for part in at:
            spec = spec[part]
        assert spec["authOptions"] == {"mode": "token"}
        assert spec["headGroupSpec"]["serviceType"] == "ClusterIP"
    for path in CLOUDS:
        starts = loaded(files, path)
        for line in starts["head_start_ray_commands"] + starts["worker_start_ray_commands"]:
            assert "ray start" not in line or line.startswith("RAY_AUTH_MODE=token ")
    assert "export RAY_AUTH_MODE=token" in files["slurm.sh"].split("ray start")[0]
    for path in ("Dockerfile.cpu", "Dockerfile.cuda"):
        assert "ENV RAY_AUTH_MODE=token" in files[path]


def test_nothing_is_open_to_the_world(files):
    """Behind 0.0.0.0 stands a token, or a container whose port only this machine reaches."""
    listening = {path for path, text in files.items() if "0.0.0.0" in text}
    assert listening == {"kubernetes/rayjob.yaml", "mlflow/compose.yaml"}
    policy = loaded(files, "kubernetes/networkpolicy.yaml")["spec"]
    pods = loaded(files, "kubernetes/rayjob.yaml")["spec"]["rayClusterSpec"]
    groups = [pods["headGroupSpec"], *pods["workerGroupSpecs"]]
    for group in groups:
        labels = group["template"]["metadata"]["labels"]
        assert policy["podSelector"]["matchLabels"].items() <= labels.items()
    assert not any("ipBlock" in source for rule in policy["ingress"] for source in rule["from"])
    compose = loaded(files, "mlflow/compose.yaml")
    published = [port for one in compose["services"].values() for port in one.get("ports", [])]
    assert published == ["127.0.0.1:5000:5000"]
    (hosts,) = re.findall(r"--allowed-hosts=(\S+)", files["mlflow/compose.yaml"])
    assert "*" not in hosts.split(",")
    for path in (*CLOUDS, "slurm.sh"):
        assert "--dashboard-host=127.0.0.1" in files[path]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("203.0.113.0/24", "0.0.0.0/0", "a network of at least /8"),
        ("partition: gpu", "partition: 'gpu; rm -rf /'", "`slurm.partition`"),
        ("registry:", "registri:", "registry"),
        ("most: 4", "most: '4'", "take the quotes off"),
        ("most: 4", "most: 0", "cpu_workers.most"),
    ],
)
def test_values_that_make_no_sense_are_refused_in_a_sentence(said, tmp_path, old, new, told):
    path = tmp_path / "values.yaml"
    path.write_text(said.replace(old, new))
    with pytest.raises(
        SpecError, match=rf"{re.escape(str(path))}:\d+:\d+: Expected .*, got .*\. Fix: "
    ) as refused:
        read_part(path, Values, called="values")
    assert told in str(refused.value)


def test_a_place_that_is_left_out_is_not_rendered(said):
    values = yaml.safe_load(said)
    for place in rendering.PLACES:
        del values[place]
    files = rendering.rendered(Values.model_validate(values))
    always = {"Dockerfile.cpu", "Dockerfile.cuda"}
    assert set(files) == {*always, "grafana/terrasweep.json", "grafana/prometheus.yaml"}
