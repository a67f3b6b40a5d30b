"""Whether groups fare alike: from the counts of decisions and truths by group, and by two groups crossed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from engine.monitoring.performance import confusion
from engine.statistics import Estimate
from engine.statistics.impact_ratio import impact_ratio
from engine.statistics.named import Name, Named
from engine.statistics.outcomes import table
from engine.statistics.wilson import wilson


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """One group of a window beside the declared reference group; crossed ones beside that of both columns."""

    subject: str  #: as SEX=2, or RAC1P=2 and SEX=2
    reference: str  #: the group that it is held against
    counts: Mapping[str, int]
    metrics: Mapping[str, tuple[Estimate, int]]  #: metric -> (estimate, cases of the smaller side)


def groups(counts: Named, protected: Mapping[str, str], level: float = 0.95) -> list[Group]:
    """Every group that occurs; the rates of each, and the impact ratio of all but the reference groups.

    protected: column -> its declared reference group; never whichever comes first. Selection needs no label; TPR and
    FPR do. Under 30 cases on either side a ratio is unknown.
    """
    found = []
    for name in counts.names:
        columns = name[::2]
        if not columns or any(column not in protected for column in columns):
            continue
        beside: Name = tuple(part for column in columns for part in (column, protected[column]))
        mine, theirs = confusion(table(counts, name)), confusion(table(counts, beside))
        positives = mine["true_positives"] + mine["false_negatives"]
        negatives = mine["false_positives"] + mine["true_negatives"]
        metrics = {
            "selection_rate": (wilson(mine["selected"], mine["decided"], level), mine["decided"]),
            "tpr": (wilson(mine["true_positives"], positives, level), positives),
            "fpr": (wilson(mine["false_positives"], negatives, level), negatives),
        }
        if name != beside:
            ratio = impact_ratio((mine["selected"], theirs["selected"]), (mine["decided"], theirs["decided"]), level)
            metrics["impact_ratio"] = ratio, min(mine["decided"], theirs["decided"])
        found.append(Group(subject=in_words(name), reference=in_words(beside), counts=mine, metrics=metrics))
    return found


def in_words(name: Name) -> str:
    """A group's name: SEX=2, or RAC1P=2 and SEX=2."""
    return " and ".join(f"{column}={value}" for column, value in zip(name[::2], name[1::2], strict=True))
