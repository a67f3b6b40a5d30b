"""A model behind somebody else's API: its artefact tells where it is asked, and how rows become a request.

    url: https://api.vendor.example/v1/score     # asked by POST; https, or http where the house allows the host
    output: score                                 # score (a probability) or value (a number)
    columns: [age, income]                        # the fields that are sent; no other leaves the house
    rename: {income: yearly_income}               # what they are called there
    request: {form: rows, at: instances, with: {model: pd-3}}   # rows, columns or split (columns and data)
    response: {at: predictions, number: score, decision: label} # a list; in it an object's member, or a list's place
    # response also takes `reasons` (a list of texts) and `with` (members that each answer must have: {model: pd-3})
    auth: {secret: vendor, header: Authorization, prefix: "Bearer "}   # the secret's name in the house's settings
    timeout_seconds: 10
    attempts: 3
    rows_per_request: 500
    largest_mb: 8

No code runs for it here: the request is made and the answer is read by the functions of this file.
"""

import json
import math
from typing import Any
from urllib.parse import urlsplit

TITLE = "remote API"
SUFFIXES = (".yaml", ".yml", ".json")
OWES = ("artefact", "input_schema", "output_schema", "tests", "documentation")
TRAINED = False
REMOTE = True

FORMS = ("rows", "columns", "split")
#: field -> (its type, least, most, what holds where it is left out)
BOUNDS: dict[str, tuple[type, float, float, Any]] = {
    "timeout_seconds": (float, 0.05, 120, 10.0),
    "attempts": (int, 1, 6, 3),
    "rows_per_request": (int, 1, 20_000, 500),
    "largest_mb": (int, 1, 64, 8),
}
FIELDS = ("url", "output", "columns", "rename", "request", "response", "auth", *BOUNDS)


def accept(content: bytes, name: str) -> bytes:
    """The description as JSON, complete; ValueError names the field that is wrong."""
    from engine.inventory.kinds.rules import read_yaml

    try:
        text = content.decode("utf-8")
        given = json.loads(text) if name.endswith(".json") else read_yaml(text)
    except (UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"it cannot be read: {error}") from error
    return (json.dumps(complete(given), indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()


def complete(given: Any) -> dict[str, Any]:
    """The description with everything that may be left out; ValueError names the field that is wrong."""
    if not isinstance(given, dict):
        raise ValueError("it is no mapping with `url`, `columns` and `response`")
    for field in given:
        if field not in FIELDS:
            raise ValueError(f"unknown field {field!r}; known are {', '.join(FIELDS)}")
    url = urlsplit(given["url"]) if isinstance(given.get("url"), str) else None
    if url is None or url.scheme not in ("http", "https") or not url.hostname or not given["url"].isascii():
        raise ValueError("`url` is no address that begins with https:// or http://")
    if url.username or url.password or url.fragment:
        raise ValueError("`url` holds a user, a password or a fragment; name a secret under `auth`")
    if any(character <= " " or character == "\x7f" for character in given["url"]):
        raise ValueError("`url` holds spaces or control characters")
    if given.get("output", "score") not in ("score", "value"):
        raise ValueError("`output` is neither score nor value")
    columns = given.get("columns")
    if not isinstance(columns, list) or not columns or not all(isinstance(each, str) and each for each in columns):
        raise ValueError("`columns` is no list of field names")
    rename = given.get("rename", {})
    if not isinstance(rename, dict) or not all(isinstance(to, str) and of in columns for of, to in rename.items()):
        raise ValueError("`rename` maps a name that is not among `columns`, or maps to something that is no text")
    request = {"form": "rows", "at": "", "with": {}, **mapping(given, "request", ("form", "at", "with"))}
    if request["form"] not in FORMS or not isinstance(request["at"], str) or not isinstance(request["with"], dict):
        raise ValueError(f"`request` has a form ({', '.join(FORMS)}), a place `at`, and constants under `with`")
    told = mapping(given, "response", ("at", "number", "decision", "reasons", "with"))
    response = {"at": "", "number": None, "decision": None, "reasons": None, "with": {}, **told}
    if not isinstance(response["with"], dict):
        raise ValueError("`response.with` maps no members to values")
    if not isinstance(response["reasons"], str | None):
        raise ValueError("`response.reasons` is no member's name")
    for field in ("number", "decision"):
        if not isinstance(response[field], str | int | None) or isinstance(response[field], bool):
            raise ValueError(f"`response.{field}` is neither a member's name nor a place in a list")
    auth = mapping(given, "auth", ("secret", "header", "prefix"))
    if auth:
        auth = {"header": "Authorization", "prefix": "Bearer ", **auth}
        if not isinstance(auth.get("secret"), str) or not auth["secret"]:
            raise ValueError("`auth.secret` names no secret of the house's settings")
        if not isinstance(auth["header"], str) or not auth["header"].replace("-", "").isalnum():
            raise ValueError("`auth.header` is no header's name")
        if not isinstance(auth["prefix"], str) or not auth["prefix"].isprintable():
            raise ValueError("`auth.prefix` is no text")
    bounds = {}
    for field, (kind, least, most, usual) in BOUNDS.items():
        amount = given.get(field, usual)
        right = isinstance(amount, int | float) and not isinstance(amount, bool) and least <= amount <= most
        if not right or (kind is int and amount != int(amount)):
            raise ValueError(f"`{field}` is {amount!r}, not from {least:g} to {most:g}")
        bounds[field] = kind(amount)
    return {
        "url": given["url"],
        "output": given.get("output", "score"),
        "columns": columns,
        "rename": rename,
        "request": request,
        "response": response,
        "auth": auth or None,
        **bounds,
    }


def mapping(given: dict[str, Any], field: str, known: tuple[str, ...]) -> dict[str, Any]:
    found = given.get(field) or {}
    if not isinstance(found, dict) or set(found) - set(known):
        raise ValueError(f"`{field}` holds something else than {', '.join(known)}")
    return dict(found)


def request_of(described: dict[str, Any], columns: dict[str, list[Any]]) -> Any:
    """The JSON that is sent for the rows; ValueError names a column that they lack."""
    names, rename, request = described["columns"], described["rename"], described["request"]
    for name in names:
        if name not in columns:
            raise ValueError(f"the rows lack the column {name}")
    theirs = {rename.get(name, name): list(columns[name]) for name in names}
    rows = list(zip(*theirs.values(), strict=True))
    content: Any = theirs
    if request["form"] == "rows":
        content = [dict(zip(theirs, row, strict=True)) for row in rows]
    elif request["form"] == "split":
        content = {"columns": list(theirs), "data": [list(row) for row in rows]}
    for member in reversed(request["at"].split(".") if request["at"] else []):
        content = {member: content}
    return {**request["with"], **content} if isinstance(content, dict) else content


def answers_of(described: dict[str, Any], answer: Any, n_rows: int) -> dict[str, Any]:
    """`values`, and `decisions` where they are told; ValueError tells what of an answer is not as described."""
    response = described["response"]
    found = answer
    for member in response["at"].split(".") if response["at"] else []:
        found = part(found, int(member) if member.isdecimal() and isinstance(found, list) else member, "the answer")
    if not isinstance(found, list) or len(found) != n_rows:
        told = f"{len(found)} answers" if isinstance(found, list) else "no list"
        raise ValueError(f"there is {told} at {response['at'] or 'the top'} for {n_rows} rows")
    values = []
    for row, each in enumerate(found):
        number = each if response["number"] is None else part(each, response["number"], f"row {row}")
        fits = isinstance(number, int | float) and not isinstance(number, bool) and math.isfinite(number)
        if not fits or (described["output"] == "score" and not 0 <= number <= 1):
            raise ValueError(f"row {row}: the {described['output']} is {str(number)[:60]!r}")
        values.append(float(number))
        for member, wanted in response["with"].items():
            if (stands := part(each, member, f"row {row}")) != wanted:
                raise ValueError(f"row {row}: {member} is {str(stands)[:60]!r}, not {wanted!r}")
    read: dict[str, Any] = {"values": values}
    if response["decision"] is not None:
        read["decisions"] = [part(each, response["decision"], f"row {row}") for row, each in enumerate(found)]
        if not all(isinstance(each, str) and 0 < len(each) <= 200 and "\0" not in each for each in read["decisions"]):
            raise ValueError("a decision is no text of 1 to 200 characters")
    if response["reasons"] is not None and any(isinstance(e, dict) and response["reasons"] in e for e in found):
        read["reasons"] = [part(each, response["reasons"], f"row {row}") for row, each in enumerate(found)]
        if not all(are_reasons(each) for each in read["reasons"]):
            raise ValueError("reasons are no list of at most 20 texts of 1 to 500 characters")
    return read


def are_reasons(given: Any) -> bool:
    return (
        isinstance(given, list)
        and len(given) <= 20
        and all(isinstance(each, str) and 0 < len(each) <= 500 and "\0" not in each for each in given)
    )


def part(whole: Any, name: str | int, where: str) -> Any:
    if isinstance(whole, dict) and name in whole:
        return whole[name]
    if isinstance(whole, list) and isinstance(name, int) and -len(whole) <= name < len(whole):
        return whole[name]
    raise ValueError(f"{where} has no {name!r}")


def start(options: dict[str, Any]) -> dict[str, Any]:
    """The description; a column that the input schema lacks is refused by name."""
    with open(options["artefact"], encoding="utf-8") as file:
        described = complete(json.load(file))
    known = options.get("columns")
    lacking = [name for name in described["columns"] if known is not None and name not in known]
    if lacking:
        raise ValueError(f"the API needs the column {lacking[0]}, which the input schema lacks")
    return described


def describe(described: dict[str, Any], request: Any) -> dict[str, Any]:
    """What the API gives and is sent."""
    output, columns = described["output"], described["columns"]
    return {"output": output, "columns": columns, "libraries": {}, "class": "remote API"}


def score(described: dict[str, Any], request: dict[str, list[Any]]) -> dict[str, Any]:
    """Nothing: a child has no network. The house asks instead (`engine.training.remotes`)."""
    raise ValueError("a remote model is asked by the house, not in a child")
