"""Pass: the decision tables of a DMN file."""

from __future__ import annotations

from engine.bpmn import xml
from engine.bpmn.model import Cell, Decision, Rule

#: the namespaces of DMN 1.1 to 1.5
DMN = frozenset(
    {
        "http://www.omg.org/spec/DMN/20151101/dmn.xsd",
        "http://www.omg.org/spec/DMN/20180521/MODEL/",
        "https://www.omg.org/spec/DMN/20191111/MODEL/",
        "https://www.omg.org/spec/DMN/20211108/MODEL/",
        "https://www.omg.org/spec/DMN/20230324/MODEL/",
    }
)


def read(root: xml.Node, file: str) -> list[Decision]:
    """The decisions of one file; a decision without a table has no inputs, outputs or rules."""
    space = xml.tag(root)[0]
    found = []
    for element in xml.children(root, "decision", namespace=space):
        tables = xml.children(element, "decisionTable", namespace=space)
        found.append(_decision(element, tables, file, space))
    return found


def _decision(element: xml.Node, tables: list[xml.Node], file: str, space: str) -> Decision:
    table = tables[0] if tables else None

    def inside(*names: str) -> list[xml.Node]:
        return [] if table is None else xml.children(table, *names, namespace=space)

    def expression(column: xml.Node) -> str:
        holder = xml.first(column, "inputExpression", space)
        written = "" if holder is None else xml.text(xml.first(holder, "text", space))
        return written or column.get("label", "")

    def cells(row: xml.Node, name: str) -> tuple[Cell, ...]:
        return tuple(
            Cell(text=xml.text(xml.first(cell, "text", space)), line=cell.sourceline)
            for cell in xml.children(row, name, namespace=space)
        )

    return Decision(
        id=element.get("id", ""),
        name=element.get("name") or element.get("id", ""),
        file=file,
        line=element.sourceline,
        hit_policy=("UNIQUE" if table is None else table.get("hitPolicy", "UNIQUE")).upper(),
        aggregation="" if table is None else table.get("aggregation", ""),
        inputs=tuple(expression(column) for column in inside("input")),
        outputs=tuple(column.get("name") or column.get("label", "") for column in inside("output")),
        rules=tuple(
            Rule(number=number, inputs=cells(row, "inputEntry"), outputs=cells(row, "outputEntry"), line=row.sourceline)
            for number, row in enumerate(inside("rule"), 1)
        ),
        tables=len(tables),
    )
