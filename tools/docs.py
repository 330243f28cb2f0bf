"""Writes what is generated and checked in: `make docs`."""

from __future__ import annotations

from pathlib import Path

from gpuwatch.cli.example import example_yaml
from gpuwatch.rules import builtin_rules
from tools.counters import GENERATIONS, counters_file
from tools.metrics_page import metrics_page
from tools.rules_page import rules_page

ROOT = Path(__file__).parents[1]
COUNTERS = "deploy/dcgm-exporter"


def generated() -> dict[str, str]:
    """Every generated file by its path in the project."""
    rules = list(builtin_rules().values())
    counters = {f"{COUNTERS}/{g.file}": counters_file(g) for g in GENERATIONS}
    pages = {"docs/rules.md": rules_page(rules), "docs/metrics.md": metrics_page(rules)}
    example = {"gpuwatch.example.yaml": example_yaml(builtin_rules())}
    return pages | counters | example


def main() -> None:
    """Rewrite the files that are stale, naming them."""
    for name, text in generated().items():
        path = ROOT / name
        if path.exists() and path.read_text("utf-8") == text:
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        print(f"written: {name}")


if __name__ == "__main__":
    main()
