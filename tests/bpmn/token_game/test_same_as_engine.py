"""The engine does what the standard says: each of its runs is a path of the token game, with the same data."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from engine.bpmn import Vocabulary, bundle, check
from engine.bpmn.token_game import net
from tests.bpmn.token_game import diagrams
from tests.bpmn.token_game.playing import Player

#: what the makers of random processes leave out: roles and handlers are no matter of tokens
NO_MATTER = {"user-tasks", "service-tasks"}


def accepted(files, called):
    words = Vocabulary(processes=frozenset(called))
    found = [issue for each in (files, *called.values()) for issue in check(each, words)]
    return not [issue for issue in found if issue.severity == "error" and issue.rule not in NO_MATTER]


def played(seed, operated=False):
    """How the runs of one random process ended, or None where it is refused; a difference is an AssertionError."""
    files, called, variables = diagrams.made(seed)
    if not accepted(files, called):
        return None
    of, game = bundle(files, called), net(files, called)
    kept, restored = (Player(of, game, variables, seed, restoring, operated) for restoring in (False, True))
    ends = kept.play(), restored.play()
    assert kept.trace == restored.trace, f"seed {seed}: restored from bytes it runs differently"
    return ends[0]


def campaign(seeds, wanted, operated=False):
    ends = Counter()
    for seed in seeds:
        try:
            end = played(seed, operated)
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {error}") from error
        if end is not None:
            ends[end] += 1
        if ends.total() == wanted:
            return ends
    raise AssertionError(f"only {ends.total()} of {wanted} were accepted")


def test_two_hundred_random_processes_run_as_the_token_game_says():
    ends = campaign(range(1_000), 200)
    assert ends["finished"] > 80


def test_what_operators_set_and_move_by_hand_leaves_the_engine_with_the_token_game():
    ends = campaign(range(20_000, 21_000), 40, operated=True)
    assert ends["finished"] > 12


@pytest.mark.long
@pytest.mark.timeout(3_600)
def test_a_thousand_fresh_processes_under_the_hands_of_operators_run_as_the_token_game_says():
    first = random.SystemRandom().randrange(10**9)
    print(f"seeds from {first}:", dict(campaign(range(first, first + 10_000), 1_000, operated=True)))


@pytest.mark.long
@pytest.mark.timeout(3_600)
def test_two_thousand_fresh_random_processes_run_as_the_token_game_says():
    first = random.SystemRandom().randrange(10**9)
    print(f"seeds from {first}:", dict(campaign(range(first, first + 10_000), 2_000)))
