"""History judged: what gpuwatch would have told, and when."""
