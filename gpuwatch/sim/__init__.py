"""A simulated fleet that speaks dcgm-exporter's format, with faults on demand.

`fleet.SimFleet` is pure and is stepped by an injected time, `serve.SimServer` puts it
on real HTTP ports, `backfill.backfill` writes its history for promtool. It imports
nothing else of gpuwatch, so that a mistake of ours cannot hide behind its own mirror.
"""
