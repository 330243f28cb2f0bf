"""Running jobs and their nodes, read from Slurm's own `squeue` and never changed."""
