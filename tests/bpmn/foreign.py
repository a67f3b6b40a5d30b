"""What other modellers write into a diagram, which is theirs and has to survive whatever is done with it here."""

from __future__ import annotations

from lxml import etree

SPACES = {
    "camunda": "http://camunda.org/schema/1.0/bpmn",
    "zeebe": "http://camunda.org/schema/zeebe/1.0",
    "flowable": "http://flowable.org/bpmn",
    "activiti": "http://activiti.org/bpmn",
    "signavio": "http://www.signavio.com",
    "modeler": "http://camunda.org/schema/modeler/1.0",
    "drools": "http://www.jboss.org/drools",
}
DECLARED = " ".join(f'xmlns:{prefix}="{space}"' for prefix, space in SPACES.items())
DEFINITIONS = f'{DECLARED} modeler:executionPlatform="Camunda Cloud" modeler:executionPlatformVersion="8.6.0"'
ATTRIBUTES = (
    'camunda:asyncBefore="true" camunda:assignee="ada" flowable:candidateGroups="risk" activiti:dueDate="P3D" '
    'zeebe:modelerTemplate="io.example.approve" zeebe:modelerTemplateVersion="2" drools:taskName="Approve"'
)
ELEMENTS = (
    '<camunda:properties><camunda:property name="cost" value="12"/></camunda:properties>'
    '<zeebe:properties><zeebe:property name="team" value="risk"/></zeebe:properties>'
    '<zeebe:assignmentDefinition assignee="ada" candidateGroups="risk"/>'
    "<flowable:formData/><activiti:initiator-can-complete>false</activiti:initiator-can-complete>"
    '<signavio:signavioMetaData metaKey="bgcolor" metaValue="#ffffcc"/>'
    '<drools:metaData name="elementname"><drools:metaValue>Approve &amp; sign</drools:metaValue></drools:metaData>'
)


def told(content: bytes) -> list[tuple[str, ...]]:
    """Every foreign element and attribute of a diagram: where it stands, its name, its text or value."""
    found = []
    for element in etree.fromstring(content).iter():
        if not isinstance(element.tag, str):
            continue
        name, where = etree.QName(element), _owner(element)
        if name.namespace in SPACES.values():
            found.append((where, element.tag, (element.text or "").strip(), *map(str, sorted(element.attrib.items()))))
        for key, value in element.attrib.items():
            if str(key).startswith("{") and etree.QName(str(key)).namespace in SPACES.values():
                found.append((where, str(key), str(value)))
    return sorted(found)


def _owner(element: etree._Element) -> str:
    while element.get("id") is None and element.getparent() is not None:
        element = element.getparent()
    return element.get("id") or ""
