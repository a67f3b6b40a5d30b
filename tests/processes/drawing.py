"""A diagram as drawn: boxes, lines and labels of the diagram interchange, and where they get in each other's way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations, pairwise
from pathlib import Path

from lxml import etree

NAMES = {
    "bpmn": "http://www.omg.org/spec/BPMN/20100524/MODEL",
    "bpmndi": "http://www.omg.org/spec/BPMN/20100524/DI",
    "dc": "http://www.omg.org/spec/DD/20100524/DC",
    "di": "http://www.omg.org/spec/DD/20100524/DI",
}
FLOW_NODES = (
    "startEvent", "endEvent", "intermediateCatchEvent", "intermediateThrowEvent", "boundaryEvent", "userTask",
    "serviceTask", "scriptTask", "businessRuleTask", "callActivity", "exclusiveGateway", "parallelGateway",
    "eventBasedGateway",
)  # fmt: skip

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle; x grows to the right, y downwards."""

    left: float
    top: float
    right: float
    bottom: float

    def grown(self, by: float) -> Box:
        return Box(self.left - by, self.top - by, self.right + by, self.bottom + by)

    def meets(self, other: Box) -> bool:
        """Whether they share some area."""
        return (
            self.left < other.right and other.left < self.right and self.top < other.bottom and other.top < self.bottom
        )

    def holds(self, other: Box) -> bool:
        return (
            self.left <= other.left
            and other.right <= self.right
            and self.top <= other.top
            and other.bottom <= self.bottom
        )

    def touches(self, point: Point) -> bool:
        """Whether the point lies on the rectangle's outline."""
        x, y = point
        across, down = self.left <= x <= self.right, self.top <= y <= self.bottom
        return (across and y in (self.top, self.bottom)) or (down and x in (self.left, self.right))


@dataclass(frozen=True, slots=True)
class Stretch:
    """One straight piece of a line."""

    start: Point
    end: Point

    @property
    def box(self) -> Box:
        (x0, y0), (x1, y1) = self.start, self.end
        return Box(min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1))

    @property
    def horizontal(self) -> bool:
        return self.start[1] == self.end[1]

    @property
    def upright(self) -> bool:
        return self.start[0] == self.end[0]

    def enters(self, box: Box) -> bool:
        """Whether the piece runs through the inside of a rectangle."""
        own = self.box
        return own.left < box.right and box.left < own.right and own.top < box.bottom and box.top < own.bottom

    def meets(self, other: Stretch) -> bool:
        """Whether two upright or level pieces have a point in common."""
        one, two = self.box, other.box
        return one.left <= two.right and two.left <= one.right and one.top <= two.bottom and two.top <= one.bottom


@dataclass(frozen=True, slots=True)
class Drawing:
    """What is drawn where, by element id."""

    nodes: dict[str, Box]
    kinds: dict[str, str]
    hosts: dict[str, str]  #: boundary event -> the activity it sits on
    lanes: dict[str, Box]
    members: dict[str, str]  #: flow node -> the lane that names it
    notes: dict[str, Box]
    ends: dict[str, tuple[str, str]]  #: sequence flow -> (source, target)
    lines: dict[str, list[Stretch]]
    labels: dict[str, Box]
    undrawn: list[str]  #: flow nodes and flows without a shape

    def overlaps(self, apart: float) -> Iterator[tuple[str, str]]:
        """Pairs of shapes that lie on or closer than `apart` to each other."""
        for (one, box), (two, other) in combinations((self.nodes | self.notes).items(), 2):
            if two != self.hosts.get(one) and one != self.hosts.get(two) and box.grown(apart).meets(other):
                yield one, two

    def runs_through(self) -> Iterator[tuple[str, str]]:
        """Lines that run through a shape, their own source and target included."""
        for flow, pieces in self.lines.items():
            for node, box in (self.nodes | self.notes).items():
                host = self.hosts.get(self.ends[flow][0])
                if any(piece.enters(box) for piece in pieces) and node != host:
                    yield flow, node

    def crossings(self) -> Iterator[tuple[str, str]]:
        """Pairs of lines that cross, touch or run over each other."""
        for (one, pieces), (two, others) in combinations(self.lines.items(), 2):
            if any(piece.meets(other) for piece in pieces for other in others):
                yield one, two

    def hidden_labels(self) -> Iterator[tuple[str, str]]:
        """Labels with the shape, line, label or lane's edge that they lie on."""
        for owner, label in self.labels.items():
            for node, box in (self.nodes | self.notes).items():
                if label.meets(box):
                    yield owner, node
            for flow, pieces in self.lines.items():
                if any(piece.enters(label) for piece in pieces):
                    yield owner, flow
            for lane, box in self.lanes.items():
                if label.meets(box) and not box.holds(label):
                    yield owner, lane
        for (one, box), (two, other) in combinations(self.labels.items(), 2):
            if box.meets(other):
                yield one, two


def read(file: Path) -> Drawing:
    """The drawing in a BPMN file."""
    root = etree.fromstring(file.read_bytes())
    shapes = {shape.get("bpmnElement"): shape for shape in root.iterfind(".//bpmndi:BPMNShape", NAMES)}
    edges = {edge.get("bpmnElement"): edge for edge in root.iterfind(".//bpmndi:BPMNEdge", NAMES)}
    kinds = {node.get("id"): kind for kind in FLOW_NODES for node in root.iterfind(f".//bpmn:{kind}", NAMES)}
    flows = {flow.get("id"): flow for flow in root.iterfind(".//bpmn:sequenceFlow", NAMES)}
    notes = [note.get("id") for note in root.iterfind(".//bpmn:textAnnotation", NAMES)]
    lanes = list(root.iterfind(".//bpmn:lane", NAMES))
    labels = {
        owner: _box(label)
        for owner, drawn in (shapes | edges).items()
        if (label := drawn.find("bpmndi:BPMNLabel", NAMES)) is not None
    }
    return Drawing(
        nodes={node: _box(shapes[node]) for node in kinds if node in shapes},
        kinds=kinds,
        hosts={node.get("id"): node.get("attachedToRef") for node in root.iterfind(".//bpmn:boundaryEvent", NAMES)},
        lanes={lane.get("id"): _box(shapes[lane.get("id")]) for lane in lanes},
        members={ref.text: lane.get("id") for lane in lanes for ref in lane.iterfind("bpmn:flowNodeRef", NAMES)},
        notes={note: _box(shapes[note]) for note in notes},
        ends={name: (flow.get("sourceRef"), flow.get("targetRef")) for name, flow in flows.items()},
        lines={name: _line(edges[name]) for name in flows if name in edges},
        labels=labels,
        undrawn=[node for node in kinds if node not in shapes] + [flow for flow in flows if flow not in edges],
    )


def _box(drawn: etree._Element) -> Box:
    bounds = drawn.find("dc:Bounds", NAMES)
    left, top, width, height = (float(bounds.get(name, "")) for name in ("x", "y", "width", "height"))
    return Box(left, top, left + width, top + height)


def _line(edge: etree._Element) -> list[Stretch]:
    points = [(float(point.get("x", "")), float(point.get("y", ""))) for point in edge.iterfind("di:waypoint", NAMES)]
    return [Stretch(one, two) for one, two in pairwise(points)]
