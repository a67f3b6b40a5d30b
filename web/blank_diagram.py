"""The diagram with which drawing begins: a lane, a start, an end."""

from __future__ import annotations

XML = """<?xml version="1.0" encoding="UTF-8"?>
<bpmn:definitions xmlns:bpmn="http://www.omg.org/spec/BPMN/20100524/MODEL"
 xmlns:bpmndi="http://www.omg.org/spec/BPMN/20100524/DI" xmlns:dc="http://www.omg.org/spec/DD/20100524/DC"
 xmlns:di="http://www.omg.org/spec/DD/20100524/DI"
 xmlns:spiffworkflow="http://spiffworkflow.org/bpmn/schema/1.0/core"
 id="Definitions_new" targetNamespace="urn:gatewright:processes">
  <bpmn:collaboration id="Collaboration_new">
    <bpmn:participant id="Pool_new" name="New life cycle" processRef="new_life_cycle"/>
  </bpmn:collaboration>
  <bpmn:process id="new_life_cycle" name="New life cycle" isExecutable="true">
    <bpmn:laneSet id="Lanes_new">
      <bpmn:lane id="Lane_data_scientist" name="data_scientist">
        <bpmn:flowNodeRef>Started</bpmn:flowNodeRef>
        <bpmn:flowNodeRef>Ended</bpmn:flowNodeRef>
      </bpmn:lane>
    </bpmn:laneSet>
    <bpmn:startEvent id="Started" name="Started"><bpmn:outgoing>Flow_1</bpmn:outgoing></bpmn:startEvent>
    <bpmn:endEvent id="Ended" name="Ended"><bpmn:incoming>Flow_1</bpmn:incoming></bpmn:endEvent>
    <bpmn:sequenceFlow id="Flow_1" sourceRef="Started" targetRef="Ended"/>
  </bpmn:process>
  <bpmndi:BPMNDiagram id="Diagram_new">
    <bpmndi:BPMNPlane id="Plane_new" bpmnElement="Collaboration_new">
      <bpmndi:BPMNShape id="Pool_new_shape" bpmnElement="Pool_new" isHorizontal="true">
        <dc:Bounds x="160" y="80" width="640" height="200"/></bpmndi:BPMNShape>
      <bpmndi:BPMNShape id="Lane_shape" bpmnElement="Lane_data_scientist" isHorizontal="true">
        <dc:Bounds x="190" y="80" width="610" height="200"/></bpmndi:BPMNShape>
      <bpmndi:BPMNShape id="Started_shape" bpmnElement="Started">
        <dc:Bounds x="242" y="162" width="36" height="36"/>
        <bpmndi:BPMNLabel><dc:Bounds x="240" y="205" width="40" height="14"/></bpmndi:BPMNLabel></bpmndi:BPMNShape>
      <bpmndi:BPMNShape id="Ended_shape" bpmnElement="Ended">
        <dc:Bounds x="692" y="162" width="36" height="36"/>
        <bpmndi:BPMNLabel><dc:Bounds x="692" y="205" width="36" height="14"/></bpmndi:BPMNLabel></bpmndi:BPMNShape>
      <bpmndi:BPMNEdge id="Flow_1_edge" bpmnElement="Flow_1">
        <di:waypoint x="278" y="180"/><di:waypoint x="692" y="180"/></bpmndi:BPMNEdge>
    </bpmndi:BPMNPlane>
  </bpmndi:BPMNDiagram>
</bpmn:definitions>
"""
