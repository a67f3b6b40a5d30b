"""Policies as data: one YAML file each, read strictly."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from engine.bpmn.proofs.policies import AFTER_LAST, ALWAYS_BEFORE, NEVER_WITHOUT, SHUT_OUT, STARTER, Policy, Step
from engine.errors import GatewrightError

MAX_BYTES = 100_000


class PolicyUnreadable(GatewrightError):
    """The policy file {file} cannot be read: {reason}."""

    code = "policy-unreadable"
    hint = "Correct the file; docs/policies.md tells what one holds."
    status = 500


Names = Annotated[list[str], Field(min_length=1, max_length=50)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class StepPart(_Part):
    """A kind of step: exactly one of the first eight names it."""

    service_task: str = Field(default="", description="a service task bound to this handler")
    approval: str = Field(default="", description="a user task of the kind approval for this purpose")
    user_task: str = Field(default="", description="a user task of this kind; `any` for all kinds")
    decision: str = Field(default="", description="a business rule task that asks this decision table")
    message: str = Field(default="", description="an event or task that takes this message")
    element: str = Field(default="", description="one element by its id, or process/id")
    rest: bool = Field(
        default=False,
        description="`true`: where it waits for a person, a time or a message, or ends; a target of never-without only",
    )
    end: bool = Field(default=False, description="`true`: the end of the process; as a target of never-without only")
    roles: Names | None = Field(default=None, description="approval, user_task: of the lane of one of these roles")
    shut_out: Names | None = Field(default=None, description="approval, user_task: shuts out at least these")
    evidence: Names | None = Field(default=None, description="approval, user_task: shows at least this evidence")
    answer: Literal["", "approve", "reject"] = Field(
        default="", description="approval: answered so; what is required is answered approve unless told otherwise"
    )
    only: dict[str, str] = Field(default={}, description="service_task: with these values of its parameters")
    excepted: dict[str, str] = Field(default={}, description="service_task: not with one of these values")

    @model_validator(mode="after")
    def named_once(self) -> StepPart:
        """Refuses a step that is named in no way, or in two, or with what it cannot have."""
        kinds = [kind for kind in KINDS if getattr(self, kind)]
        if len(kinds) != 1:
            raise ValueError(f"a step names exactly one of {', '.join(KINDS)}")
        kind = kinds[0]
        people = {"roles", "shut_out", "evidence"} & self.model_fields_set
        if people and kind not in {"approval", "user_task"}:
            raise ValueError(f"{', '.join(sorted(people))} belongs to an approval or a user task")
        if (self.only or self.excepted) and kind != "service_task":
            raise ValueError("only and excepted belong to a service task")
        if self.answer and kind != "approval":
            raise ValueError("answer belongs to an approval")
        return self

    def value(self) -> Step:
        """The step."""
        kind = next(kind for kind in KINDS if getattr(self, kind))
        name = getattr(self, kind)
        return Step(
            kind=kind,
            name="" if name is True else name,
            roles=frozenset(self.roles or ()),
            shut_out=frozenset(self.shut_out or ()),
            evidence=frozenset(self.evidence or ()),
            answer=self.answer,
            only=tuple(sorted(self.only.items())),
            excepted=tuple(sorted(self.excepted.items())),
        )


KINDS = ("service_task", "approval", "user_task", "decision", "message", "element", "rest", "end")
Steps = Annotated[list[StepPart], Field(min_length=1, max_length=20)]


class PolicyFile(_Part):
    """What a policy file holds."""

    policy: str = Field(
        pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=80, description="its name: small letters, digits, hyphens"
    )
    version: int = Field(ge=1, description="counts up with every change of what it demands")
    title: str = Field(min_length=1, max_length=200, description="the rule as a sentence")
    source: str = Field(min_length=1, max_length=1_000, description="the regulation or house rule that it comes from")
    tiers: Names | Literal["all"] = Field(description="the risk tiers that it holds for, or `all`")
    form: Literal["always-before", "after-last", "never-without", "shut-out"] = Field(
        description="one of the four below"
    )
    target: StepPart = Field(description="the step that must not be reached otherwise")
    required: Steps | None = Field(default=None, description="steps of which one has to have happened")
    since: Steps | None = Field(default=None, description="steps after which `required` is asked for anew, or at all")
    people: list[Literal["starter"] | StepPart] | None = Field(
        default=None, description="shut-out: whose doers the target has to shut out; `starter` is whoever began"
    )
    hint: str = Field(min_length=1, max_length=1_000, description="what an architect draws to keep it")

    @model_validator(mode="after")
    def whole(self) -> PolicyFile:
        """Refuses what the form does not have, and asks for what it needs."""
        needed = {
            ALWAYS_BEFORE: {"required"},
            AFTER_LAST: {"required", "since"},
            NEVER_WITHOUT: {"required", "since"},
            SHUT_OUT: {"people"},
        }[self.form]
        given = {name for name in ("required", "since", "people") if getattr(self, name)}
        if missing := needed - given:
            raise ValueError(f"a policy of the form {self.form} needs {', '.join(sorted(missing))}")
        if surplus := given - needed:
            raise ValueError(f"a policy of the form {self.form} has no {', '.join(sorted(surplus))}")
        if (self.target.end or self.target.rest) and self.form != NEVER_WITHOUT:
            raise ValueError("a rest and the end are targets of never-without alone")
        if self.form == SHUT_OUT and not (self.target.approval or self.target.user_task):
            raise ValueError("the target of shut-out is an approval or a user task")
        return self


def read(files: Mapping[str, bytes], tiers: Iterable[str] = ()) -> tuple[Policy, ...]:
    """The policies of files by name, in the order of their names; raises PolicyUnreadable.

    tiers: the risk tiers that there are; none given means that any may be named.
    """
    known = frozenset(tiers)
    found: dict[str, Policy] = {}
    for file in sorted(files):
        policy = _policy(file, files[file], known)
        if policy.name in found:
            raise PolicyUnreadable(file=file, reason=f"a second file has the policy {policy.name}")
        found[policy.name] = policy
    return tuple(found[name] for name in sorted(found))


def _policy(file: str, content: bytes, tiers: frozenset[str]) -> Policy:
    part = _part(file, content)
    named = None if part.tiers == "all" else frozenset(part.tiers)
    if tiers and named is not None and named - tiers:
        known = ", ".join(sorted(tiers))
        raise PolicyUnreadable(file=file, reason=f"tiers: there is no tier {min(named - tiers)}; known are {known}")
    people = part.people or []
    return Policy(
        name=part.policy,
        version=part.version,
        title=part.title,
        source=part.source,
        tiers=named,
        form=part.form,
        target=part.target.value(),
        required=tuple(step.value() for step in part.required or ()),
        since=tuple(step.value() for step in part.since or ()),
        people=tuple(step.value() for step in people if isinstance(step, StepPart)),
        starter=STARTER in people,
        hint=part.hint,
        digest=hashlib.sha256(content).hexdigest(),
    )


def _part(file: str, content: bytes) -> PolicyFile:
    if len(content) > MAX_BYTES:
        raise PolicyUnreadable(file=file, reason=f"it has more than {MAX_BYTES:,} bytes")
    try:
        text = content.decode()
        # Anchors multiply: a file of a few hundred bytes may unfold into gigabytes.
        anchored = any(isinstance(token, yaml.AnchorToken | yaml.AliasToken) for token in yaml.scan(text))
        data: Any = None if anchored else yaml.safe_load(text)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError) as error:
        where = getattr(error, "problem_mark", None)
        line = f" in line {where.line + 1}" if where is not None else ""
        reason = f"it is no YAML{line} ({getattr(error, 'problem', None) or error})"
        raise PolicyUnreadable(file=file, reason=reason) from None
    if anchored:
        raise PolicyUnreadable(file=file, reason="it has anchors or aliases; write each step out")
    if not isinstance(data, dict):
        raise PolicyUnreadable(file=file, reason="it is no object of named values")
    try:
        return PolicyFile.model_validate(data)
    except ValidationError as error:
        told = [
            ": ".join(
                part for part in (".".join(map(str, each["loc"])), each["msg"].removeprefix("Value error, ")) if part
            )
            for each in error.errors()
        ]
        raise PolicyUnreadable(file=file, reason="; ".join(told[:5])) from None
