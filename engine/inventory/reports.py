"""What a test of a version found: the value, and the JSON file that is kept as its asset `tests`."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.statistics import Estimate
from engine.statistics.calibration_error import Bin

FORMAT = "gatewright-test-report/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """One group of a protected attribute, held against the declared reference group."""

    attribute: str
    group: str
    reference: bool
    n: int
    positives: int  #: cases whose label is positive
    selected: int  #: cases decided positively
    metrics: Mapping[str, Estimate]  #: selection_rate, tpr, fpr, impact_ratio, selection_difference, tpr_difference


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One threshold of the model held against what was measured."""

    threshold: str  #: as in the model's metadata: min_auc, max_calibration_error
    bound: float
    of: str  #: "all", or "SEX=2" for a group
    measured: Estimate
    passed: bool | None  #: None where there is no data to say
    certain: bool  #: whether the whole interval lies on the same side of the bound

    def __str__(self) -> str:
        if self.passed is None:
            return f"{self.threshold} ({self.of}): too little data"
        word = "held" if self.passed else "failed"
        span = f"{self.measured.value:.4f} [{self.measured.low:.4f}, {self.measured.high:.4f}]"
        return f"{self.threshold} ({self.of}) {word}: {span} against {self.bound:g}"


@dataclass(frozen=True, slots=True, kw_only=True)
class TestReport:
    """Metrics with intervals, groups, and the verdict by the model's own thresholds."""

    __test__ = False  # a value, not a test of pytest's

    output: str  #: "score" or "value"
    n_rows: int
    positives: int
    cut_off: float | None
    level: float
    metrics: Mapping[str, Estimate]
    reliability: Sequence[Bin] = ()
    roc: Sequence[tuple[float, float]] = ()  #: (false positive rate, true positive rate), from (0, 0) to (1, 1)
    groups: Sequence[Group] = ()
    verdicts: Sequence[Verdict] = ()
    inputs: Mapping[str, str] = field(default_factory=dict)  #: digests: artefact, test_data, source
    isolation: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def failed(self) -> list[Verdict]:
        """The thresholds that were not held."""
        return [verdict for verdict in self.verdicts if verdict.passed is False]

    @property
    def undecided(self) -> list[Verdict]:
        """The thresholds on which there was too little data."""
        return [verdict for verdict in self.verdicts if verdict.passed is None]

    @property
    def passed(self) -> bool:
        """Whether no threshold failed, and none of the whole model's stayed without data."""
        return not self.failed and not any(verdict.of == "all" for verdict in self.undecided)

    def as_json(self) -> dict[str, Any]:
        """The report as JSON values; what is unknown is null."""
        return {
            "format": FORMAT,
            "output": self.output,
            "n_rows": self.n_rows,
            "positives": self.positives,
            "cut_off": self.cut_off,
            "level": self.level,
            "passed": self.passed,
            "failed": [str(verdict) for verdict in self.failed],
            "metrics": {name: estimate.as_json() for name, estimate in self.metrics.items()},
            "reliability": [
                {
                    "low": b.low,
                    "high": b.high,
                    "n": b.n,
                    "mean_score": None if math.isnan(b.mean_score) else b.mean_score,
                    "observed": b.observed.as_json(),
                }
                for b in self.reliability
            ],
            "roc": [list(point) for point in self.roc],
            "groups": [
                {
                    "attribute": g.attribute,
                    "group": g.group,
                    "reference": g.reference,
                    "n": g.n,
                    "positives": g.positives,
                    "selected": g.selected,
                    "metrics": {name: _finite(estimate.as_json()) for name, estimate in g.metrics.items()},
                }
                for g in self.groups
            ],
            "verdicts": [
                {
                    "threshold": v.threshold,
                    "bound": v.bound,
                    "of": v.of,
                    "measured": _finite(v.measured.as_json()),
                    "passed": v.passed,
                    "certain": v.certain,
                }
                for v in self.verdicts
            ],
            "inputs": dict(self.inputs),
            "isolation": dict(self.isolation),
            "seconds": self.seconds,
        }

    def as_bytes(self) -> bytes:
        """The JSON file."""
        return (json.dumps(self.as_json(), indent=1, sort_keys=True, allow_nan=False) + "\n").encode()

    @classmethod
    def from_bytes(cls, text: bytes) -> TestReport:
        """The report that `as_bytes` wrote; ValueError for any other file."""
        values = json.loads(text)
        if not isinstance(values, dict) or values.get("format") != FORMAT:
            raise ValueError(f"not a report in the format {FORMAT}")
        read = Estimate.from_json
        return cls(
            output=values["output"],
            n_rows=values["n_rows"],
            positives=values["positives"],
            cut_off=values["cut_off"],
            level=values["level"],
            metrics={name: read(estimate) for name, estimate in values["metrics"].items()},
            reliability=tuple(
                Bin(
                    low=b["low"],
                    high=b["high"],
                    n=b["n"],
                    mean_score=math.nan if b["mean_score"] is None else b["mean_score"],
                    observed=read(b["observed"]),
                )
                for b in values["reliability"]
            ),
            roc=tuple((point[0], point[1]) for point in values["roc"]),
            groups=tuple(
                Group(**{**g, "metrics": {name: read(_infinite(e)) for name, e in g["metrics"].items()}})
                for g in values["groups"]
            ),
            verdicts=tuple(Verdict(**{**v, "measured": read(_infinite(v["measured"]))}) for v in values["verdicts"]),
            inputs=values["inputs"],
            isolation=values["isolation"],
            seconds=values["seconds"],
        )


def _finite(numbers: dict[str, float | None]) -> dict[str, Any]:
    """JSON has no infinity; a ratio to a rate of zero is one."""
    return {name: "infinity" if number == math.inf else number for name, number in numbers.items()}


def _infinite(numbers: dict[str, Any]) -> dict[str, float | None]:
    return {name: math.inf if number == "infinity" else number for name, number in numbers.items()}
