"""Two versions side by side: what is not the same is told with both values, what is the same is counted."""

from __future__ import annotations

import json
import math

import pyarrow as pa
import pytest

from engine.governance import differences
from engine.governance.differences import Difference
from engine.inventory import versions
from engine.inventory.queries import VersionUnknown
from engine.inventory.references import VersionRef
from engine.inventory.reports import TestReport, Verdict
from engine.statistics import Estimate
from engine.store import Store, transaction
from engine.training import frames, profiles
from tests.governance.decisions import given_a_decision
from tests.serving import house


def test_r64_each_part_tells_what_is_different(store: Store) -> None:
    house.given_a_model(store)
    before = given_a_version(
        store, grown_up=18, numpy="2.1.0", ages=[20, 30, 40], card=b"# Card\nFor adults.\n", auc=0.80
    )
    after = given_a_version(store, grown_up=21, numpy="2.2.0", ages=[20, 30], card=b"# Card\nFrom 21 on.\n", auc=0.70)
    with transaction(store) as session:
        given_a_decision(session, before, "approve")
        given_a_decision(session, after, "reject")
        found = differences.between(session, before, after)
        back = differences.between(session, after, before)
        alone = differences.between(session, before, before)
    told = {(each.part, each.name): (each.before, each.after) for each in found.differences}
    assert told["parameters", "seed"] == (18, 21)
    assert told["parameters", "grid.depth[1]"] == (4, None)
    assert ("parameters", "grid.depth[0]") not in told
    assert told["libraries", "numpy"] == ("2.1.0", "2.2.0")
    assert ("libraries", "scipy") not in told
    assert told["data", "rows"] == (3, 2)
    assert told["data", "age: greatest"] == ("40", "30")
    assert ("data", "age: least") not in told
    assert told["approvals", "deployment in production by risk_manager"] == ("approved by rita", "rejected by rita")
    assert told["thresholds", "performance: min_auc 0.75 (all)"] == ("held", "failed")
    assert {name for part, name in told if part == "assets"} >= {"artefact", "documentation:card.md", "libraries"}
    assert ("assets", "input_schema") not in told
    auc = next(each for each in found.differences if each.name == "auc")
    assert (auc.before.value, auc.after.value, auc.apart) == (0.8, 0.7, True)
    assert ("metrics", "brier") not in told  # the same value without an interval: nan is no difference
    assert found.same["metrics"] == 1
    (card,) = (each for each in found.texts if each.asset == "documentation:card.md")
    assert card.lines[1:] == (" # Card", "-For adults.", "+From 21 on.")
    assert {(each.part, each.name): (each.after, each.before) for each in back.differences} == told
    assert (alone.differences, alone.texts) == ((), ())


def test_r64_versions_of_two_models_and_files_in_no_known_form(store: Store) -> None:
    """A file that cannot be read as what its role says is told by its digest; the rest is told all the same."""
    house.given_a_model(store)
    house.given_a_model(store, "other", kind="sklearn")
    one = house.given_a_version(store, artefact=house.table(18), libraries=b"numpy==2.1.0\n", parameters=b"{")
    two = house.given_a_version(
        store, "other", artefact=b"\x80", libraries=b"\xff\xfe", profile=b"[1]", parameters=b"{"
    )
    with transaction(store) as session:
        found = differences.between(session, one, two)
        with pytest.raises(VersionUnknown, match="credit@9"):
            differences.between(session, one, VersionRef("credit", 9))
    assert Difference(part="libraries", name="numpy", before="2.1.0", after=None) in found.differences
    assert Difference(part="making", name="kind", before="rules", after="sklearn") in found.differences
    assert "assets profile" in {f"{each.part} {each.name}" for each in found.differences}
    assert not {each.part for each in found.differences} & {"parameters", "data"}


def test_long_texts_are_cut_and_say_so(store: Store) -> None:
    house.given_a_model(store)
    refs = [
        house.given_a_version(
            store, artefact=house.table(age), source="\n".join(f"{age} {n}" for n in range(900)).encode()
        )
        for age in (18, 21)
    ]
    with transaction(store) as session:
        (text,) = differences.between(session, *refs).texts
    assert (text.asset, len(text.lines), text.cut) == ("source", 400, True)


def given_a_version(store: Store, *, grown_up: int, numpy: str, ages: list[int], card: bytes, auc: float) -> VersionRef:
    """A tested version that was trained on these ages."""
    put = store.files.put
    table = put(frames.write(pa.table({"age": ages})))
    files = {
        "artefact": put(house.table(grown_up)),
        "input_schema": put(json.dumps(house.SCHEMA).encode()),
        "parameters": put(json.dumps({"seed": grown_up, "grid": {"depth": [3, 4][: len(ages) - 1]}}).encode()),
        "libraries": put(json.dumps({"used": {"numpy": numpy, "scipy": "1.15.0"}, "python": "3.11"}).encode()),
        "profile": profiles.keep(store.files, table),
    }
    with transaction(store) as session:
        ref = versions.add(session, house.ADA, "credit", files, documents={"card.md": put(card)}).ref
        measured = Estimate(auc, auc - 0.02, auc + 0.02, 0.95)
        held = Verdict(threshold="min_auc", bound=0.75, of="all", measured=measured, passed=auc >= 0.75, certain=True)
        report = TestReport(
            output="score",
            n_rows=100,
            positives=50,
            cut_off=0.5,
            level=0.95,
            metrics={"auc": measured, "brier": Estimate(0.2, math.nan, math.nan, 0.95)},
            verdicts=[held],
        )
        versions.record_test(session, ref, report, suite="performance", actor="worker")
    return ref
