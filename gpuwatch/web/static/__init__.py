"""The style sheet; nothing is loaded from anywhere else."""
