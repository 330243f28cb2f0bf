"""Whatever the model can say, the store gives back."""

from dataclasses import replace
from uuid import uuid4

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gpuwatch.engine.step import Step
from gpuwatch.model.condition import Condition
from gpuwatch.model.fleet import Fleet
from gpuwatch.model.identity import Gpu
from gpuwatch.model.incident import Incident
from gpuwatch.model.message import Message, MessageKind
from gpuwatch.store import SqlStore
from tests.store.builders import EMPTY

NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
EVIDENCE = st.dictionaries(st.text(max_size=5), NUMBERS, max_size=3)
WORDS = st.text(max_size=8)
MAPS = dict.fromkeys(("evidence", "peers"), EVIDENCE)
st.register_type_strategy(float, NUMBERS)
st.register_type_strategy(str, WORDS)
CONDITIONS = st.builds(Condition, evidence=EVIDENCE)
INCIDENTS = st.builds(Incident, **MAPS)
MESSAGES = st.builds(Message)
GPUS = st.builds(
    Gpu,
    index=st.none() | st.integers(0, 99),
)
QUICK = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@QUICK
@given(found=st.lists(CONDITIONS, max_size=3), cases=st.lists(INCIDENTS, max_size=3))
def test_conditions_and_incidents(
    store: SqlStore, found: list[Condition], cases: list[Incident]
) -> None:
    conditions = {c.key: replace(c) for c in found}
    mine = {i.id: replace(i, cluster="c1") for i in cases}
    store.commit(
        Step("c1", 1.0, conditions=dict(conditions), incidents=tuple(mine.values())),
        EMPTY,
        [],
    )
    memory, _ = store.load("c1")
    assert {key: memory.conditions[key] for key in conditions} == conditions
    assert {name: memory.incidents[name] for name in mine} == mine


@QUICK
@given(message=MESSAGES)
def test_messages(store: SqlStore, message: Message) -> None:
    mine = replace(message, id=f"{uuid4()}{message.id}")
    store.commit(Step("c1", 1.0, messages=(mine,)), EMPTY, ["slack"])
    (parcel,) = store.due(1.0, 9)
    assert parcel.message == mine
    assert parcel.message.kind in MessageKind
    store.give_up(parcel, "seen", 1.0)


@QUICK
@given(gpus=st.lists(GPUS, max_size=4), retired=st.sets(WORDS), data=st.data())
def test_fleets(
    store: SqlStore, gpus: list[Gpu], retired: set[str], data: st.DataObject
) -> None:
    fleet = Fleet("c1", gpus=gpus, retired_nodes=retired)
    fleet.retired = {row for row in range(len(fleet)) if data.draw(st.booleans())}
    fleet.instances = data.draw(st.dictionaries(WORDS, WORDS, max_size=3))
    store.commit(Step("c1", 1.0, fleet_changed=True), fleet, [])
    _, again = store.load("c1")
    assert (again.gpus, again.nodes) == (fleet.gpus, fleet.nodes)
    assert (again.retired, again.retired_nodes) == (fleet.retired, fleet.retired_nodes)
    assert again.instances == fleet.instances
