"""The people of the demo."""

from __future__ import annotations

from dataclasses import dataclass

from web.demo.client import Client


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """Somebody who is to be made."""

    id: str
    name: str
    roles: tuple[str, ...]
    part: str  #: what they do in the story


#: Ada may approve other people's models; so it is the four eyes that stop her, not a missing role.
CAST = (
    Role(id="ada", name="Ada Lindqvist", roles=("data_scientist", "risk_manager"), part="made the employment model"),
    Role(id="bea", name="Bea Okafor", roles=("data_scientist",), part="wrote the outreach rules, in another team"),
    Role(id="rosa", name="Rosa Marin", roles=("risk_manager",), part="approves what decides about people"),
    Role(id="boris", name="Boris Weiss", roles=("business_owner",), part="owns the business results"),
    Role(id="mika", name="Mika Tanaka", roles=("model_operator",), part="keeps models healthy; an approval waits"),
    Role(id="ilse", name="Ilse de Wit", roles=("it_operations",), part="runs the environments"),
    Role(id="arne", name="Arne Holm", roles=("ai_architect",), part="draws life cycles"),
    Role(id="dana", name="Dana Reyes", roles=("ai_architect", "developer"), part="reviews life cycles"),
    Role(id="otto", name="Otto Brandt", roles=("auditor",), part="reads everything, proves the log"),
)


def assemble(address: str, admin: str, one_time: str, password: str) -> dict[str, Client]:
    """Everybody, signed in with a password of their own: the admin by the one-time password that `up` gave."""
    found = {admin: Client.signed_in(address, admin, one_time, password)}
    for each in CAST:
        body = {"id": each.id, "name": each.name, "email": f"{each.id}@example.org", "roles": list(each.roles)}
        added = found[admin].post("/people", done={"person-exists"}, json=body)
        if added is None:
            added = found[admin].post(f"/people/{each.id}/password")
        found[each.id] = Client.signed_in(address, each.id, added["password"], password)
    return found
