"""Tables counted on several machines: a Dask cluster counts file by file, and the tallies add up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engine.monitoring import scans
from engine.monitoring.scans import Scan, Source
from engine.statistics.tallies import Reference, total


def count(
    client: Any, reference: Reference, tables: Sequence[Source], *, named: Mapping[str, str] | None = None
) -> Scan:
    """What `scans.count` gives, each file counted by a worker of a `distributed.Client`, which must see the files.

    Whole numbers add up to the same whatever the worker and the order. Raises what `scans.count` does.
    """
    # Asked of all first: a file may lack a column that another has.
    here = scans.chosen(reference, tables, named or {})
    counted = client.gather(
        client.map(scans.counted, [here.reference] * len(tables), list(tables), [here.names] * len(tables), pure=False)
    )
    return here.of(total(counted, len(here.reference.columns)), files=len(tables))
