"""Exporters scraped directly, over real HTTP: the samples, and trouble."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import numpy as np
import pytest

from gpuwatch.errors import SourceError
from gpuwatch.model.fleet import Fleet
from gpuwatch.model.snapshot import Snapshot
from gpuwatch.ports import CustomQuery, Plan
from gpuwatch.sim.fleet import SimFleet
from gpuwatch.sim.serve import SimServer
from gpuwatch.sources.exporters.scrape import instance_of, page_url
from gpuwatch.sources.exporters.source import ExporterSource
from gpuwatch.testing import Dribble, FakePrometheus, HttpStatus, Reply, Reset
from tests.sources.conftest import EVERYTHING

SAMPLES = Path(__file__).parents[2] / "data" / "samples"
MIG_CARD = "GPU-1f027ee8-6e1e-2b8c-0108-3d370e5f0418"
ERRORS_MIB = "ecc_uncorrectable_volatile"

Scrape = Callable[..., tuple[Fleet, Snapshot]]


@pytest.fixture
def serve() -> Iterator[Callable[[str], FakePrometheus]]:
    """Serves a page as an exporter would, on a port of its own."""
    with ExitStack() as stack:

        def start(text: str) -> FakePrometheus:
            server = stack.enter_context(FakePrometheus())
            server.pages["/metrics"] = Reply(200, text.encode())
            return server

        yield start


@pytest.fixture
def scrape(serve: Callable[[str], FakePrometheus]) -> Scrape:
    def read(*texts: str) -> tuple[Fleet, Snapshot]:
        fleet = Fleet("test")
        urls = [serve(text).url for text in texts]
        with closing(ExporterSource("test", urls)) as source:
            return fleet, source.read(EVERYTHING, fleet)

    return read


def sample(name: str) -> str:
    return (SAMPLES / f"{name}.prom").read_text()


@pytest.mark.parametrize(
    ("name", "gpus", "nodes", "dropped"),
    [
        ("a800_mig_mixed", 10, {"msxf-hpc-64-35-ai"}, 0),
        (
            "gb200_eks_2026-08",
            5,
            {"ip-100-64-135-20.ec2.internal", "lyris0073.lyris.clusters.nvidia.com"},
            0,
        ),
        ("gtx1060_2.x_sentinels_k8s", 2, {"127.0.0.1"}, 16),
        ("h100_k8s_aicr_2026-03", 8, {"gpu-node-1"}, 0),
        ("readme_2.x", 1, {"127.0.0.1"}, 1),
        ("t4_datadog_fixture", 2, {"127.0.0.1"}, 0),
    ],
)
def test_every_published_page_is_understood(
    scrape: Scrape, name: str, gpus: int, nodes: set[str], dropped: int
) -> None:
    fleet, seen = scrape(sample(name))
    assert seen.rows == gpus
    assert seen.present.all()
    assert {node.partition(":")[0] for node in fleet.nodes} == nodes
    assert sum(seen.dropped.values()) == dropped
    assert seen.unread == {}
    # that page was put together from two nodes' pages: no address of either
    up = [1] if len(nodes) == 1 else [np.nan] * 2
    np.testing.assert_array_equal(seen.node_columns["exporter_up"], up)


def test_the_mig_card_is_three_rows_and_the_others_one_each(scrape: Scrape) -> None:
    fleet, seen = scrape(sample("a800_mig_mixed"))
    instances = {gpu.mig for gpu in fleet.gpus if gpu.uuid == MIG_CARD}
    assert instances == {"3", "5", "6"}
    row = fleet.row("msxf-hpc-64-35-ai", MIG_CARD, "5")
    assert seen.columns["gpu_temperature_celsius"][row] == 33
    assert seen.columns["energy_joules"][row] == pytest.approx(257858.316)
    assert np.isnan(seen.columns["utilization_percent"][row])


def test_blanks_of_old_exporters_are_unknown_and_never_zero(scrape: Scrape) -> None:
    _, seen = scrape(sample("gtx1060_2.x_sentinels_k8s"))
    assert np.isnan(seen.column(ERRORS_MIB)).all()
    assert seen.dropped[ERRORS_MIB] == 2
    assert seen.columns["pcie_replays"].tolist() == [0, 0]
    assert sorted(seen.columns["gpu_temperature_celsius"]) == [31, 36]
    assert seen.jobs == ("default/gpu-rs-joo-m4z6t",)


def test_snippets_of_all_ages_in_one_page(scrape: Scrape) -> None:
    fleet, seen = scrape(sample("issue_snippets"))
    assert seen.present.all()
    pods = {gpu.node for gpu in fleet.gpus if "dcgm-exporter" in gpu.node}
    assert pods == set()
    assert any(gpu.mig == "7" for gpu in fleet.gpus)


def rows_of(names: Fleet, fleet: SimFleet) -> list[int]:
    rows = [names.row(gpu.node, gpu.uuid) for gpu in fleet.gpus]
    return [row for row in rows if row is not None]


def test_a_simulated_fleet_reads_as_it_is() -> None:
    fleet, names = SimFleet(3, 2, generations={0: "legacy", 2: "next"}), Fleet("test")
    with SimServer(fleet, clock=lambda: 0.0) as server:
        urls = [f"http://{target}" for target in server.targets]
        with closing(ExporterSource("test", urls)) as source:
            seen = source.read(EVERYTHING, names)
    rows = rows_of(names, fleet)
    assert len(rows) == 6
    ours = fleet.readings.columns
    for name, expected in {
        "sm_clock_megahertz": ours["sm_clock"],
        "utilization_percent": ours["gpu_util"],
        "energy_joules": ours["energy_mj"] / 1e3,
        "ecc_uncorrectable_volatile": ours["dbe_volatile"],
    }.items():
        np.testing.assert_allclose(seen.columns[name][rows], expected, atol=1e-3)
    assert seen.xids_known is not None
    assert seen.xids_known.all()
    assert names.instances == dict(zip(server.targets, fleet.node_names, strict=True))


def test_a_silent_exporter_is_down_and_its_gpus_absent(
    serve: Callable[[str], FakePrometheus],
) -> None:
    good = serve(page("a", "GPU-0"))
    bad = serve(page("b", "GPU-1"))
    fleet = Fleet("test")
    with closing(ExporterSource("test", [good.url, bad.url], None, 1.0)) as source:
        source.read(EVERYTHING, fleet)
        instance = instance_of(bad.url)
        for fault in (HttpStatus(500), Reset(), Dribble(1.0)):
            bad.always("other", fault)
            seen = source.read(EVERYTHING, fleet)
            assert seen.present.tolist() == [True, False]
            assert seen.node_columns["exporter_up"].tolist() == [1, 0]
            assert seen.unread[f"exporter {instance}"]
        bad.always("other", None)
        assert source.read(EVERYTHING, fleet).present.all()


def page(node: str, uuid: str, *more: str) -> str:
    labels = f'gpu="0",UUID="{uuid}",Hostname="{node}"'
    lines = [f"DCGM_FI_DEV_GPU_TEMP{{{labels}}} 40", *more]
    return "\n".join([*lines, ""]).replace("LABELS", labels)


def test_a_broken_line_costs_only_itself(scrape: Scrape) -> None:
    broken = "DCGM_FI_DEV_POWER_USAGE{LABELS} ERROR - FAILED TO CONVERT TO STRING"
    _, seen = scrape(page("a", "GPU-0", broken))
    assert seen.columns["gpu_temperature_celsius"].tolist() == [40]
    assert "power_watts" not in seen.columns
    assert seen.dropped == {"page": 1}


def test_an_empty_page_is_an_answer_without_gpus(scrape: Scrape) -> None:
    _, seen = scrape("", page("a", "GPU-0"))
    assert seen.rows == 1


def test_links_are_summed_once_each(scrape: Scrape) -> None:
    name = "DCGM_FI_DEV_NVLINK_CRC_FLIT_ERROR_TOTAL"
    state = "DCGM_FI_DEV_NVLINK_LINK_STATUS"
    links = [
        f'{metric}{{gpu_uuid="GPU-0",nvlink="{link}",hostname="a"}} {value}'
        for metric, values in ((name, (3, 4, 3)), (state, (3, 2, 3)))
        for link, value in zip((0, 1, 0), values, strict=True)
    ]
    _, seen = scrape(page("a", "GPU-0", *links))
    assert seen.columns["nvlink_crc_errors"].tolist() == [7]
    assert seen.columns["nvlinks_down"].tolist() == [1]


def test_an_xid_alone_finds_a_gpu_and_no_life(scrape: Scrape) -> None:
    dead = 'DCGM_FI_DEV_XID_ERRORS{gpu="1",UUID="GPU-1",Hostname="a"} 79'
    fleet, seen = scrape(page("a", "GPU-0", dead))
    row = fleet.row("a", "GPU-1")
    assert row is not None
    assert seen.present.tolist() == [True, False]
    assert (seen.xids.row.tolist(), seen.xids.code.tolist()) == ([row], [79])


def test_custom_queries_have_no_prometheus(
    serve: Callable[[str], FakePrometheus],
) -> None:
    plan = Plan(queries=(CustomQuery("mine", "up"),))
    with closing(ExporterSource("test", [serve(page("a", "G")).url])) as source:
        seen = source.read(plan, Fleet("test"))
        assert seen.answers == {"mine": None}
        assert "mine" in seen.unread
        with pytest.raises(SourceError, match="no Prometheus"):
            source.history(plan, Fleet("test"), 0, 1, 1)


def test_when_none_answers_there_is_no_reading(free_port: int) -> None:
    urls = [f"http://127.0.0.1:{free_port}"]
    with (
        closing(ExporterSource("test", urls)) as source,
        pytest.raises(SourceError, match="none answers"),
    ):
        source.read(EVERYTHING, Fleet("test"))


@pytest.mark.parametrize(
    ("url", "instance", "full"),
    [
        ("http://a:9400", "a:9400", "http://a:9400/metrics"),
        ("http://a:9400/", "a:9400", "http://a:9400/metrics"),
        ("https://a/gpu/metrics", "a:443", "https://a/gpu/metrics"),
        ("http://[::1]:9400", "[::1]:9400", "http://[::1]:9400/metrics"),
    ],
)
def test_addresses(url: str, instance: str, full: str) -> None:
    assert (instance_of(url), page_url(url)) == (instance, full)
