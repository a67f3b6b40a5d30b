"""Inferences by whatever id somebody holds."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.inferences import search
from engine.inferences.log import InferenceLog
from engine.store import Store, new_ids, transaction
from tests.inferences.test_log import answered


@pytest.fixture
def logged(store: Store) -> list[list[UUID]]:
    """The ids of three requests of two rows, each request's own first."""
    log = InferenceLog(store)
    log.start()
    made = [new_ids(3) for _ in range(3)]
    for number, (request, *ids) in enumerate(made):
        log.offer(answered(2, request=request, ids=ids, references=["all of them", f"order {number}"]))
    assert log.drain().written == 6
    return made


def test_r55_an_inference_is_found_by_its_id_its_request_and_the_callers_reference(
    store: Store, logged: list[list[UUID]]
) -> None:
    request, first, second = logged[1]
    with transaction(store) as session:
        assert [each.id for each in search.by_any_id(session, str(first))] == [first]
        assert [each.id for each in search.by_any_id(session, str(request))] == [second, first]
        assert [each.id for each in search.by_any_id(session, "order 1")] == [second]
        assert [each.id for each in search.by_any_id(session, "all of them")] == [
            logged[2][1], logged[1][1], logged[0][1],
        ]  # fmt: skip
        assert search.by_any_id(session, str(uuid4())) == []
        newest = [each.id for each in search.newest(session, model="credit", limit=4)]
    assert newest == [logged[2][2], logged[2][1], logged[1][2], logged[1][1]]


@given(st.uuids() | st.sampled_from([UUID(int=0), UUID(int=(1 << 128) - 1)]))
def test_any_id_at_all_may_be_asked_for(id: UUID) -> None:
    """The span of the key around it stays within what an id may be."""
    assert search.of_request(id) is not None
