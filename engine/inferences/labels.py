"""Labels: what became known later about an inference, such as whether the applicant was in fact employed."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import numpy as np
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from engine import audit
from engine.errors import GatewrightError
from engine.identity import Person, require
from engine.inferences import business, outcomes, retention, spans
from engine.inferences.counts import References
from engine.inferences.outcomes import Manner, Manners
from engine.inferences.tables import InferenceRow, LabelRow
from engine.inventory.expressions import Row
from engine.inventory.references import stream
from engine.statistics.named import Named, added, taken_off
from engine.statistics.outcomes import NEGATIVE, POSITIVE, Cases, Sums, count, score_sums, value_sums
from engine.store import files, now

_LARGEST = 1e300


class LabelWithoutInference(GatewrightError):
    """There is no inference {inference} of {model} to label."""

    code = "label-without-inference"
    hint = "Send the id that came with the score; nothing of this request was recorded."
    status = 422


class LabelUnreadable(GatewrightError):
    """The label {value!r} of {inference} tells no truth: {reason}."""

    code = "label-unreadable"
    hint = "Send 1 or 0, or the words that the model declares; of a model of values, numbers. Nothing was recorded."
    status = 422


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """The truth about one inference, as the sender knows it."""

    inference: UUID
    value: str
    known_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class _Counted:
    """As what a label was counted: kept with it, so that a correction takes off just that, whatever changed since."""

    known: int
    decided: int
    bits: int | None  #: None: the truth of a score
    groups: Mapping[str, str]  #: protected column -> group
    #: digest of a KPI that reads the truth -> what it brought
    kpis: Mapping[str, Sequence[float | None]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    """What was answered, as far as a label needs it."""

    version: int
    environment: str
    hour: int
    input: Mapping[str, Any]
    score: float | None
    decision: str | None
    output: Mapping[str, Any]


def add(session: Session, person: Person, *, model: str, labels: Sequence[Label]) -> int:
    """How many labels were new; one that is sent again replaces what was said before.

    Counted in the same transaction: a new one adds, one with another value takes the old one off and adds. Raises
    LabelWithoutInference or LabelUnreadable for the first that is wrong; then nothing is recorded.
    """
    require(person, "label.write")
    wanted = {label.inference: label for label in sorted(labels, key=lambda each: each.inference)}
    if not wanted:
        return 0
    # One sender of a model's labels at a time: two that send the same new one would both count it.
    session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"inferences.labels {model}", 0))))
    answers = _answers(session, model, list(wanted))
    for label in labels:
        if label.inference not in answers:
            retention.refuse_dropped(session, label.inference)
            raise LabelWithoutInference(inference=label.inference, model=model)
    rows = session.scalars(select(LabelRow).where(LabelRow.inference.in_(list(wanted))))
    before = {row.inference: (row.value, None if row.counted is None else _Counted(**row.counted)) for row in rows}
    counted = _manner_of_each(session, model, wanted, answers, before)
    at = now(session)
    statement = insert(LabelRow).values(
        [
            {
                "inference": id,
                "model": model,
                "value": label.value,
                "known_at": label.known_at,
                "recorded_at": at,
                "recorded_by": person.id,
                "counted": None if (manner := counted[id]) is None else asdict(manner),
            }
            for id, label in wanted.items()
        ]
    )
    replaced = ("value", "known_at", "recorded_at", "recorded_by", "counted")
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["inference"], set_={name: statement.excluded[name] for name in replaced}
        )
    )
    changed = [id for id in wanted if before.get(id) != (wanted[id].value, counted[id])]
    _count(
        session,
        model,
        [(answers[id], wanted[id].value, counted[id]) for id in changed],
        [(answers[id], *before[id]) for id in changed if id in before],
    )
    new = len(wanted) - len(before)
    audit.record(session, stream(model), "labels.added", actor=person.id, subject=model, labels=len(wanted), new=new)
    return new


def of_inference(session: Session, inference: UUID) -> Label | None:
    """What is known of an inference by now, or None."""
    row = session.get(LabelRow, inference)
    return None if row is None else Label(inference=inference, value=row.value, known_at=row.known_at)


def _answers(session: Session, model: str, ids: Sequence[UUID]) -> dict[UUID, _Answer]:
    row = InferenceRow
    wanted = (row.id, row.version, row.environment, row.event_time, row.input, row.score, row.decision, row.output)
    return {
        id: _Answer(
            version=version,
            environment=environment,
            hour=spans.number_of(event_time),
            input=given,
            score=score,
            decision=decision,
            output=output,
        )
        for id, version, environment, event_time, given, score, decision, output in session.execute(
            select(*wanted).where(row.id.in_(ids), row.model == model)
        )
    }


def _manner_of_each(
    session: Session,
    model: str,
    wanted: Mapping[UUID, Label],
    answers: Mapping[UUID, _Answer],
    before: Mapping[UUID, tuple[str, _Counted | None]],
) -> dict[UUID, _Counted | None]:
    """As what each label counts; None where its version counts nothing. Raises LabelUnreadable."""
    manners, by_version = Manners(References(files(session))), defaultdict[int, list[UUID]](list)
    for id in wanted:
        by_version[answers[id].version].append(id)
    found: dict[UUID, _Counted | None] = {}
    for version, ids in by_version.items():
        manner = manners.of(session, model, version)
        if manner is None:
            found.update({id: before.get(id, ("", None))[1] for id in ids})
            continue
        groups = {
            each.column.name: [
                each.labels[code] for code in each.of([answers[id].input.get(each.column.name) for id in ids]).tolist()
            ]
            for each in manner.layout.attributes
        }
        for place, id in enumerate(ids):
            known = _known(manner, wanted[id])
            _, earlier = before.get(id, ("", None))
            kpis = _brought(manner, answers[id], wanted[id], known)
            found[id] = (
                replace(earlier, known=known, kpis=kpis)
                if earlier is not None
                else _Counted(
                    known=known,
                    decided=manner.decided(answers[id].decision, answers[id].score),
                    bits=None if manner.layout.scored else manner.layout.bits,
                    groups={name: of[place] for name, of in groups.items()},
                    kpis=kpis,
                )
            )
    return found


def _brought(manner: Manner, answer: _Answer, label: Label, known: int) -> dict[str, list[float | None]]:
    """What the KPIs that wait for the truth make of a row whose truth is known."""
    if not manner.terms.late:
        return {}
    truth = float(known == POSITIVE) if manner.layout.scored else float(label.value)
    row = Row(input=answer.input, score=answer.score, decision=answer.decision, output=answer.output, label=truth)
    return {kpi.digest: business.brought(kpi, row) for kpi in manner.terms.late}


def _known(manner: Manner, label: Label) -> int:
    """NEGATIVE or POSITIVE; the truth of a value is POSITIVE whatever it is."""
    if not manner.layout.scored:
        try:
            truth = float(label.value)
        except ValueError:
            truth = math.nan
        if not abs(truth) <= _LARGEST:
            raise LabelUnreadable(value=label.value, inference=label.inference, reason="it is no finite number")
        return POSITIVE
    positive = manner.words.truth(label.value)
    if positive is None:
        raise LabelUnreadable(value=label.value, inference=label.inference, reason="it is neither yes nor no")
    return POSITIVE if positive else NEGATIVE


_Truth = tuple[_Answer, str, _Counted | None]


def _count(session: Session, model: str, adding: Iterable[_Truth], taking_off: Iterable[_Truth]) -> None:
    """Write what these labels change."""
    changes: dict[tuple[int, str], dict[int, list[Named]]] = defaultdict(lambda: defaultdict(list))
    for key, hour, found in _pieces(adding):
        changes[key][hour].append(found)
    for key, hour, found in _pieces(taking_off):
        changes[key][hour].append(taken_off(found))
    for (version, environment), by_hour in sorted(changes.items()):
        outcomes.write(session, (model, version, environment), {hour: added(each) for hour, each in by_hour.items()})


def _pieces(truths: Iterable[_Truth]) -> Iterable[tuple[tuple[int, str], int, Named]]:
    alike: dict[tuple[int, str, tuple[str, ...]], list[tuple[_Answer, str, _Counted]]] = defaultdict(list)
    for answer, value, counted in truths:
        if counted is not None:
            alike[answer.version, answer.environment, tuple(sorted(counted.groups))].append((answer, value, counted))
    for (version, environment, columns), many in alike.items():
        groups = {}
        for column in columns:
            labels, codes = np.unique([counted.groups[column] for _, _, counted in many], return_inverse=True)
            groups[column] = codes.astype(np.int64), labels.tolist()
        cases = Cases(
            spans=np.array([answer.hour for answer, _, _ in many], dtype=np.int64),
            known=np.array([counted.known for _, _, counted in many], dtype=np.int64),
            decided=np.array([counted.decided for _, _, counted in many], dtype=np.int64),
            scores=np.array(
                [
                    math.nan if answer.score is None or counted.bits is not None else answer.score
                    for answer, _, counted in many
                ],
                dtype=np.float64,
            ),
            groups=groups,
            sums=[_sums(answer, value, counted) for answer, value, counted in many],
        )
        for hour, found in count(cases).items():
            yield (version, environment), hour, found


def _sums(answer: _Answer, value: str, counted: _Counted) -> Sums:
    business_sums = [each for digest, values in counted.kpis.items() for each in business.sums(digest, values)]
    return *_right(answer, value, counted), *business_sums


def _right(answer: _Answer, value: str, counted: _Counted) -> Sums:
    if answer.score is None:
        return ()
    if counted.bits is None:
        return score_sums(counted.known == POSITIVE, answer.score)
    return value_sums(float(value), answer.score, counted.bits)
