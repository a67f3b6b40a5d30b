"""The pages of this room name what the code has."""

from __future__ import annotations

import re
from pathlib import Path

from engine.errors import GatewrightError
from engine.serving import scoring, targets
from engine.serving.environments import SETTINGS
from engine.serving.scoring.wire import ClientGone

DOCS = Path(__file__).parents[2] / "docs"


def every(kind: type[GatewrightError]) -> set[type[GatewrightError]]:
    return {each for child in kind.__subclasses__() for each in (child, *every(child))}


def test_every_refusal_of_the_scoring_service_is_on_its_page_with_its_status() -> None:
    page = (DOCS / "scoring.md").read_text()
    listed = {
        code: int(status)
        for status, codes in re.findall(r"^\| (\d{3}) \| (.+?) \|", page, re.MULTILINE)
        for code in re.findall(r"`([a-z-]+)`", codes)
    }
    ours = {each for each in every(GatewrightError) if each.__module__.startswith(scoring.__name__ + ".")}
    # Nobody is there any more to read the answer of ClientGone.
    missing = {each.code: each.status for each in ours - {ClientGone} if listed.get(each.code) != each.status}
    assert missing == {}


def test_every_setting_of_an_environment_and_every_target_is_on_a_page() -> None:
    page = (DOCS / "environments.md").read_text() + (DOCS / "targets.md").read_text()
    assert [name for name in (*SETTINGS, *targets.names()) if f"`{name}`" not in page] == []
