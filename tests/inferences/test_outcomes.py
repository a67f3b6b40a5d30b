"""Counts of outcomes: with the answers, with late labels and their corrections, each once, in any window."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, select

from engine.identity import Person
from engine.inferences import labels, outcomes, rows
from engine.inferences.counts import References
from engine.inferences.inference import Answered
from engine.inferences.labels import Label, LabelUnreadable
from engine.inferences.log import InferenceLog
from engine.inferences.tables import LabelRow, OutcomePieceRow, OutcomeSpanRow
from engine.inventory import metadata, models, versions
from engine.inventory.references import VersionRef
from engine.monitoring import performance
from engine.statistics.named import Named
from engine.statistics.outcomes import ANSWERED, DECLINED, NEGATIVE, POSITIVE, SELECTED, table
from engine.statistics.tallies import OUTPUT, SCORE, refer
from engine.store import Store, new_id, transaction

ADA = Person(id="ada", name="Ada", email="", roles=frozenset({"data_scientist"}), disabled=False)
EVE = Person(id="eve", name="Eve", email="", roles=frozenset({"data_engineer"}), disabled=False)
REF = VersionRef("credit", 1)
START = datetime(2026, 1, 30, 12, tzinfo=UTC)

Row = tuple[int, int, str, float]  #: hours after START, sex, region, score


def declared(**more: Any) -> metadata.Metadata:
    return metadata.read(
        {
            "id": "credit",
            "name": "Credit",
            "kind": "rules",
            "owner": "ada",
            "team": "Lending",
            "purpose": "Decides about loans.",
            "affects_people": True,
            "decisions_per_year": 10,
            "protected": {"sex": "1", "region": "north"},
            **more,
        }
    )


def given_a_version(store: Store, *, output: Sequence[float] = (0.1, 0.9), scored: bool = True, **more: Any) -> None:
    """credit@1 with a reference; asked for sex and region."""
    fixed = [SCORE] if scored else []
    n = len(output) // 2
    reference = refer({"sex": [1, 2] * n, "region": ["north", "south"] * n, OUTPUT: list(output)}, fixed=fixed)
    found = store.files.put(reference.as_bytes())
    with transaction(store) as session:
        models.register(session, ADA, declared(**more))
        versions.add(session, ADA, "credit", {"reference": found}, source="uploaded")


def answered(given: Sequence[Row], **more: Any) -> Answered:
    """A request to credit@1 with its answers, decided at 0.5."""
    return Answered(
        request=uuid4(),
        logged_at=datetime(2026, 11, 24, tzinfo=UTC),
        model="credit",
        version=1,
        environment="production",
        deployment=uuid4(),
        caller="ada",
        latency_us=2_000,
        ids=[new_id() for _ in given],
        event_times=[START + timedelta(hours=hour) for hour, *_ in given],
        references=[None] * len(given),
        inputs=[{"sex": sex, "region": region} for _, sex, region, _ in given],
        scores=[score for *_, score in given],
        decisions=more.get("decisions", ["positive" if score >= 0.5 else "negative" for *_, score in given]),
    )


def logged(store: Store, given: Answered) -> None:
    log = InferenceLog(store)
    log.start()
    assert log.offer(given)
    assert log.drain().written == len(given)


def label(store: Store, truths: dict[UUID, str]) -> int:
    with transaction(store) as session:
        sent = [Label(inference=id, value=value, known_at=START) for id, value in truths.items()]
        return labels.add(session, EVE, model="credit", labels=sent)


def window(store: Store, **asked: Any) -> Named:
    with transaction(store) as session:
        return outcomes.window(session, REF, **asked)


def folded(store: Store) -> int:
    with transaction(store) as session:
        return outcomes.fold(session)


def test_r30_late_labels_are_joined_by_id_and_counted_in_the_hour_of_the_event(store: Store) -> None:
    """Months later, in any order, in parts: what is known at the end is what counts; folded in between or not."""
    given_a_version(store)
    chance = random.Random(3)
    given: list[Row] = [
        (
            chance.randrange(0, 24 * 40),
            chance.choice([1, 2]),
            chance.choice(["north", "south", "west"]),
            chance.random(),
        )
        for _ in range(400)
    ]
    sent = answered(given)
    logged(store, sent)
    ids, truth = list(sent.ids), {}
    for _ in range(6):
        told = {id: chance.choice(["0", "1", "yes", "No"]) for id in chance.sample(ids, 150)}
        new = label(store, told)
        assert new == len(set(told) - set(truth))
        truth.update(told)
        if chance.random() < 0.5:
            folded(store)
    row_of = dict(zip(ids, given, strict=True))
    positive = {id: value in ("1", "yes") for id, value in truth.items()}
    for since, until in ((None, None), (100, 700), (5, 6)):
        asked = {
            name: START + timedelta(hours=hours)
            for name, hours in (("since", since), ("until", until))
            if hours is not None
        }
        inside = [id for id in ids if (since or 0) <= row_of[id][0] < (until or 10**6)]
        found = window(store, environment="production", **asked)
        shares = performance.confusion(table(found))
        assert shares["answered"] == found.rows == len(inside)
        assert shares["true_positives"] == sum(positive.get(id, False) and row_of[id][3] >= 0.5 for id in inside)
        assert shares["false_positives"] == sum(not positive.get(id, True) and row_of[id][3] >= 0.5 for id in inside)
        for sex in ("1", "2"):
            of_sex = table(found, ("region", "unseen", "sex", sex))
            here = [id for id in inside if row_of[id][1:3] == (int(sex), "west")]
            assert of_sex[ANSWERED].sum() == len(here)
            assert of_sex[POSITIVE].sum() == sum(positive.get(id, False) for id in here)
            assert of_sex[NEGATIVE].sum() == sum(not positive.get(id, True) for id in here)
        labelled = [id for id in inside if id in positive]
        away = [(row_of[id][3] - positive[id]) ** 2 for id in labelled]
        if away:
            brier = performance.of_scores(found)["brier"][0]
            assert brier.value == pytest.approx(sum(away) / len(away), rel=1e-9)
            assert brier.low < brier.value < brier.high


def test_a_label_sent_again_alike_changes_no_count(store: Store) -> None:
    given_a_version(store)
    sent = answered([(0, 1, "north", 0.7)])
    logged(store, sent)
    label(store, {sent.ids[0]: "1"})
    before = window(store).packed()
    assert label(store, {sent.ids[0]: "1"}) == 0
    assert window(store).packed() == before
    assert label(store, {sent.ids[0]: "true"}) == 0
    assert window(store).packed() == before


def test_a_correction_takes_off_what_was_counted_though_the_model_was_declared_anew(store: Store) -> None:
    """Groups, cut-off and words may have changed since: nothing is left under the old ones."""
    given_a_version(store)
    sent = answered([(0, 1, "north", 0.7)], decisions=[None])
    logged(store, sent)
    label(store, {sent.ids[0]: "1"})
    with transaction(store) as session:
        changed = {"protected": {"sex": "1"}, "thresholds": {"cut_off": 0.9}, "outcomes": {"positive_label": "paid"}}
        models.edit(session, ADA, "credit", changed)
    label(store, {sent.ids[0]: "0"})
    found = window(store)
    assert table(found)[POSITIVE].sum() == 0
    assert table(found)[NEGATIVE, SELECTED].sum() == 1
    assert table(found, ("region", "north", "sex", "1"))[NEGATIVE].sum() == 1


def test_a_label_in_no_known_word_is_refused_and_nothing_is_recorded(store: Store) -> None:
    given_a_version(store, outcomes={"positive_label": "repaid", "negative_label": "defaulted"})
    sent = answered([(0, 1, "north", 0.7), (0, 2, "south", 0.2)])
    logged(store, sent)
    with pytest.raises(LabelUnreadable, match="'perhaps'"):
        label(store, {sent.ids[0]: "repaid", sent.ids[1]: "perhaps"})
    with transaction(store) as session:
        assert session.scalar(select(func.count()).select_from(LabelRow)) == 0
    assert label(store, {sent.ids[0]: "repaid", sent.ids[1]: "defaulted"}) == 2
    assert performance.of_scores(window(store))["auc"][0].value == 1.0


def test_truths_of_values_are_numbers_and_their_errors_add_up(store: Store) -> None:
    given_a_version(store, output=[10.0, 2000.0], scored=False)
    sent = answered([(0, 1, "north", 100.0), (1, 2, "south", 250.0)], decisions=[None, None])
    logged(store, sent)
    assert label(store, {sent.ids[0]: "110", sent.ids[1]: "2.2e2"}) == 2
    found = performance.of_values(window(store))
    assert found["mae"][0].value == pytest.approx(20, rel=1e-9)
    assert found["rmse"][0].value == pytest.approx(500**0.5, rel=1e-9)
    for wrong in ("much", "nan", "1e301", ""):
        with pytest.raises(LabelUnreadable):
            label(store, {sent.ids[0]: wrong})
    label(store, {sent.ids[1]: "250"})
    assert performance.of_values(window(store))["mae"][0].value == pytest.approx(5, rel=1e-9)


def test_what_is_written_again_is_counted_once(store: Store) -> None:
    """After a lost connection the rows that were there already are not counted anew."""
    given_a_version(store)
    sent = answered([(0, 1, "north", 0.7), (1, 2, "south", 0.2)])
    manners = outcomes.Manners(References(store.files))
    for _ in range(2):
        with transaction(store) as session:
            connection = session.connection().connection.driver_connection
            new = rows.insert_again(connection, list(sent.inferences()))  # type: ignore[arg-type]
            outcomes.add_again(session, manners, new)
    assert window(store).rows == 2
    assert window(store, kind=outcomes.REQUESTS).rows == 1


def test_folded_pieces_are_one_row_a_span_and_are_folded_once(store: Store) -> None:
    given_a_version(store)
    logged(store, answered([(0, 1, "north", 0.7), (30, 2, "south", 0.2)]))
    before = window(store).packed()
    with transaction(store) as one:
        assert outcomes.fold(one) == 3  # two hours of events, one of requests
        with transaction(store) as other:
            assert outcomes.fold(other) == 0
    assert folded(store) == 0
    assert window(store).packed() == before
    with transaction(store) as session:
        assert session.scalar(select(func.count()).select_from(OutcomePieceRow)) == 0
        assert session.scalar(select(func.count()).select_from(OutcomeSpanRow)) == 2 + 2 + 1 + 3


def test_decisions_are_counted_in_the_words_of_the_model(store: Store) -> None:
    """Its own word where it declares one, else positive and negative, else the cut-off."""
    given_a_version(store, outcomes={"positive_decision": "grant"})
    logged(store, answered([(0, 1, "north", 0.1)] * 3, decisions=["grant", "refuse", None]))
    found = table(window(store))[ANSWERED].sum(axis=1)
    assert (found[SELECTED], found[DECLINED]) == (1, 2)
