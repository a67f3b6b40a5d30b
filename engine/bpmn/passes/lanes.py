"""Pass: which lane each flow node lies in. The innermost lane counts; its name is the role."""

from __future__ import annotations

from engine.bpmn import xml


def read(process: xml.Node) -> tuple[dict[str, str], tuple[str, ...], list[tuple[str, str]]]:
    """(node id to lane name, lane names in order, (lane, node id) of every reference) of one process."""
    lanes: dict[str, str] = {}
    names: list[str] = []
    references: list[tuple[str, str]] = []

    def walk(lane: xml.Node) -> None:
        name = lane.get("name") or lane.get("id", "")
        if name not in names:
            names.append(name)
        for reference in xml.children(lane, "flowNodeRef"):
            lanes[xml.text(reference)] = name
            references.append((name, xml.text(reference)))
        for inner in xml.children(lane, "childLaneSet"):
            for child in xml.children(inner, "lane"):
                walk(child)

    for lane_set in xml.children(process, "laneSet"):
        for lane in xml.children(lane_set, "lane"):
            walk(lane)
    return lanes, tuple(names), references
