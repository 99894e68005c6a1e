"""On real labels every protocol scores as scikit-learn does, fitted one by one on the same draws.

Features are sines and cosines of the location: weak, as real ones are. Files are read in place.
"""

import json
import warnings
from pathlib import Path

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.preprocessing import StandardScaler

from terrasweep.models.members import METRICS, PROBES
from terrasweep.models.probing.problem import Prediction, Problem
from terrasweep.samplers.draw.few_shot import FewShotRequest, labelled_samples, split
from terrasweep.samplers.members import TASKS
from terrasweep.samplers.spec.tasks import Region
from tests.support.paths import REAL_DATA

DATA = REAL_DATA
SEEDS = 4
REAL = {
    "crop": ("geowiki", "geowiki", {}),
    "elevation": ("mosaiks", "mosaiks", {"label": "elevation"}),
    "forest": ("mosaiks", "mosaiks", {"label": "forest_cover"}),
    "biome": ("ecoregions", "resolve2017", {"per_continent": 400}),
}
EXACT = {
    ("knn", True): lambda: KNeighborsClassifier(algorithm="brute"),
    ("knn", False): lambda: KNeighborsRegressor(algorithm="brute"),
    ("linear", True): lambda: LogisticRegression(
        class_weight="balanced", solver="newton-cholesky", tol=1e-12, max_iter=1000
    ),
    ("linear", False): lambda: Ridge(solver="svd"),
}
LIKELY = {
    ("mlp", True): lambda seed: MLPClassifier(random_state=seed),
    ("mlp", False): lambda seed: MLPRegressor(random_state=seed),
    ("forest", True): lambda seed: RandomForestClassifier(random_state=seed),
    ("forest", False): lambda seed: RandomForestRegressor(random_state=seed),
}


def problems_of(real: str, seeds: int) -> list[tuple[Problem, np.ndarray]]:
    """Return few-shot draws of a real task with the truth of their tests."""
    name, path, fields = REAL[real]
    if not (DATA / path).exists():
        pytest.skip(f"real labels are not at hand: {path}")
    spec = TASKS.spec(name).model_validate({"name": name, "path": str(DATA / path), **fields})
    read, classes = TASKS[name].read(spec), TASKS[name].classes(spec) or ()
    angles = np.deg2rad(np.stack([read["lat"], read["lon"]], axis=1))
    waves = [f(k * angles) for k in range(1, 9) for f in (np.sin, np.cos)]
    features = np.hstack(waves).astype(np.float32)
    samples = labelled_samples(ids=read["id"], continents=read["continent"], labels=read["label"])
    found = []
    for region in (Region.AFRICA, Region.ASIA, Region.SOUTH_AMERICA):
        for seed in range(seeds):
            drawn = split(samples, FewShotRequest(real, region, 100, seed), classes=classes)
            assert drawn.excluded is None
            test = drawn.test[:800]
            train_y = read["label"][drawn.train]
            one = Problem(features[drawn.train], train_y, features[test], len(classes), seed)
            found.append((one, read["label"][test]))
    return found


def pixels_of_eurosat(tmp_path: Path) -> list[tuple[Problem, np.ndarray]]:
    """Return draws of pixels of the real m-eurosat samples; asked is which image one is from.

    There are five images, all of one class: too few for a probe. Their pixels are many and real.
    """
    source = DATA / "geobench/eurosat"
    if not source.exists():
        pytest.skip("real samples are not at hand: geobench/eurosat")
    names = sorted(path.stem for path in source.glob("*.hdf5"))
    for name in names:
        (tmp_path / f"{name}.hdf5").symlink_to(source / f"{name}.hdf5")
    parts = {"train": names[:3], "valid": [], "test": names[3:]}
    (tmp_path / "default_partition.json").write_text(json.dumps(parts))
    (tmp_path / "label_map.json").write_text(json.dumps([str(number) for number in range(10)]))
    spec = TASKS.spec("geobench").model_validate(
        {
            "name": "geobench",
            "path": str(tmp_path),
            "dataset": "m-eurosat",
            "unplaced": "null_island",
        }
    )
    read = TASKS["geobench"].read(spec)
    x = read["image"].transpose(0, 2, 3, 1).reshape(-1, 13)
    y = np.repeat(np.arange(len(names)), 64 * 64)
    found = []
    for seed in range(SEEDS):
        order = np.random.Generator(np.random.PCG64(seed)).permutation(len(y))
        train, test = order[:100], order[100:900]
        found.append((Problem(x[train], y[train], x[test], len(names), seed), y[test]))
    return found


def theirs(model, problem: Problem, *, scaled_target: bool = False) -> Prediction:
    """Fit scikit-learn on standardised features; a network also learns a number standardised."""
    train, test = (part.astype(np.float64) for part in (problem.train_x, problem.test_x))
    scaler = StandardScaler().fit(train)
    y = problem.train_y
    level, unit = (y.mean(), y.std()) if scaled_target else (0, 1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        fitted = model.fit(scaler.transform(train), (y - level) / unit if scaled_target else y)
    said = fitted.predict(scaler.transform(test))
    if not problem.num_classes:
        values = said * unit + level
        return Prediction(values, values[:, None])
    scores = np.zeros((len(test), problem.num_classes))
    scores[:, fitted.classes_] = fitted.predict_proba(scaler.transform(test))
    return Prediction(said, scores)


def ours(name: str, asked: list[Problem]) -> list[Prediction]:
    return PROBES[name].fit_predict(asked, spec=PROBES.spec(name)(name=name))


@pytest.mark.parametrize("real", REAL)
@pytest.mark.parametrize("name", ["knn", "linear"])
def test_neighbours_and_linear_probes_score_the_same_to_1e_6(name: str, real: str):
    asked = problems_of(real, SEEDS)
    answers = ours(name, [problem for problem, _ in asked])
    for (problem, truth), found in zip(asked, answers, strict=True):
        expected = theirs(EXACT[name, bool(problem.num_classes)](), problem)
        for metric in (one for one in METRICS.names if problem.target in METRICS[one].JUDGES):
            score = METRICS[metric].score
            assert score(truth, found) == pytest.approx(score(truth, expected), rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("name", ["knn", "linear"])
def test_on_real_images_they_score_the_same_too(name: str, tmp_path: Path):
    asked = pixels_of_eurosat(tmp_path)
    answers = ours(name, [problem for problem, _ in asked])
    for (problem, truth), found in zip(asked, answers, strict=True):
        expected = theirs(EXACT[name, True](), problem)
        for metric in ("accuracy", "f1_macro", "balanced_accuracy"):
            score = METRICS[metric].score
            assert score(truth, found) == pytest.approx(score(truth, expected), abs=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("real", ["crop", "forest", "biome"])
@pytest.mark.parametrize("name", ["mlp", "forest"])
def test_networks_and_forests_score_alike_on_average(name: str, real: str):
    asked = problems_of(real, SEEDS)
    score = METRICS["r2" if real == "forest" else "accuracy"].score
    answers = ours(name, [problem for problem, _ in asked])
    gaps = []
    for at, ((problem, truth), found) in enumerate(zip(asked, answers, strict=True)):
        model = LIKELY[name, bool(problem.num_classes)](at)
        expected = theirs(model, problem, scaled_target=not problem.num_classes)
        gaps.append(score(truth, found) - score(truth, expected))
    spread = np.std(gaps, ddof=1) / len(gaps) ** 0.5
    assert abs(np.mean(gaps)) < 3 * spread + 5e-3
