"""Readings from a Prometheus or whatever speaks its HTTP API."""
