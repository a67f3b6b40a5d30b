"""Process P in stock SpiffWorkflow, in memory: nothing is stored, nobody is asked whether they may."""

from __future__ import annotations

import io
import json

from lxml import etree
from SpiffWorkflow.bpmn import BpmnWorkflow
from SpiffWorkflow.bpmn.script_engine import PythonScriptEngine, TaskDataEnvironment
from SpiffWorkflow.spiff.parser import SpiffBpmnParser
from SpiffWorkflow.task import TaskState

from tests.benchmarks.engines.peers import serve

DIAGRAM = b"""<?xml version="1.0" encoding="UTF-8"?>
<bpmn:definitions xmlns:bpmn="http://www.omg.org/spec/BPMN/20100524/MODEL" targetNamespace="http://example.org"
    xmlns:spiffworkflow="http://spiffworkflow.org/bpmn/schema/1.0/core">
  <bpmn:process id="p" isExecutable="true">
    <bpmn:startEvent id="Begun"><bpmn:outgoing>a</bpmn:outgoing></bpmn:startEvent>
    <bpmn:sequenceFlow id="a" sourceRef="Begun" targetRef="First" />
    <bpmn:serviceTask id="First"><bpmn:extensionElements>
      <spiffworkflow:serviceTaskOperator id="note" resultVariable="first">
        <spiffworkflow:parameters><spiffworkflow:parameter id="word" type="str" value="'one'" />
        </spiffworkflow:parameters></spiffworkflow:serviceTaskOperator></bpmn:extensionElements>
      <bpmn:incoming>a</bpmn:incoming><bpmn:outgoing>b</bpmn:outgoing></bpmn:serviceTask>
    <bpmn:sequenceFlow id="b" sourceRef="First" targetRef="Decide" />
    <bpmn:userTask id="Decide"><bpmn:incoming>b</bpmn:incoming><bpmn:outgoing>c</bpmn:outgoing></bpmn:userTask>
    <bpmn:sequenceFlow id="c" sourceRef="Decide" targetRef="Approved" />
    <bpmn:exclusiveGateway id="Approved" default="no"><bpmn:incoming>c</bpmn:incoming><bpmn:outgoing>d</bpmn:outgoing>
      <bpmn:outgoing>no</bpmn:outgoing></bpmn:exclusiveGateway>
    <bpmn:sequenceFlow id="d" sourceRef="Approved" targetRef="Second">
      <bpmn:conditionExpression>decided['decision'] == 'approve'</bpmn:conditionExpression></bpmn:sequenceFlow>
    <bpmn:sequenceFlow id="no" sourceRef="Approved" targetRef="Refused" />
    <bpmn:serviceTask id="Second"><bpmn:extensionElements>
      <spiffworkflow:serviceTaskOperator id="note" resultVariable="second">
        <spiffworkflow:parameters><spiffworkflow:parameter id="word" type="str" value="first['said']" />
        </spiffworkflow:parameters></spiffworkflow:serviceTaskOperator></bpmn:extensionElements>
      <bpmn:incoming>d</bpmn:incoming><bpmn:outgoing>e</bpmn:outgoing></bpmn:serviceTask>
    <bpmn:sequenceFlow id="e" sourceRef="Second" targetRef="Done" />
    <bpmn:endEvent id="Done"><bpmn:incoming>e</bpmn:incoming></bpmn:endEvent>
    <bpmn:endEvent id="Refused"><bpmn:incoming>no</bpmn:incoming></bpmn:endEvent>
  </bpmn:process>
</bpmn:definitions>
"""


class Services(TaskDataEnvironment):
    """Answers the service tasks."""

    def call_service(self, context, **called):
        return json.dumps({"said": called["operation_params"]["word"]["value"]})


def main() -> None:
    """Answer the benchmark."""
    parser = SpiffBpmnParser()
    parser.add_bpmn_xml(etree.parse(io.BytesIO(DIAGRAM)))
    spec = parser.get_spec("p")
    engine = PythonScriptEngine(Services())

    def one() -> None:
        workflow = BpmnWorkflow(spec, script_engine=engine)
        workflow.do_engine_steps()
        (task,) = workflow.get_tasks(state=TaskState.READY, manual=True)
        task.data["decided"] = {"decision": "approve"}
        task.run()
        workflow.do_engine_steps()
        assert workflow.completed

    serve(one)


if __name__ == "__main__":
    main()
