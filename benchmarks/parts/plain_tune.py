"""Trivial trials by plain Ray Tune with its defaults: a function and a new actor for each.

Prints the seconds that the trials took, without Ray's own start. `overhead.py` runs it in a process
of its own, so that no setting of ours changes its speed.
"""

import sys
import tempfile
import time

import ray
from ray import tune


def trivial(config: dict[str, int]) -> None:
    """Report one number."""
    tune.report({"value": config["cell"] / 100})


def main(trials: int) -> None:
    """Run the trials."""
    ray.init(address="local", log_to_driver=False)
    ray.get(ray.remote(trivial_task).remote())
    with tempfile.TemporaryDirectory() as home:
        started = time.perf_counter()
        tune.Tuner(
            trivial,
            param_space={"cell": tune.grid_search(list(range(trials)))},
            run_config=tune.RunConfig(storage_path=home),
        ).fit()
        took = time.perf_counter() - started
    ray.shutdown()
    print(f"seconds {took}")


def trivial_task() -> None:
    """Warm a worker."""


if __name__ == "__main__":
    main(int(sys.argv[1]))
