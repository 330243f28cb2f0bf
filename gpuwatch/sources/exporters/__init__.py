"""A cluster without a Prometheus: its dcgm-exporters, scraped side by side."""
