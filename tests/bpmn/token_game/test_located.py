"""Where an instance's tokens stand is told as the configuration to which the token game came along with it."""

from __future__ import annotations

from collections import Counter

from engine.bpmn import bundle
from engine.bpmn.located import NotLocated, located
from engine.bpmn.token_game import Configuration, net
from engine.bpmn.token_game.configuration import ARMED, ENDED, Token
from tests.bpmn.token_game import diagrams
from tests.bpmn.token_game.following import data
from tests.bpmn.token_game.playing import Player
from tests.bpmn.token_game.test_same_as_engine import accepted


def told(configuration: Configuration) -> Counter[object]:
    """Where tokens stand and what they carry, but for numbers; those that have ended wait for the end in any number."""
    return Counter(_told(configuration, token) for token in configuration.tokens if token.phase != ENDED)


def _told(configuration: Configuration, token: Token) -> object:
    by = {each.id: each for each in configuration.tokens}
    repetition = token.repetition
    counts = None if repetition is None else (repetition.started, repetition.done, repetition.enough)
    held = "" if repetition is not None else data(token.carried.variables)
    of = by[token.of].node if token.of else ""
    within = tuple((by[each].node, by[each].index) for each in token.within)
    # A join of several flows with one source tells them apart in the game alone.
    return token.path, token.node, token.phase, within, of, token.index, counts, held if token.phase != ARMED else ""


class Located(Player):
    """Asks at every rest."""

    compared = 0
    left_out = 0

    def run(self):
        rest = super().run()
        if rest.finished:
            return rest
        try:
            found, numbers = located(self.net, self.execution._instance)
        except NotLocated:
            self.left_out += 1
            return rest
        games = [state.at for state in self.following.states]
        assert any(told(found) == told(game) for game in games), "\n".join(
            f"engine alone {told(found) - told(game)}\n game alone {told(game) - told(found)}" for game in games
        )
        ended = {token.path[: len(token.path)] for token in found.tokens if token.phase == ENDED}
        assert any(ended == {token.path for token in game.tokens if token.phase == ENDED} for game in games)
        assert set(numbers.values()) == {token.id for token in found.tokens}
        self.compared += 1
        return rest


def test_it_is_where_the_game_came_along_with_the_engine():
    compared = left_out = 0
    for seed in range(24):
        files, called, variables = diagrams.made(seed)
        if not accepted(files, called):
            continue
        player = Located(bundle(files, called), net(files, called), variables, seed, restoring=seed % 2 == 1)
        try:
            player.play(15)
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {error}") from error
        compared, left_out = compared + player.compared, left_out + player.left_out
    assert compared > 30
    assert left_out < compared
