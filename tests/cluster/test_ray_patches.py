"""Each patch of Ray's private parts has an effect, and one that has none any more says so."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module

import pytest
import ray

from terrasweep.infra.cluster import ray_patches
from terrasweep.infra.cluster.ray_patches import CONNECT, RAY_VERSION, TUNE, Patch
from terrasweep.infra.install import import_root

CALLBACKS = """
import sys
from terrasweep.infra.cluster import ray_patches
from ray import tune
if sys.argv[1] == "patched":
    ray_patches.apply(ray_patches.TUNE)
class Mine(tune.Callback):
    pass
class Reached(Exception):
    pass
def reached(*args, **kwargs):
    raise Reached
import ray.tune.tune as run
run._create_default_callbacks = reached  # the callbacks are counted just before
run._ray_auto_init = lambda **options: None
try:
    run.run(lambda config: None, callbacks=[Mine()], storage_path="/tmp", verbose=0)
except Reached:
    print("mlflow" in sys.modules)
"""


@pytest.fixture(autouse=True)
def unpatched() -> Iterator[None]:
    """Ray as it comes, whatever a test before has patched in this process."""
    ray_patches.undo()
    yield
    ray_patches.undo()


def test_what_is_patched_twice_is_given_back_at_once():
    (patch, *_) = TUNE
    module = import_module(patch.module)
    before = getattr(module, patch.name)
    for _ in range(2):
        ray_patches.apply([patch])
    assert getattr(module, patch.name) is not before
    ray_patches.undo()
    assert getattr(module, patch.name) is before


def test_the_patches_were_written_for_the_ray_that_is_tested():
    assert re.match(re.escape(RAY_VERSION) + r"\.", ray.__version__)


@pytest.mark.parametrize("patch", [*CONNECT, *TUNE], ids=lambda patch: patch.name)
def test_ray_has_what_is_patched_and_gets_it_back(patch: Patch):
    module = import_module(patch.module)
    before = getattr(module, patch.name)
    with ray_patches.applied([patch]):
        assert getattr(module, patch.name) is not before
    assert getattr(module, patch.name) is before


def test_what_ray_renamed_is_said_and_nothing_else_happens():
    gone = Patch("ray._private.utils", "renamed", lambda before: before, "it would be slow.")
    with (
        pytest.warns(RuntimeWarning, match=r"has no ray\._private\.utils\.renamed.*slow"),
        ray_patches.applied([gone]),
    ):
        pass
    assert not hasattr(ray._private.utils, "renamed")


@pytest.mark.parametrize(("how", "imports"), [("plain", "True"), ("patched", "False")])
@pytest.mark.slow
def test_tune_imports_mlflow_unless_it_is_patched(how: str, imports: str):
    answer = subprocess.run(
        [sys.executable, "-c", CALLBACKS, how],
        env={**os.environ, "PYTHONPATH": str(import_root())},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.stdout.split()[-1:] == [imports], answer.stderr


@pytest.mark.parametrize(
    ("patches", "own"),
    [
        ((), {"PL_DISABLE_FORK", "AWS_ACCESS_KEY_ID"}),
        (("DEFAULT_ENV_VARS",), {"AWS_ACCESS_KEY_ID"}),
        (("ENV_VARS_TO_PROPAGATE",), {"PL_DISABLE_FORK"}),
        (("DEFAULT_ENV_VARS", "ENV_VARS_TO_PROPAGATE"), set()),
    ],
)
def test_workers_get_an_environment_of_their_own_unless_tune_is_patched(
    patches: tuple[str, ...], own: set[str], monkeypatch: pytest.MonkeyPatch
):
    from ray.tune.execution import class_cache

    made: list[dict[str, dict[str, object]]] = []

    def remote(**options: dict[str, object]) -> object:
        made.append(options)
        return lambda trainable: trainable

    monkeypatch.setattr(ray, "remote", remote)
    for name in class_cache.ENV_VARS_TO_PROPAGATE:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    with ray_patches.applied([patch for patch in TUNE if patch.name in patches]):
        class_cache._ActorClassCache().get(type("Worker", (), {}))
    assert [set(options["runtime_env"]["env_vars"]) for options in made] == [own]


@pytest.mark.parametrize("patched", [False, True])
def test_ray_takes_sigterm_for_itself_unless_it_is_patched(patched: bool):
    def own(signum: int, frame: object) -> None:
        raise AssertionError("nobody sends it")

    before = signal.signal(signal.SIGTERM, own)
    try:
        with (
            ray_patches.applied(CONNECT if patched else []),
            pytest.raises(RuntimeError, match="Unknown keyword"),  # after it has taken the signal
        ):
            ray.init(address="local", unknown=True)
        assert (signal.getsignal(signal.SIGTERM) is own) is patched
    finally:
        signal.signal(signal.SIGTERM, before)
