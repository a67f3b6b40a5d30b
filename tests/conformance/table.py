"""The table that the command prints."""

from __future__ import annotations

from collections import Counter
from typing import Any

from tests.conformance.judging import OUTCOMES


def rendered(judged: list[dict[str, Any]]) -> str:
    """Files by outcome, refusals by rule with an example of each, what had to be bound, and every bad file by name."""
    total = len(judged)
    by = Counter(one["outcome"] for one in judged)
    lines = [f"{total} files, {sum(len(one['processes']) for one in judged)} processes", ""]
    for outcome, meaning in OUTCOMES.items():
        share = f"{by[outcome] / total:6.1%}" if total else "      "
        lines.append(f"{outcome:<12}{by[outcome]:>7} {share}  {meaning}")
    refused = [one for one in judged if one["outcome"] == "refused"]
    lines += _section("refused by reason", Counter(one["rule"] for one in refused), refused, "rule")
    for outcome in ("incident", "deadlock"):
        told = [one for one in judged if one["outcome"] == outcome]
        lines += _section(outcome, Counter(one["rule"] for one in told), told, "rule")
    bound: Counter[str] = Counter()
    for one in judged:
        bound.update(one["bound"])
    lines += _section("bound, where files name what only their own engine has", bound, [], "")
    for outcome in ("traceback", "stuck", "wrong"):
        found = [one for one in judged if one["outcome"] == outcome]
        if found:
            lines += ["", outcome]
            lines += [f"  {one['file']}: {one['reason'].strip().splitlines()[-1][:200]}" for one in found]
    return "\n".join(lines)


def _section(title: str, counts: Counter[str], judged: list[dict[str, Any]], key: str) -> list[str]:
    if not counts:
        return []
    lines = ["", title]
    for name, count in counts.most_common():
        example = next((one for one in judged if key and one[key] == name), None)
        lines.append(f"  {name:<24}{count:>6}" + (f"  {example['reason'][:110]}" if example else ""))
    return lines
