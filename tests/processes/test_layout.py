"""A diagram is read by people first: nothing overlaps, no line crosses another, every label can be read."""

from __future__ import annotations

from itertools import pairwise

import pytest

from tests.processes import drawing
from tests.processes.library import LIBRARY, PROCESSES

#: pixels that two shapes keep apart at least
APART = 20


@pytest.fixture(params=PROCESSES)
def drawn(request: pytest.FixtureRequest) -> drawing.Drawing:
    return drawing.read(LIBRARY / request.param / "process.bpmn")


def test_everything_is_drawn(drawn: drawing.Drawing) -> None:
    assert drawn.undrawn == []


def test_shapes_keep_apart(drawn: drawing.Drawing) -> None:
    assert list(drawn.overlaps(APART)) == []


def test_each_shape_lies_in_the_lane_that_names_it(drawn: drawing.Drawing) -> None:
    outside = [node for node, lane in drawn.members.items() if not drawn.lanes[lane].holds(drawn.nodes[node])]
    assert outside == []
    assert set(drawn.members) == set(drawn.nodes)


def test_lanes_lie_below_each_other_and_share_their_width(drawn: drawing.Drawing) -> None:
    lanes = sorted(drawn.lanes.values(), key=lambda lane: lane.top)
    assert len({(lane.left, lane.right) for lane in lanes}) == 1
    assert all(upper.bottom == lower.top for upper, lower in pairwise(lanes))


def test_lines_are_level_or_upright_and_dock_at_their_shapes(drawn: drawing.Drawing) -> None:
    for flow, pieces in drawn.lines.items():
        source, target = drawn.ends[flow]
        assert all(piece.horizontal or piece.upright for piece in pieces), flow
        assert drawn.nodes[source].touches(pieces[0].start), flow
        assert drawn.nodes[target].touches(pieces[-1].end), flow


def test_no_line_runs_through_a_shape(drawn: drawing.Drawing) -> None:
    assert list(drawn.runs_through()) == []


def test_no_line_crosses_or_touches_another(drawn: drawing.Drawing) -> None:
    assert list(drawn.crossings()) == []


def test_no_label_is_hidden(drawn: drawing.Drawing) -> None:
    assert list(drawn.hidden_labels()) == []


def test_a_diagram_reads_from_left_to_right(drawn: drawing.Drawing) -> None:
    starts = [drawn.nodes[node] for node, kind in drawn.kinds.items() if kind == "startEvent"]
    assert len(starts) == 1
    assert starts[0].left == min(box.left for box in drawn.nodes.values())
    backwards = [
        flow
        for flow, (source, target) in drawn.ends.items()
        if drawn.kinds[target] == "endEvent" and drawn.nodes[target].left <= drawn.nodes[source].left
    ]
    assert backwards == []


def test_the_test_sees_a_fault() -> None:
    """The geometry itself: a crossing, a line through a shape and an overlap are found."""
    level, upright = drawing.Stretch((0, 5), (10, 5)), drawing.Stretch((5, 0), (5, 10))
    assert level.meets(upright)
    assert level.enters(drawing.Box(2, 2, 8, 8))
    assert not level.enters(drawing.Box(2, 6, 8, 8))
    assert drawing.Box(0, 0, 10, 10).grown(5).meets(drawing.Box(12, 0, 20, 10))
    assert not drawing.Box(0, 0, 10, 10).meets(drawing.Box(10, 0, 20, 10))
