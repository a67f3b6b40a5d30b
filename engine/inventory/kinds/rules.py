"""A decision table in YAML or JSON: ordered rules over columns, the first that holds gives score, decision, reason.

    title: Outreach
    rules:
      - id: young-and-looking
        when: {AGEP: {from: 16, to: 24}, SCHL: {below: 16}, DIS: 1, MIL: [1, 2]}
        score: 0.9
        decision: invite
        reason: Between 16 and 24 without a school degree
    otherwise: {score: 0.1, decision: wait, reason: No rule holds}

A condition is a value (equal), a list (one of), or any of `from` (at least), `to` (at most), `above`, `below`, `not`
(a value or a list) and `missing` (true or false) that hold together. There are no expressions: a table cannot run code.
"""

import json
import math
from typing import Any

TITLE = "rules"
SUFFIXES = (".yaml", ".yml", ".json")
OWES = ("artefact", "source", "input_schema", "output_schema", "tests", "documentation")
TRAINED = False

BOUNDS = ("from", "to", "above", "below")
TESTS = (*BOUNDS, "not", "missing")
LARGEST = 1 << 20  # bytes of a table
DEEPEST = 20


def accept(content: bytes, name: str) -> bytes:
    """The table as JSON; ValueError names the rule and the field that is wrong."""
    if len(content) > LARGEST:
        raise ValueError(f"a table of more than {LARGEST} bytes")
    try:
        text = content.decode("utf-8")
        table = json.loads(text) if name.endswith(".json") else read_yaml(text)
    except UnicodeDecodeError as error:
        raise ValueError(f"byte {error.start} is not UTF-8") from error
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    faults = check(table)
    if faults:
        raise ValueError("; ".join(faults))
    return (json.dumps(table, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()


def read_yaml(text: str) -> Any:
    """Plain YAML: no tags that make objects, no aliases (a few lines can stand for gigabytes), at most 20 levels."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    depth = 0
    try:
        for event in yaml.parse(text, Loader=loader):
            if isinstance(event, yaml.AliasEvent):
                raise ValueError("aliases (*name) are not taken")
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            if depth > DEEPEST:
                raise ValueError(f"it is nested more than {DEEPEST} levels deep")
        return yaml.load(text, Loader=loader)  # noqa: S506 - the safe loader, in C where it was built
    except yaml.YAMLError as error:
        raise ValueError(f"not YAML: {' '.join(str(error).split())}") from error


def check(table: Any) -> list[str]:
    """What is wrong with a table, each fault naming its rule and field; empty where it can be run."""
    if not isinstance(table, dict):
        return ["the table is not a mapping with `rules` and `otherwise`"]
    faults = [f"unknown field {key!r}" for key in table if key not in ("title", "description", "rules", "otherwise")]
    rules = table.get("rules")
    if not isinstance(rules, list) or not rules:
        faults.append("`rules` is not a list of at least one rule")
        rules = []
    seen: set[str] = set()
    for number, rule in enumerate(rules, 1):
        where = f"rule {number}"
        if not isinstance(rule, dict):
            faults.append(f"{where} is not a mapping")
            continue
        where = f"rule {number} ({rule['id']})" if "id" in rule else where
        name = str(rule.get("id", number))
        if name in seen:
            faults.append(f"{where}: the id is used twice")
        seen.add(name)
        faults += [f"{where}: unknown field {key!r}" for key in rule if key not in ("id", "when", *OUTCOME)]
        faults += check_outcome(where, rule)
        when = rule.get("when")
        if not isinstance(when, dict) or not when:
            faults.append(f"{where}: `when` is not a mapping of columns to conditions")
            continue
        for column, condition in when.items():
            faults += [f"{where}, column {column}: {fault}" for fault in check_condition(column, condition)]
    if isinstance(table.get("otherwise"), dict):
        faults += check_outcome("otherwise", table["otherwise"])
        faults += [f"otherwise: unknown field {key!r}" for key in table["otherwise"] if key not in OUTCOME]
    else:
        faults.append("`otherwise` is missing: it says what happens where no rule holds")
    return faults


OUTCOME = ("score", "decision", "reason")


def check_outcome(where: str, outcome: dict[str, Any]) -> list[str]:
    faults = []
    score: Any = outcome.get("score")
    if not is_number(score) or not 0 <= score <= 1:
        faults.append(f"{where}: `score` is {score!r}, not a number from 0 to 1")
    for field in ("decision", "reason"):
        if not isinstance(outcome.get(field), str) or not outcome[field]:
            faults.append(f"{where}: `{field}` is {outcome.get(field)!r}, not a text")
    return faults


def check_condition(column: Any, condition: Any) -> list[str]:
    if not isinstance(column, str):
        return ["the column's name is not a text"]
    if is_plain(condition):
        return []
    if isinstance(condition, list):
        return [] if condition and all(map(is_plain, condition)) else ["the list holds something that is not a value"]
    if not isinstance(condition, dict) or not condition:
        return [f"{condition!r} is no condition"]
    faults = [f"unknown test {test!r}; known are {', '.join(TESTS)}" for test in condition if test not in TESTS]
    faults += [f"`{test}` is not a number" for test in BOUNDS if test in condition and not is_number(condition[test])]
    if "missing" in condition and not isinstance(condition["missing"], bool):
        faults.append("`missing` is neither true nor false")
    refused = condition.get("not", 0)
    if not all(map(is_plain, refused if isinstance(refused, list) else [refused])):
        faults.append("`not` holds something that is not a value")
    return faults


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def is_plain(value: Any) -> bool:
    return isinstance(value, str | bool) or is_number(value)


def holds(condition: Any, value: Any) -> bool:
    """Whether a value meets a condition; one that is missing meets none but `missing: true`."""
    if isinstance(condition, dict):
        if value is None:
            return condition.get("missing", False) is True
        refused = condition.get("not", [])
        return (
            condition.get("missing", False) is False
            and ("from" not in condition or value >= condition["from"])
            and ("to" not in condition or value <= condition["to"])
            and ("above" not in condition or value > condition["above"])
            and ("below" not in condition or value < condition["below"])
            and value not in (refused if isinstance(refused, list) else [refused])
        )
    if value is None:
        return False
    return value in condition if isinstance(condition, list) else bool(value == condition)


def start(options: dict[str, Any]) -> dict[str, Any]:
    """Load the table; a column that the input schema lacks is refused by name."""
    with open(options["artefact"], encoding="utf-8") as file:
        table: dict[str, Any] = json.load(file)
    faults = check(table)
    if faults:
        raise ValueError("; ".join(faults))
    known = options.get("columns")
    lacking = [name for name in columns_of(table) if known is not None and name not in known]
    if lacking:
        raise ValueError(f"the table needs the column {lacking[0]}, which the input schema lacks")
    return table


def columns_of(table: dict[str, Any]) -> list[str]:
    """The columns that the rules look at, in the order of their first use."""
    return list(dict.fromkeys(column for rule in table["rules"] for column in rule["when"]))


def describe(table: dict[str, Any], request: Any) -> dict[str, Any]:
    """What the table gives and needs."""
    decisions = [outcome["decision"] for outcome in (*table["rules"], table["otherwise"])]
    return {
        "output": "score",
        "columns": columns_of(table),
        "libraries": {},
        "class": "decision table",
        "decisions": list(dict.fromkeys(decisions)),
    }


def score(table: dict[str, Any], request: dict[str, list[Any]]) -> dict[str, Any]:
    """Score, decision and reason of each row, by the first rule that holds."""
    missing = [name for name in columns_of(table) if name not in request]
    if missing:
        raise ValueError(f"the rows lack the column {missing[0]}")
    n_rows = len(next(iter(request.values())))
    answer: dict[str, list[Any]] = {"values": [], "decisions": [], "reasons": []}
    for row in range(n_rows):
        outcome = first_that_holds(table, {name: values[row] for name, values in request.items()}, row)
        answer["values"].append(float(outcome["score"]))
        answer["decisions"].append(outcome["decision"])
        rule = [f"rule {outcome['id']}"] if "id" in outcome else []
        answer["reasons"].append([outcome["reason"], *rule])
    return answer


def first_that_holds(table: dict[str, Any], row: dict[str, Any], number: int) -> dict[str, Any]:
    for rule in table["rules"]:
        for column, condition in rule["when"].items():
            try:
                if not holds(condition, row[column]):
                    break
            except TypeError:
                raise ValueError(f"row {number}, column {column}: {row[column]!r} cannot be compared") from None
        else:
            return rule  # type: ignore[no-any-return]
    return table["otherwise"]  # type: ignore[no-any-return]
