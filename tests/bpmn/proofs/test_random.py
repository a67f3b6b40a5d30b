"""Over random processes: what a proof calls never is seen in no run, and what it shows is a path of the relation."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from engine.bpmn.proofs.beside import beside
from engine.bpmn.proofs.weights import bounded
from tests.bpmn.proofs.exploring import Made, alike, breach, broken, replayed


def orders(seeds, bound, known=False):
    """How many of the seeds could be gone through in every order; each has to come to the same as the reduced one."""
    count = Counter()
    for seed in seeds:
        made = Made(seed, known)
        if not made.accepted:
            continue
        whole = made.explored(bound=bound, reduced=False)
        steady = bounded(made.net, beside(made.net))
        assert not (steady and whole.grown), f"seed {seed}: tokens multiply though the drawing was said not to let them"
        reduced = made.explored(bound=bound)
        count["steady"] += steady
        if whole.complete and reduced.complete and not whole.grown and not reduced.grown:
            assert alike(reduced, whole, made.net) == [], f"seed {seed}"
            assert len(reduced.configurations) <= len(whole.configurations), f"seed {seed}"
            count["compared"] += 1
            policies = made.policies(6)
            told, every = made.explored(policies, bound), made.explored(policies, bound, reduced=False)
            for policy in policies:
                one, other = breach(policy, told), breach(policy, every)
                assert (one is None) == (other is None), f"seed {seed}: {policy.policy}"
                count["broken" if one else "kept"] += 1
    return count


def runs(seeds, runs_each, bound):
    """How often a policy was found kept and broken; no run breaks what is kept, each counter-example is replayed."""
    count = Counter()
    for seed in seeds:
        made = Made(seed)
        if not made.accepted:
            continue
        policies = made.policies(8)
        graph = made.explored(policies, bound)
        decided = graph.complete and not graph.grown
        ways = {policy.policy.name: breach(policy, graph) for policy in policies}
        for number in range(runs_each):
            actions = made.run(seed * 1_000 + number)
            for policy in policies:
                if ways[policy.policy.name] is None and decided:
                    assert not broken(policy, graph, actions), f"seed {seed}, run {number}: {policy.policy}"
                    count["kept in a run"] += 1
        for way in ways.values():
            if way is not None:
                assert replayed(made, graph, way[1]), f"seed {seed}"
                count["replayed"] += 1
    return count


def test_moving_one_token_alone_hides_nothing():
    count = orders(range(24), 150)
    assert count["compared"] > 5


def test_nor_does_it_where_choices_hang_on_what_scripts_wrote():
    count = orders(range(100, 112), 150, known=True)
    assert count["compared"] > 2


def test_what_never_happens_is_seen_in_no_run_and_what_is_shown_can_be_replayed():
    count = runs(range(24), 3, 200)
    assert count["kept in a run"] > 60
    assert count["replayed"] > 30


@pytest.mark.long
@pytest.mark.timeout(3_600)
def test_fresh_random_processes_are_proven_as_they_run():
    first = random.SystemRandom().randrange(10**9)
    print(f"seeds from {first}:", dict(orders(range(first, first + 400), 3_000)))
    print(dict(orders(range(first, first + 400), 1_500, known=True)))
    print(dict(runs(range(first, first + 400), 20, 4_000)))
