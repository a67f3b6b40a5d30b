"""Due times in a zone: calendar days and months, elapsed hours, doubled and missing hours, cron."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.bpmn import calendar
from engine.bpmn.calendar import Armed, NotATime

BERLIN = "Europe/Berlin"


def local(*parts: int, zone: str = BERLIN, fold: int = 0) -> datetime:
    return datetime(*parts, tzinfo=ZoneInfo(zone), fold=fold)  # type: ignore[misc]


def due(kind: str, text: str, now: datetime, zone: str = BERLIN) -> datetime:
    return calendar.arm(kind, text, now, zone).due


def test_a_day_is_calendar_time_and_24_hours_are_not():
    """Clocks go forward on 28 March 2027 in Berlin."""
    saturday = local(2027, 3, 27, 9)
    assert due("duration", "P1D", saturday) == local(2027, 3, 28, 9)
    assert due("duration", "PT24H", saturday) == local(2027, 3, 28, 10)
    assert due("duration", "P1DT1H", saturday) == local(2027, 3, 28, 10)


def test_a_month_from_the_31st_is_the_last_day_of_the_next():
    assert due("duration", "P1M", local(2027, 1, 31, 9)) == local(2027, 2, 28, 9)
    assert due("duration", "P1Y", local(2028, 2, 29, 9)) == local(2029, 2, 28, 9)
    assert due("duration", "P2W", local(2027, 1, 1, 9)) == local(2027, 1, 15, 9)


def test_an_hour_that_occurs_twice_means_its_first_and_one_that_is_missing_lies_behind_the_gap():
    assert due("date", "2027-10-31T02:30", local(2027, 1, 1)) == datetime(2027, 10, 31, 0, 30, tzinfo=UTC)
    assert due("date", "2027-03-28T02:30", local(2027, 1, 1)) == local(2027, 3, 28, 3, 30)
    assert due("date", "2027-03-28T02:30Z", local(2027, 1, 1)) == datetime(2027, 3, 28, 2, 30, tzinfo=UTC)


def test_weekday_one_of_cron_is_monday():
    found = due("cycle", "0 6 * * 1", local(2027, 1, 6))
    assert found == local(2027, 1, 11, 6)
    assert found.astimezone(ZoneInfo(BERLIN)).strftime("%A") == "Monday"
    assert (
        due("cycle", "0 6 * * 7", local(2027, 1, 6))
        == due("cycle", "0 6 * * 0", local(2027, 1, 6))
        == local(2027, 1, 10, 6)
    )


def test_day_of_month_or_weekday_suffices_as_in_crontab():
    assert due("cycle", "0 6 13 * 5", local(2027, 1, 9)) == local(2027, 1, 13, 6)
    assert due("cycle", "0 6 13 * 5", local(2027, 1, 13, 7)) == local(2027, 1, 15, 6)


def test_a_cron_time_in_the_doubled_or_missing_hour_fires_once():
    armed = calendar.arm("cycle", "30 2 * * *", local(2027, 10, 30, 12), BERLIN)
    times = [armed.due]
    for _ in range(2):
        armed = armed.after(armed.due)
        times.append(armed.due)
    assert times == [datetime(2027, 10, 31, 0, 30, tzinfo=UTC), local(2027, 11, 1, 2, 30), local(2027, 11, 2, 2, 30)]
    assert due("cycle", "30 2 * * *", local(2027, 3, 27, 12)) == local(2027, 3, 28, 3, 30)
    assert due("cycle", "30 2 * * *", local(2027, 3, 28, 4)) == local(2027, 3, 29, 2, 30)


def test_a_repeating_interval_counts_down_and_skips_what_was_missed():
    armed = calendar.arm("cycle", "R3/PT1H", local(2027, 1, 1, 9), BERLIN)
    assert (armed.due, armed.left) == (local(2027, 1, 1, 10), 3)
    armed = armed.after(local(2027, 1, 1, 14, 30))
    assert (armed.due, armed.left) == (local(2027, 1, 1, 15), 2)
    armed = armed.after(armed.due)
    assert (armed.due, armed.left) == (local(2027, 1, 1, 16), 1)
    assert armed.after(armed.due) is None


def test_a_monthly_interval_does_not_drift_off_the_31st():
    armed = calendar.arm("cycle", "R/2027-01-31T09:00/P1M", local(2027, 1, 1), BERLIN)
    times = [armed.due]
    for _ in range(3):
        armed = armed.after(armed.due)
        times.append(armed.due)
    assert times == [local(2027, 1, 31, 9), local(2027, 2, 28, 9), local(2027, 3, 31, 9), local(2027, 4, 30, 9)]


def test_an_endless_cycle_that_began_long_ago_is_joined_at_its_next_time_and_at_once():
    assert due("cycle", "R/1970-01-01T00:00:00Z/PT1M", local(2027, 1, 1)) > local(2027, 1, 1)
    armed = calendar.arm("cycle", "R/PT1M", local(2027, 1, 1), BERLIN)
    assert armed.after(local(2037, 1, 1)).due == local(2037, 1, 1) + timedelta(minutes=1)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("duration", "5 minutes"), ("duration", "P"), ("duration", "PT"), ("duration", "P1H"), ("duration", "PT0S"),
        ("duration", "PT0.9S"), ("duration", "-PT5M"), ("duration", "P9999Y"), ("duration", ""), ("duration", "P1.5D"),
        ("duration", "PT5M" * 99), ("date", "tomorrow"), ("date", "2027-13-01"), ("date", "2027-02-30"), 
        ("cycle", "R/PT0.001S"), ("cycle", "R/PT59S"),
        ("cycle", "R0/PT1H"), ("cycle", "R/PT1H/2027-01-01"), ("cycle", "R3"), ("cycle", "* * * *"),
        ("cycle", "0 0 6 * * 1"), ("cycle", "60 * * * *"), ("cycle", "0 6 ? * 1"), ("cycle", "0 0 31 2 *"),
        ("cycle", "a b c d e"), ("cycle", "@daily"), ("cycle", "R/2027-01-01T00:00/P1D/P1D"),
    ],
)  # fmt: skip
def test_what_is_no_time_is_refused(kind, text):
    with pytest.raises(NotATime):
        calendar.arm(kind, text, local(2027, 1, 1), BERLIN)


def test_an_unknown_zone_is_refused():
    with pytest.raises(NotATime):
        calendar.arm("duration", "PT1H", local(2027, 1, 1), "Europe/Atlantis")


moments = st.integers(946_684_800, 4_102_444_800).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
zones = st.sampled_from(["UTC", BERLIN, "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe"])
texts = st.sampled_from(
    ["PT1S", "P1D", "P1M", "P1Y2M3DT4H5M6S", "PT36H", "R/P1D", "R5/P1M", "R2/2050-01-31T02:30/P1M", "30 2 * * *",
     "0 6 * * 1",
     "*/15 * * * *", "0 0 29 2 *"]
)  # fmt: skip


@given(texts, moments, zones)
@settings(max_examples=200, deadline=None)
def test_a_timer_is_never_due_before_it_is_armed_survives_json_and_moves_forward(text, now, zone):
    armed = calendar.arm("duration" if text.startswith("P") else "cycle", text, now, zone)
    assert armed.due > now or text.startswith("R2/2050")
    assert armed.due.tzinfo is not None
    assert Armed.from_json(armed.as_json()) == armed
    following = armed.after(armed.due)
    if following is not None:
        assert following.due > armed.due


@given(st.text(max_size=30), st.sampled_from(["duration", "date", "cycle"]))
@settings(max_examples=300, deadline=None)
def test_any_text_is_a_time_or_refused(text, kind):
    with suppress(NotATime):
        calendar.arm(kind, text, local(2027, 1, 1), BERLIN)


def test_an_interval_of_another_engine_is_translated_where_it_means_the_same():
    assert calendar.interval("duration", "1h5m10s") == "PT1H5M10S"
    assert calendar.interval("duration", "30d") == "P30D"
    assert calendar.interval("duration", "1m2000ms") == "PT1M2S"
    assert calendar.interval("cycle", "5s###10m") == "R/PT10M"
    assert calendar.interval("cycle", "2s") is None, "endless, and faster than once a minute"
    assert [calendar.interval("duration", text) for text in ("500ms", "", "PT5M", "soon")] == [None] * 4


@pytest.mark.parametrize(
    ("quartz", "crontab"),
    [("0 0/5 * * * ?", "*/5 * * * *"), ("0 15 10 ? * MON-FRI", "15 10 * * MON-FRI"), ("0 0 6 ? * 2", "0 6 * * 1"),
     ("0 0 12 1/5 * ? *", "0 12 1-31/5 * *"), ("0/2 * * * * ?", None), ("0 0 0 L * ?", "0 0 L * *"),
     ("0 6 * * 1", None), ("0 0 6 ? * 2 2030", None), ("", None)],
)  # fmt: skip
def test_cron_with_seconds_is_translated_where_it_means_the_same(quartz, crontab):
    assert calendar.crontab(quartz) == crontab
