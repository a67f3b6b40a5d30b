"""Testing a version: predictions from the sandbox, metrics computed outside of it."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine import statistics
from engine.errors import GatewrightError
from engine.inventory import kinds, thresholds
from engine.inventory.reports import Group, TestReport, Verdict
from engine.sandbox import Limits
from engine.statistics import Estimate
from engine.statistics.calibration_error import reliability
from engine.statistics.fpr import fpr
from engine.statistics.impact_ratio import impact_ratio
from engine.statistics.rate_difference import rate_difference
from engine.statistics.selection_rate import selection_rate
from engine.statistics.tpr import tpr
from engine.store import Files
from engine.training import explanations, frames, scorers

BATCH = 20_000  # rows a call: a child answers in well under the limit, and a frame stays small
ROC_POINTS = 100


class LabelsRefused(GatewrightError):
    """The label column {column} is refused: {reason}."""

    code = "labels-refused"
    hint = "Hand in 0 and 1 without gaps for a classifier or a table, numbers for a regressor."
    status = 422


class ReferenceMissing(GatewrightError):
    """No row of the test data has {attribute} = {reference}, the declared reference group; there are {known}."""

    code = "reference-missing"
    hint = "Declare a group that occurs: comparing with whichever comes first would be no comparison."
    status = 422


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """What a version is held to; read from the model's metadata."""

    target: str  #: the label's column
    thresholds: Mapping[str, float] = field(default_factory=dict)  #: cut_off, min_auc, ...
    protected: Mapping[str, str] = field(default_factory=dict)  #: column -> reference group
    level: float = 0.95
    floor: int = 30  #: no ratio from a group with fewer cases


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """What came of scoring the test rows."""

    report: TestReport
    outputs: tuple[float, ...]  #: in the order of the rows
    attributions: bytes | None  #: the file that tells what moves its answers, where that was asked for


def test(
    files: Files,
    kind: str,
    assets: Mapping[str, str],
    test_data: str,
    suite: Suite,
    *,
    limits: Limits | None = None,  # noqa: PT028
    interpreter: str | Path | None = None,  # noqa: PT028
    allow_network: bool = False,  # noqa: PT028
) -> TestReport:
    """The report of `scored`, alone."""
    return scored(
        files, kind, assets, test_data, suite, limits=limits, interpreter=interpreter, allow_network=allow_network
    ).report


test.__test__ = False  # type: ignore[attr-defined]  # an act, not a test of pytest's


def scored(
    files: Files,
    kind: str,
    assets: Mapping[str, str],
    test_data: str,
    suite: Suite,
    *,
    limits: Limits | None = None,
    interpreter: str | Path | None = None,
    allow_network: bool = False,
    attributed: bool = False,
) -> Scored:
    """Score the test rows in the sandbox and measure every metric that fits the output.

    assets: role -> digest of the version. test_data: digest of a Parquet or CSV file with the input's columns, the
    label and the protected columns. The model's code never sees the labels, and computes no metric of its own.
    attributed: also what moves its answers (`explanations.of_version`), but for a remote model.
    """
    began = time.monotonic()
    thresholds.check(suite.thresholds)
    table = frames.read(files.read(test_data), "test data")
    frames.choose(table, [suite.target, *suite.protected], "test data")
    child = scorers.start(files, kind, assets, limits=limits, interpreter=interpreter, allow_network=allow_network)
    with child:
        rows = frames.choose(table, child.model["columns"], "test data")
        predicted: list[float] = []
        for start in range(0, rows.num_rows, BATCH):
            part = rows.slice(start, BATCH)
            columns = {name: part.column(name).to_pylist() for name in part.column_names}
            predicted += child.score_columns(columns, seconds=300).values
        attributions = None
        if attributed and predicted and not kinds.get(kind).remote:
            columns = {name: rows.column(name).to_pylist() for name in rows.column_names}
            attributions = explanations.of_version(child, assets["artefact"], columns, predicted)
        output, isolation = child.output, child.isolation.as_json()
    truth = _labels(table.column(suite.target).to_pylist(), output, suite.target)
    report = measure(
        output,
        truth,
        predicted,
        {name: [str(value) for value in table.column(name).to_pylist()] for name in suite.protected},
        suite,
    )
    inputs = {role: assets[role] for role in ("artefact", "source", "input_schema") if role in assets}
    seconds = round(time.monotonic() - began, 3)
    whole = _with(report, {**inputs, "test_data": test_data}, isolation, seconds)
    return Scored(report=whole, outputs=tuple(predicted), attributions=attributions)


def measure(
    output: str,
    truth: Sequence[float],
    predicted: Sequence[float],
    attributes: Mapping[str, Sequence[str]],
    suite: Suite,
) -> TestReport:
    """The report of predictions held against what came true; pure."""
    import numpy as np

    truth_array, predicted_array = np.asarray(truth, dtype=float), np.asarray(predicted, dtype=float)
    scored = output == "score"
    cut_off = thresholds.cut_off(suite.thresholds) if scored else None
    given: dict[str, Any] = {"targets": truth_array, "values": predicted_array}
    if scored:
        given = {"labels": truth_array, "scores": predicted_array, "decisions": predicted_array >= cut_off}
    metrics = {
        name: metric.function(**{p: given[p] for p in metric.parameters if p in given}, level=suite.level)
        for name, metric in statistics.all_metrics().items()
        if _fits(metric, given)
    }
    groups: list[Group] = []
    if scored:
        for attribute, values in attributes.items():
            groups += _groups(attribute, values, suite, given["labels"], given["decisions"])
    return TestReport(
        output=output,
        n_rows=len(truth_array),
        positives=int(truth_array.sum()) if scored else 0,
        cut_off=cut_off,
        level=suite.level,
        metrics=metrics,
        reliability=reliability(given["labels"], given["scores"], level=suite.level) if scored else (),
        roc=_roc(given["labels"], given["scores"]) if scored else (),
        groups=groups,
        verdicts=_verdicts(suite, metrics, groups),
    )


def _fits(metric: statistics.Metric, given: Mapping[str, Any]) -> bool:
    """Whether the metric can be computed from what is there, its other parameters being optional."""
    needed = {"labels", "scores", "decisions", "targets", "values", "hits", "total", "totals"} & set(metric.parameters)
    return bool(needed) and needed <= set(given)


def _labels(values: Sequence[Any], output: str, column: str) -> list[float]:
    for row, value in enumerate(values):
        if value is None:
            raise LabelsRefused(column=column, reason=f"row {row} has none")
        if output == "score" and value not in (0, 1):
            raise LabelsRefused(column=column, reason=f"row {row} has {value!r}, neither 0 nor 1")
    try:
        return [float(value) for value in values]
    except (TypeError, ValueError) as error:
        raise LabelsRefused(column=column, reason=str(error)) from error


def _groups(attribute: str, values: Sequence[str], suite: Suite, labels: Any, decisions: Any) -> list[Group]:
    import numpy as np

    reference = str(suite.protected[attribute])
    names = sorted(set(values), key=lambda name: (len(name), name))
    if reference not in names:
        raise ReferenceMissing(attribute=attribute, reference=reference, known=", ".join(names))
    members = np.asarray(values)
    positive = labels == 1

    def counts(name: str) -> tuple[int, int, int, int]:
        mask = members == name
        return (
            int(mask.sum()),
            int((mask & positive).sum()),
            int((mask & decisions).sum()),
            int((mask & positive & decisions).sum()),
        )

    n_ref, positives_ref, selected_ref, hits_ref = counts(reference)
    groups = []
    for name in names:
        mask = members == name
        n, positives, selected, hits = counts(name)
        metrics: dict[str, Estimate] = {
            "selection_rate": selection_rate(decisions[mask], suite.level),
            "tpr": tpr(labels[mask], decisions[mask], suite.level),
            "fpr": fpr(labels[mask], decisions[mask], suite.level),
        }
        if name != reference:
            metrics["impact_ratio"] = impact_ratio((selected, selected_ref), (n, n_ref), suite.level, suite.floor)
            metrics["selection_difference"] = rate_difference((selected, selected_ref), (n, n_ref), suite.level)
            metrics["tpr_difference"] = rate_difference((hits, hits_ref), (positives, positives_ref), suite.level)
        groups.append(
            Group(
                attribute=attribute,
                group=name,
                reference=name == reference,
                n=n,
                positives=positives,
                selected=selected,
                metrics=metrics,
            )
        )
    return groups


def _roc(labels: Any, scores: Any) -> tuple[tuple[float, float], ...]:
    """At most 100 points of the curve, evenly spread over the cases from the highest score down."""
    import numpy as np

    positives, negatives = float(labels.sum()), float(len(labels) - labels.sum())
    if not positives or not negatives:
        return ()
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    ends = np.append(np.flatnonzero(ranked[1:] != ranked[:-1]), len(ranked) - 1)
    ends = ends[np.unique(np.linspace(0, len(ends) - 1, ROC_POINTS).astype(int))]
    hits = np.cumsum(labels[order])[ends]
    points = [(float((end + 1 - hit) / negatives), float(hit / positives)) for end, hit in zip(ends, hits, strict=True)]
    return ((0.0, 0.0), *points)


def _verdicts(suite: Suite, metrics: Mapping[str, Estimate], groups: Sequence[Group]) -> list[Verdict]:
    verdicts = []
    for name, (metric, side, bound) in thresholds.bounds(suite.thresholds).items():
        by_group = [(f"{g.attribute}={g.group}", g.metrics[metric]) for g in groups if metric in g.metrics]
        if metric == "impact_ratio":
            measured = by_group
        elif metric == "rate_difference":
            measured = [
                (f"{g.attribute}={g.group}", g.metrics["selection_difference"]) for g in groups if not g.reference
            ]
        else:
            measured = [("all", metrics.get(metric, Estimate.unknown(suite.level)))]
        verdicts += [_verdict(name, side, bound, of, estimate) for of, estimate in measured]
    return verdicts


def _verdict(name: str, side: str, bound: float, of: str, measured: Estimate) -> Verdict:
    if not measured.known:
        return Verdict(threshold=name, bound=bound, of=of, measured=measured, passed=None, certain=False)
    passed = measured.value >= bound if side == "min" else measured.value <= bound
    certain = not measured.low < bound < measured.high
    return Verdict(threshold=name, bound=bound, of=of, measured=measured, passed=passed, certain=certain)


def _with(report: TestReport, inputs: Mapping[str, str], isolation: Mapping[str, Any], seconds: float) -> TestReport:
    return dataclasses.replace(report, inputs=inputs, isolation=isolation, seconds=seconds)
