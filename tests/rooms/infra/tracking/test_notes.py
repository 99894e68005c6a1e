"""What people read in MLflow: notes, links, views and the report, against a real SQLite store."""

import json
from pathlib import Path

from mlflow import MlflowClient

from terrasweep.infra.tracking.mirror import Mirror
from terrasweep.infra.tracking.notes import NOTE, run_address
from terrasweep.infra.tracking.views import VIEW, experiment_tags, report_address, view_address
from tests.support.mirrored import by_key, mirrored, runs


def page(study, uri):
    return MlflowClient(tracking_uri=uri).get_experiment_by_name(study.name)


def test_the_experiment_asks_the_question_and_is_no_chat(study, uri):
    mirrored(study, uri)

    tags = page(study, uri).tags
    assert tags["mlflow.experimentKind"] == "custom_model_development"
    assert study.meta()["question"] in tags[NOTE]
    assert "SYNTHETIC DATA" in tags[NOTE]


def test_its_views_are_linked_and_show_the_runs_they_name(study, uri):
    mirrored(study, uri)

    found = page(study, uri)
    kinds = {}
    for name in ("table", "charts", "cells", "pretrainings"):
        view = json.loads(found.tags[f"{VIEW}{name}"])
        assert f"({view_address(found.experiment_id, name)})" in found.tags[NOTE]
        shown = runs(study, uri, view["searchFilter"])
        kinds[name] = {run.data.tags["kind"] for run in shown}
        for column in view["selectedColumns"]:
            of, _, key = column.partition(".")
            held = {"params": "params", "metrics": "metrics"}.get(of)
            told = {name for run in shown for name in getattr(run.data, held)} if held else {}
            assert not held or key.strip("`") in told, column
    assert kinds == {
        "table": {"summary"},
        "charts": {"summary"},
        "cells": {"cell"},
        "pretrainings": {"pretrain"},
    }


def test_the_study_s_table_has_a_column_for_each_continent_and_the_best_first(study, uri):
    mirrored(study, uri)

    view = json.loads(page(study, uri).tags[f"{VIEW}table"])
    assert view["selectedColumns"] == [
        "params.`composition`",
        "params.`model`",
        "metrics.`mean of continents`",
        "metrics.`mean/africa`",
        "metrics.`mean/europe`",
    ]
    assert (view["orderByKey"], view["orderByAsc"]) == ("metrics.`mean of continents`", False)
    (summary,) = runs(study, uri, "tags.kind = 'summary' and params.composition = 'uniform'")
    told = summary.data.metrics
    average = (told["mean/africa"] + told["mean/europe"]) / 2
    assert abs(told["mean of continents"] - average) < 1e-12
    assert (
        f"| africa | {told['mean/africa']:.3f} ± {told['std/africa']:.3f} |"
        in (summary.data.tags[NOTE])
    )


def test_where_less_is_better_the_least_comes_first():
    row = {"composition": "a", "model": "m", "task": "t", "n": 1, "protocol": "p", "metric": "rmse"}
    tags = experiment_tags([row], {}, place="1", continents=["asia"], top=None)

    assert json.loads(tags[f"{VIEW}table"])["orderByAsc"] is True


def test_a_leaf_leads_to_its_pretraining_and_that_to_its_manifest(study, uri):
    mirrored(study, uri)

    place = page(study, uri).experiment_id
    found = by_key(study, uri)
    plan, _ = study.ledger.plan(study.name)
    row = next(row for row in plan.to_pylist() if row["sample"])
    pretraining = found[row["checkpoint"]]
    link = f"[pretraining]({run_address(place, pretraining.info.run_id)})"
    assert link in found[row["key"]].data.tags[NOTE]
    assert "manifest.parquet" in pretraining.data.tags[NOTE]
    assert f"terrasweep explain {row['checkpoint']}" in pretraining.data.tags[NOTE]


def test_the_report_is_among_the_artefacts_of_the_sweep_s_own_run(study, uri, tmp_path):
    folder = tmp_path / "planted"
    folder.mkdir()
    (folder / "report.html").write_text("<p>so</p>")
    mirrored(study, uri)

    Mirror(uri).attach(study.name, folder)

    (top,) = runs(study, uri, "tags.kind = 'sweep'")
    kept = MlflowClient(tracking_uri=uri).list_artifacts(top.info.run_id, "report")
    assert [Path(one.path).name for one in kept] == ["report.html"]
    found = page(study, uri)
    said = f"[The report]({report_address(found.experiment_id, top.info.run_id)})"
    assert said in found.tags[NOTE]


def test_charts_show_every_mean(study, uri):
    mirrored(study, uri)

    view = json.loads(page(study, uri).tags[f"{VIEW}charts"])
    (section,) = view["compareRunSections"]
    (summary,) = runs(study, uri, "tags.kind = 'summary' and params.composition = 'uniform'")
    shown = [one["metricKey"] for one in view["compareRunCharts"]]
    assert {one["metricSectionId"] for one in view["compareRunCharts"]} == {section["uuid"]}
    assert shown == ["mean of continents", "mean/africa", "mean/europe"]
    assert set(shown) < set(summary.data.metrics)
