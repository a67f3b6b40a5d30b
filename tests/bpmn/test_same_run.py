"""Restored at every step or kept in memory, compacted or whole: the same choices give the same trace and data."""

from __future__ import annotations

import random
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.bpmn import PENDING, Execution, Vocabulary, bundle, check, clear_cache
from engine.bpmn.compaction import compact
from tests.bpmn import strategies
from tests.bpmn.running import NOW


def play(of, variables, seed, *, restoring, compacting):
    """One run by a seeded player; returns its trace without ids, and its variables."""
    chance, trace = random.Random(seed), []
    with patch("engine.bpmn.execution.compact", compact if compacting else lambda top: None):
        execution = Execution.start(of, dict(variables), now=NOW)
        for _ in range(400):
            if restoring:
                clear_cache()
                execution = Execution.restore(of, execution.state(), now=NOW)
            rest = execution.run(lambda call: PENDING, limit=chance.choice([3, 7, 200]))
            trace += [(s.element, s.scope, s.happened) for s in rest.trace]
            assert not rest.failures, rest.failures
            if rest.finished:
                return trace, execution.variables()
            if rest.more:
                continue
            acts = (
                [("user", t.element, t.scope, t.task_id) for t in rest.user_tasks]
                + [("job", j.element, j.scope, j.task_id) for j in rest.jobs]
                + [("timer", t.element, t.scope, t.task_id) for t in rest.timers]
            )
            kind, _, _, task = chance.choice(sorted(acts, key=lambda act: act[:3]))
            value = chance.randint(0, 9)
            if restoring:
                clear_cache()
                execution = Execution.restore(of, execution.state(), now=NOW)
            if kind == "user":
                execution.complete_user_task(task, {"v": value})
            elif kind == "job":
                execution.complete_service_task(task, value)
            else:
                assert execution.fire_timer(task, NOW)
    raise AssertionError("the run did not end")


def same(block, seed):
    files, variables = strategies.files(block)
    refusals = [issue for issue in check(files, Vocabulary()) if issue.rule not in {"user-tasks", "service-tasks"}]
    assert not [issue for issue in refusals if issue.severity == "error"], refusals
    of = bundle(files)
    whole = play(of, variables, seed, restoring=False, compacting=False)
    assert play(of, variables, seed, restoring=True, compacting=True) == whole
    assert play(of, variables, seed, restoring=True, compacting=False) == whole
    assert play(of, variables, seed, restoring=False, compacting=True) == whole


@given(strategies.blocks, st.integers(0, 1_000))
@settings(max_examples=60, deadline=None)
def test_the_run_is_the_same_in_memory_and_restored_whole_and_compacted(block, seed):
    same(block, seed)


@pytest.mark.long
@given(strategies.blocks, st.integers(0, 1_000_000))
@settings(max_examples=2_000, deadline=None)
def test_the_run_is_the_same_in_a_long_campaign(block, seed):
    same(block, seed)
