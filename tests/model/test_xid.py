import csv
from importlib import resources

import pytest

from gpuwatch.model.severity import Severity
from gpuwatch.model.xid import xid_catalogue, xid_meaning

INFO, WARNING, CRITICAL = Severity.INFO, Severity.WARNING, Severity.CRITICAL
BY_BUCKET = {
    "RESET_GPU": CRITICAL,
    "RESTART_BM": CRITICAL,
    "RESTART_VM": CRITICAL,
    "CHECK_MECHANICALS": CRITICAL,
    "WORKFLOW_XID_48": CRITICAL,
    "WORKFLOW_NVLINK_ERR": CRITICAL,
    "CONTACT_SUPPORT": WARNING,
    "CHECK_UVM": WARNING,
    "XID_154": WARNING,
    "RESTART_APP": INFO,
    "IGNORE": INFO,
    "UPDATE_SWFW": INFO,
    "WORKFLOW_XID_45": INFO,
}
EVERY = [pytest.param(code, id=str(number)) for number, code in xid_catalogue().items()]


def test_the_catalogue_is_whole() -> None:
    assert list(xid_catalogue()) == list(range(1, 174))


def test_no_code_is_listed_twice() -> None:
    text = resources.files("gpuwatch.model").joinpath("xid.csv").read_text()
    assert len(list(csv.DictReader(text.splitlines()))) == 173


def test_severity_follows_the_bucket_but_for_the_contained_error() -> None:
    odd = [
        code.code
        for code in xid_catalogue().values()
        if code.bucket in BY_BUCKET and code.severity is not BY_BUCKET[code.bucket]
    ]
    assert odd == [94]


@pytest.mark.parametrize(
    ("code", "severity"),
    [
        *((code, INFO) for code in (8, 13, 31, 43, 45, 63, 78, 92, 137, 162)),
        *((code, WARNING) for code in (61, 94, 144, 148, 154, 159, 163, 170)),
        *((code, CRITICAL) for code in (46, 48, 54, 62, 64, 74, 79, 95, 109, 119)),
        *((code, CRITICAL) for code in (120, 136, 140, 143, 149, 150, 151, 155)),
        *((code, CRITICAL) for code in (156, 158, 165, 167, 168, 169, 171, 172, 173)),
    ],
)
def test_severity(code: int, severity: Severity) -> None:
    assert xid_meaning(code).severity is severity


@pytest.mark.parametrize(
    ("code", "title", "action"),
    [
        (79, "GPU has fallen off the bus", "reboot the node"),
        (48, "uncorrectable (double bit) memory error", "reset the GPU"),
        (31, "GPU memory page fault", "Restart the job"),
        (45, "channels removed after an earlier error", "Follow the other XID"),
        (54, "auxiliary power is not connected", "power cables"),
    ],
)
def test_words(code: int, title: str, action: str) -> None:
    assert xid_meaning(code).title == title
    assert action in xid_meaning(code).action


@pytest.mark.parametrize("number", [0, 174, 999])
def test_an_unknown_code_is_a_warning(number: int) -> None:
    meaning = xid_meaning(number)
    assert (meaning.code, meaning.title) == (number, "unknown code")
    assert meaning.severity is WARNING


@pytest.mark.parametrize("code", EVERY)
def test_every_code_has_short_plain_words(code: object) -> None:
    meaning = xid_meaning(getattr(code, "code", -1))
    assert 1 <= len(meaning.title.split()) <= 6
    assert "_" not in meaning.title
    assert len(meaning.action.split()) >= 4
    assert not meaning.action.endswith(".")
