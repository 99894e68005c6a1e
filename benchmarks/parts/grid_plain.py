"""Cells of scikit-learn by plain Ray Tune with its defaults: a trial and an actor for each.

Prints the seconds that the trials took, without Ray's own start. `grid.py` runs it in a process of
its own, so that no setting of ours changes its speed.
"""

import sys
import tempfile
import time
from pathlib import Path

import ray
from ray import tune


def main(folder: str, cells: int) -> None:
    """Run the trials."""
    here = Path(__file__).parents[2]
    path = f"{here}:{here / 'src'}"
    ray.init(address="local", log_to_driver=False, runtime_env={"env_vars": {"PYTHONPATH": path}})

    def cell(config: dict[str, int]) -> None:
        from benchmarks.parts import grid_cells

        case = grid_cells.cases(cells)[config["cell"]]
        tune.report({"f1": grid_cells.fit_all((folder, [case]))[0]})

    with tempfile.TemporaryDirectory() as home:
        started = time.perf_counter()
        tune.Tuner(
            cell,
            param_space={"cell": tune.grid_search(list(range(cells)))},
            run_config=tune.RunConfig(storage_path=home),
        ).fit()
        took = time.perf_counter() - started
    ray.shutdown()
    print(f"seconds {took}")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
