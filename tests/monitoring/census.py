"""The census records of the demo, by year and age: real people, whose windows differ in known ways."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml

from engine.training import frames

DEMO = Path(__file__).parents[2] / "web" / "demo"
FEATURES: list[str] = yaml.safe_load((DEMO / "models" / "employment" / "model.yaml").read_text())["features"]


@cache
def people(year: int, low: int, high: int = 99) -> dict[str, Any]:
    """The features of the census rows of a year, of people of these ages."""
    name = "employment-2015.parquet" if year == 2015 else "employment-2016-2018.parquet"
    table = frames.read((DEMO / "data" / name).read_bytes())
    table = frames.where(table, {"year": year, "AGEP": {"from": low, "to": high}})
    return {feature: table.column(feature).to_numpy() for feature in FEATURES}
