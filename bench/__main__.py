"""`python -m bench NAME ...`: every figure that we claim comes from here."""

import importlib
import sys

NAMES = ("accuracy", "backtest", "cycle")

if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.argv.append("cycle")
    name = sys.argv[1]
    if name not in NAMES:
        sys.exit(f"bench: {name!r} is none of {', '.join(NAMES)}")
    importlib.import_module(f"bench.{name}").main(sys.argv[2:])
