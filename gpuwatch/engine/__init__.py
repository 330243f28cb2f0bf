"""One pure object a cluster: readings in; incidents, events and messages out."""
