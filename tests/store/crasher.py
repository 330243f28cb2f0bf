"""Run by test_crash.py: commits steps until it is killed."""

import sys
from itertools import count

from gpuwatch.engine.step import Step
from gpuwatch.model.fleet import Fleet
from gpuwatch.store import open_store
from tests.store.builders import card, event, incident


def main(url: str, run: str) -> None:
    """Step n: 50 incidents, events and messages that all bear its name."""
    store = open_store(url, create=True)
    fleet = Fleet("c1")
    for number in count():
        names = [f"{run}.{number}-{part}" for part in range(50)]
        store.commit(
            Step(
                "c1",
                float(number),
                incidents=tuple(incident(name) for name in names),
                events=tuple(event(incident_id=name) for name in names),
                messages=tuple(card(name, card_id=name) for name in names),
                facts={"step": f"{run}.{number}"},
            ),
            fleet,
            ["slack", "webhook"],
        )
        sys.stdout.write(f"{run}.{number}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
