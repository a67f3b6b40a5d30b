"""What is executed, what is documentation, what is refused: the list that the builder, the rules and the docs share."""

from __future__ import annotations

from typing import Final

#: by kind of event, the definitions executed there; the empty text is an event without a definition
EVENT_DEFINITIONS: Final[dict[str, tuple[str, ...]]] = {
    "startEvent": ("", "message", "signal", "timer"),
    "endEvent": ("", "message", "signal", "error", "escalation", "terminate", "compensate", "cancel"),
    "intermediateCatchEvent": ("message", "signal", "timer", "conditional", "link"),
    "intermediateThrowEvent": ("", "message", "signal", "escalation", "link", "compensate"),
    "boundaryEvent": ("message", "signal", "timer", "conditional", "error", "escalation", "compensate", "cancel"),
    "receiveTask": ("message",),
    "sendTask": ("message",),
}

#: the definitions of the start event of an event subprocess
HANDLER_STARTS: Final[tuple[str, ...]] = ("message", "signal", "timer", "conditional", "error", "escalation")

#: by kind of element, what happens to a token there
EXECUTED: Final[dict[str, str]] = {
    "startEvent": "Places the token. One for a message, a signal or a timer starts an instance when that comes; "
    "somebody may start it there too, where it is the only one.",
    "endEvent": "Ends the token; an error goes to the nearest boundary event that catches its code, a terminate event "
    "ends its scope, a message leaves the instance. A compensation event undoes what had completed, then ends; a "
    "cancel event undoes its transaction, which is left by the cancel event on its boundary.",
    "intermediateCatchEvent": "Waits for a message, a signal, a timer or a condition. A link goes on at once.",
    "intermediateThrowEvent": "Throws a message, a signal or an escalation and goes on; a link goes on at the event "
    "that catches its name in the same scope. A compensation event undoes what had completed in its scope, or the "
    "activity that it names, and goes on when that is done; at once where it says waitForCompletion=false.",
    "boundaryEvent": "Armed while its activity is active; a non-interrupting one can occur again and again, a timer by "
    "duration or date once. A compensation event names the activity that undoes its own, by an association.",
    "userTask": "Waits for a person of the lane's role; the answer goes to the variable `result`, else to one named "
    "after the id.",
    "serviceTask": "Calls its handler; the value goes to `resultVariable`.",
    "scriptTask": "Assigns variables, line by line.",
    "businessRuleTask": "Asks a decision table; each output goes to the variable of its name.",
    "sendTask": "Throws its message and goes on.",
    "receiveTask": "Waits for its message.",
    "task": "Passed at once, with a warning at publish.",
    "manualTask": "Passed at once, with a warning at publish.",
    "callActivity": "Runs another process: all variables go in, all come out.",
    "subProcess": "Runs an embedded subprocess in a scope of its own.",
    "event subprocess": "A `subProcess` with `triggeredByEvent`: armed while its scope has a token; it runs with what "
    "the branches of the scope carry together, beside them or, interrupting, instead of them.",
    "transaction": "A subprocess that a cancel end event in it undoes. An error leaves it without undoing anything.",
    "exclusiveGateway": "Takes the first flow in the order of the file whose condition is true, else the default.",
    "inclusiveGateway": "Takes every flow whose condition is true, else the default; joins what can still arrive.",
    "parallelGateway": "Takes every flow; joins one token from each incoming flow, merging three ways.",
    "eventBasedGateway": "Waits for the first of the events behind it.",
    "multiInstanceLoopCharacteristics": "Repeats an activity in sequence or in parallel, up to its cap, until its "
    "completion condition is true; each copy's output item goes into the output list.",
    "standardLoopCharacteristics": "Repeats an activity while its condition holds, up to `loopMaximum`; without one, a "
    "thousand passes are a failure.",
    "several definitions on an event": "One that catches occurs with any of them, or, parallel multiple, once "
    "all have; one that throws throws all, what ends its scope last.",
    "several flows out of an activity or event": "A token goes along each: a fork without a gateway.",
    "conditional flows out of an activity": "Every flow whose condition is true is taken, and every one without a "
    "condition; the default where no other is.",
    "one flow without condition out of a gateway that chooses": "Is its default.",
    "no start event": "The scope begins with every element that no flow leads to.",
    "no flow out of an element": "The token ends there, as at an end event.",
    "nothing in a subprocess": "Passed at once, with a warning at publish.",
}

#: may be drawn, is kept, changes nothing
DOCUMENTATION: Final[dict[str, str]] = {
    "textAnnotation, association, group, documentation": "For the reader.",
    "dataObject, dataObjectReference, dataStoreReference, data associations, ioSpecification": "For the reader: "
    "variables pass by their names.",
    "collaboration, participant, messageFlow, conversation": "For the reader: a message is known by its "
    "name and the business key. A pool without a process, or with one in which nothing is drawn, says who is outside.",
    "correlationSubscription, correlation keys and properties": "For the reader, with a warning at publish.",
    "gateways and plain end events that nothing reaches, and loops": "For the reader, with a warning at publish.",
    "laneSet": "The lane of a user task names its role; other lanes are for the reader.",
    "dataStore, itemDefinition, resource, category, interface, import": "For the reader.",
    "diagram interchange": "Drawn by the pages.",
    "processes with isExecutable=false": "For the reader; so is, beside one that says isExecutable=true, one that says "
    "neither. A file of several executable processes is drafted as a definition for each, in which the others are for "
    "the reader; where one is to be checked, it is named.",
}

#: refused at publish, with the rule that says so
REFUSED: Final[dict[str, str]] = {
    "complexGateway": "complex-gateways",
    "choreography, globalChoreographyTask, globalConversation; conversations without a process": "choreographies",
    "adHocSubProcess": "special-subprocesses",
    "event subprocesses with flows, boundary events, a loop, or another start than one event": "event-subprocesses",
    "compensation whose handler lies on a path or elsewhere, or is an event subprocess": "compensation",
    "cancel events without their transaction": "transactions",
    "link events without their counterpart in the same scope": "link-events",
    "events of several definitions with a link, two of one name, two ways to end a scope, or a compensation that is "
    "not waited for; several together that start an instance, stand behind an event-based gateway, or do not interrupt "
    "and hold a timer or a condition": "event-definitions",
    "conditional start events of a process, which has no variables yet": "event-definitions",
    "dangling references": "references",
    "conditions on flows out of events, parallel and event-based gateways": "conditional-flows",
    "several flows without condition out of an exclusive or inclusive gateway": "choices",
    "a scope in which nothing begins or nothing ends; several plain start events": "start-events, end-events",
    "activities and events that nothing reaches, beside a start event": "dead-ends",
    "multi-instance without a cap, or with events as its copies end": "multi-instance",
    "standardLoopCharacteristics with neither condition nor maximum": "multi-instance",
    "service tasks without a known handler, or with other parameters than it has": "service-tasks",
    "business rule tasks without a decision, decision tables that cannot be read": "decisions",
    "scripts other than name = expression, scripts before and after a task": "scripts",
    "expressions outside the safe subset, or in another engine's notation": "expressions",
    "timers that are no ISO 8601 and no cron, or shorter than a second, or endless and shorter than a minute": "timers",
    "bindings for other engines": "foreign-bindings",
    "document types, entities, files too large or too deep": "readable",
}
