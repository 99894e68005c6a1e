"""The linear probe is scikit-learn's, one draw at a time, on made-up and on real labels."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from terrasweep.models.members import METRICS
from terrasweep.models.probes.linear.probe import fit_predict
from terrasweep.models.probes.linear.spec import LinearSpec
from terrasweep.models.probing.problem import Prediction, Problem
from terrasweep.samplers.draw.few_shot import FewShotRequest, labelled_samples, split
from terrasweep.samplers.spec.tasks import Region
from tests.support.paths import REAL_DATA
from tests.support.problems import problems

GEOWIKI = REAL_DATA / "geowiki/geowiki_con_tagged.csv"


def reference(problem: Problem, *, spec: LinearSpec) -> Prediction:
    """Fit scikit-learn to its own best precision."""
    scaler = StandardScaler().fit(problem.train_x.astype(np.float64))
    x = scaler.transform(problem.train_x.astype(np.float64))
    model = LogisticRegression(
        C=spec.c,
        class_weight="balanced" if spec.balanced else None,
        solver="newton-cholesky",
        tol=1e-12,
        max_iter=1000,
    ).fit(x, problem.train_y)
    test = scaler.transform(problem.test_x.astype(np.float64))
    scores = np.zeros((len(test), problem.num_classes))
    scores[:, model.classes_] = model.predict_proba(test)
    return Prediction(model.predict(test), scores)


def compare(asked: list[Problem], *, spec: LinearSpec) -> None:
    for problem, ours in zip(asked, fit_predict(asked, spec=spec), strict=True):
        theirs = reference(problem, spec=spec)
        assert ours.notes == ()
        np.testing.assert_allclose(ours.scores, theirs.scores, atol=1e-6)
        differ = ours.labels != theirs.labels
        top = np.sort(theirs.scores, axis=1)
        assert (top[differ, -1] - top[differ, -2] < 1e-6).all()


@pytest.mark.parametrize(
    ("n", "width", "classes"),
    [(100, 128, 2), (300, 20, 2), (100, 128, 6), (300, 20, 5), (60, 61, 2), (60, 60, 3)],
)
def test_the_optimum_is_scikit_learns(n: int, width: int, classes: int):
    asked = problems(4, n=n, width=width, tested=200, classes=classes)
    compare(asked, spec=LinearSpec(name="linear"))


@pytest.mark.parametrize("c", [1e-3, 0.1, 30.0])
@pytest.mark.parametrize("balanced", [True, False])
@pytest.mark.parametrize("classes", [2, 4])
def test_every_field_means_what_it_means_there(c: float, balanced: bool, classes: int):
    asked = problems(3, n=80, width=12, tested=100, classes=classes)
    compare(asked, spec=LinearSpec(name="linear", c=c, balanced=balanced))


def test_classes_that_can_be_told_apart_perfectly_still_converge():
    (asked,) = problems(1, n=50, width=200, tested=50, classes=2)
    sure = replace(asked, train_y=(asked.train_x[:, 0] > 3).astype(np.int64))
    compare([sure], spec=LinearSpec(name="linear", c=100.0))


def test_two_of_many_classes_in_the_draw_are_two_classes():
    (asked,) = problems(1, n=90, width=10, tested=50, classes=5)
    keep = np.isin(asked.train_y, [1, 4])
    compare(
        [replace(asked, train_x=asked.train_x[keep], train_y=asked.train_y[keep])],
        spec=LinearSpec(name="linear"),
    )


def test_large_and_tiny_features_are_no_trouble():
    (asked,) = problems(1, n=100, width=10, tested=50, classes=2)
    scale = np.logspace(-6, 6, 10, dtype=np.float32)
    wide = replace(asked, train_x=asked.train_x * scale, test_x=asked.test_x * scale)
    compare([wide], spec=LinearSpec(name="linear"))


@pytest.mark.parametrize("classes", [2, 4])
def test_too_few_iterations_are_said(classes: int):
    asked = problems(2, n=60, width=10, tested=20, classes=classes)
    for answer in fit_predict(asked, spec=LinearSpec(name="linear", max_iter=2)):
        assert answer.notes == ("not converged after 2 iterations",)
        assert np.isfinite(answer.scores).all()


@pytest.mark.skipif(not GEOWIKI.exists(), reason="the real Geo-Wiki labels are not at hand")
@pytest.mark.parametrize("region", [Region.AFRICA, Region.ASIA, Region.GLOBAL])
def test_real_crop_labels_by_location_score_the_same(region: Region):
    """Crop by sines and cosines of the location: weak features, real class imbalance."""
    points = pd.read_csv(GEOWIKI).drop_duplicates("locationid").sort_values("locationid")
    angles = np.deg2rad(points[["lat", "lon"]].to_numpy()).astype(np.float64)
    waves = [f(k * angles) for k in range(1, 9) for f in (np.sin, np.cos)]
    features = np.hstack(waves).astype(np.float32)
    labels = (points["sumcrop"].to_numpy() > 0.5).astype(np.int64)
    continents = points["continent"].str.lower().str.replace(" ", "_").to_numpy()
    samples = labelled_samples(
        ids=points["locationid"].astype(str).to_numpy(), continents=continents, labels=labels
    )
    draws = [split(samples, FewShotRequest("geowiki", region, 100, s)) for s in range(5)]
    assert all(one.excluded is None for one in draws)
    asked = [
        Problem(features[d.train], labels[d.train], features[d.test], 2, s)
        for s, d in enumerate(draws)
    ]
    spec = LinearSpec(name="linear")
    for d, problem, ours in zip(draws, asked, fit_predict(asked, spec=spec), strict=True):
        theirs = reference(problem, spec=spec)
        for name in (n for n in METRICS.names if "binary" in METRICS[n].JUDGES):
            score = METRICS[name].score
            truth = labels[d.test]
            assert score(truth, ours) == pytest.approx(score(truth, theirs), abs=1e-6)
