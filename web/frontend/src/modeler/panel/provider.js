import { is } from 'bpmn-js/lib/util/ModelUtil';

import { callGroup, conditionGroup, decisionGroup, laneGroup, scriptGroup, startGroup } from './other-elements.js';
import { serviceTaskGroup } from './service-task.js';
import { userTaskGroups } from './user-task.js';

/** Adds our groups to the properties panel, above those of BPMN that everyone needs less. */
export class GatewrightProvider {
  static $inject = [
    'propertiesPanel',
    'config.vocabulary',
    'gatewrightExtensions',
    'gatewrightOperator',
    'gatewrightProperties',
    'elementRegistry',
    'modeling',
    'moddle'
  ];

  constructor(propertiesPanel, vocabulary, extensions, operator, properties, elements, modeling, moddle) {
    this.tools = { vocabulary, extensions, operator, properties, elements, modeling, moddle };
    propertiesPanel.registerProvider(this);
  }

  /** @returns {(groups: any[]) => any[]} */
  getGroups(element) {
    return groups => {
      const [general, ...others] = groups;
      return [general, ...this.own(element), ...others].filter(Boolean);
    };
  }

  own(element) {
    if (is(element, 'bpmn:ServiceTask')) return [serviceTaskGroup(element, this.tools)];
    if (is(element, 'bpmn:UserTask')) return userTaskGroups(element, this.tools);
    if (is(element, 'bpmn:BusinessRuleTask')) return [decisionGroup(element, this.tools)];
    if (is(element, 'bpmn:CallActivity')) return [callGroup(element, this.tools)];
    if (is(element, 'bpmn:ScriptTask')) return [scriptGroup(element, this.tools)];
    if (is(element, 'bpmn:Lane')) return [laneGroup(element, this.tools)];
    if (is(element, 'bpmn:StartEvent') && is(element.parent, 'bpmn:Process')) return [startGroup(element, this.tools)];
    if (is(element, 'bpmn:SequenceFlow') && isConditional(element)) return [conditionGroup(element, this.tools)];
    return [];
  }
}

function isConditional(flow) {
  return is(flow.source, 'bpmn:ExclusiveGateway') || is(flow.source, 'bpmn:InclusiveGateway') || is(flow.source, 'bpmn:Activity');
}
