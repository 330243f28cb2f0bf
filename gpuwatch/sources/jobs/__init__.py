"""Which job a GPU works for, where its labels do not say: Slurm, PromQL or a file."""
