import csv
from pathlib import Path

import pytest

from gpuwatch.model.metric import SourceName, catalogue

FIELDS = Path(__file__).parents[1] / "data" / "fields.csv"
# ours / theirs
FACTOR = {
    ("megahertz", "MHz"): 1,
    ("megahertz", "Hz"): 1e-6,
    ("joules", "mJ"): 1e-3,
    ("joules", "J"): 1,
    ("seconds", "ns"): 1e-9,
    ("seconds", "s"): 1,
    ("celsius", "degC"): 1,
    ("celsius", "degC (margin)"): 1,
    ("watts", "W"): 1,
    ("percent", "%"): 1,
    ("ratio", "ratio 0..1"): 1,
    ("ratio", "ratio"): 1,
}


def fields() -> dict[str, dict[str, str]]:
    """DCGM's fields by old and by new name; where one name is two fields, the first."""
    rows = list(csv.DictReader(FIELDS.read_text().splitlines()))
    named = {row["new_name_4_6"]: row for row in rows if row["new_name_4_6"]}
    return named | {row["field"]: row for row in rows}


NAMES = [
    (metric.name, source)
    for metric in catalogue().values()
    if metric.scope != "node"
    for source in metric.names
]


@pytest.mark.parametrize(
    ("metric", "source"), NAMES, ids=lambda x: getattr(x, "name", x)
)
def test_every_name_of_the_catalogue_is_a_field_in_the_unit_we_think(
    metric: str, source: SourceName
) -> None:
    field = fields()[source.name]
    pair = (catalogue()[metric].unit, field["unit"])
    if pair in FACTOR and source.scale is not None:
        assert source.scale == FACTOR[pair]
    elif source.scale not in {None, 1.0}:
        pytest.fail(f"{pair} has no known factor, yet it is scaled")


def test_the_unit_table_is_used() -> None:
    units = {(catalogue()[m].unit, fields()[s.name]["unit"]) for m, s in NAMES}
    assert len(units & FACTOR.keys()) >= 10
