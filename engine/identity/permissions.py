"""Who may do what: ten roles, and for each act the roles that may do it."""

from __future__ import annotations

from dataclasses import dataclass

from engine.errors import GatewrightError

ROLES: dict[str, str] = {
    "ai_architect": "draws, checks, reviews and publishes life cycles",
    "data_scientist": "registers models, starts deployments",
    "data_engineer": "connects data feeds, answers feed faults",
    "developer": "writes handlers and adapters, reads incidents",
    "it_operations": "runs environments, deployments, capacity",
    "model_operator": "keeps production models healthy",
    "risk_manager": "approves, approves under conditions, rejects",
    "business_owner": "sees value, accepts business results",
    "auditor": "reads everything, changes nothing",
    "admin": "keeps users, roles, settings",
}

_ALL = frozenset(ROLES)


def _roles(*names: str) -> frozenset[str]:
    return frozenset(names)


#: permission -> the roles that have it
PERMISSIONS: dict[str, frozenset[str]] = {
    "process.view": _ALL,
    "process.draft": _roles("ai_architect"),
    "process.review": _roles("ai_architect"),
    "process.publish": _roles("ai_architect"),
    "instance.view": _ALL,
    "instance.start": _roles(
        "ai_architect", "data_scientist", "model_operator", "it_operations", "business_owner", "risk_manager"
    ),
    "instance.operate": _roles("it_operations", "model_operator"),
    "task.view": _ALL,
    "task.work": _ALL,
    "task.assign": _roles("ai_architect", "it_operations", "model_operator", "risk_manager", "business_owner"),
    "model.view": _ALL,
    "model.register": _roles("data_scientist", "developer"),
    "model.edit": _roles("data_scientist", "model_operator", "business_owner"),
    "risk.edit": _roles("risk_manager", "data_scientist", "business_owner"),
    "deployment.view": _ALL,
    "deployment.request": _roles("data_scientist", "model_operator", "it_operations"),
    "environment.edit": _roles("it_operations", "admin"),
    "schedule.view": _ALL,
    "schedule.edit": _roles("model_operator", "it_operations", "ai_architect"),
    "feed.view": _ALL,
    "feed.edit": _roles("data_engineer"),
    "monitor.view": _ALL,
    "monitor.edit": _roles("model_operator", "data_scientist", "it_operations"),
    "threshold.propose": _roles("data_scientist", "model_operator", "risk_manager", "business_owner"),
    "threshold.approve": _roles("risk_manager"),
    "audit.view": _roles("auditor", "admin", "risk_manager", "ai_architect"),
    "audit.export": _roles("auditor", "admin"),
    "audit.verify": _roles("auditor", "admin", "risk_manager"),
    "user.view": _roles("admin", "auditor"),
    "user.edit": _roles("admin"),
    "settings.view": _roles("admin", "auditor", "it_operations"),
    "settings.edit": _roles("admin"),
    "token.own": _ALL,
    "inference.view": _ALL - {"developer", "admin"},
    "score.call": _roles("data_scientist", "model_operator", "it_operations", "developer", "business_owner"),
    "alert.view": _ALL,
    "alert.handle": _roles("model_operator", "it_operations", "data_engineer"),
    "label.write": _roles("data_engineer", "data_scientist", "model_operator"),
}


class NotPermitted(GatewrightError):
    """{person} may not do this: {permission} is for {roles}."""

    code = "not-permitted"
    hint = "Ask someone with one of these roles, or an admin for the role."
    status = 403


class PermissionUnknown(GatewrightError):
    """There is no permission {permission!r}."""

    code = "permission-unknown"
    hint = "Use one of these: {known}."
    status = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Someone, or something, that acts."""

    id: str  #: the login name
    name: str
    email: str = ""
    roles: frozenset[str] = frozenset()
    disabled: bool = False
    must_change_password: bool = False

    @classmethod
    def system(cls, id: str) -> Person:
        """The actor of what no person did: `clock`, `worker` or `system`. It has no role and so no permission."""
        return cls(id=id, name=id)


def may(person: Person, permission: str) -> bool:
    """Whether one of the person's roles has the permission."""
    return not person.disabled and bool(person.roles & _holders(permission))


def require(person: Person, permission: str) -> None:
    """Raises NotPermitted where none of the person's roles has the permission."""
    if not may(person, permission):
        raise NotPermitted(person=person.id, permission=permission, roles=", ".join(sorted(_holders(permission))))


def _holders(permission: str) -> frozenset[str]:
    try:
        return PERMISSIONS[permission]
    except KeyError as unknown:
        raise PermissionUnknown(permission=permission, known=", ".join(PERMISSIONS)) from unknown
