"""Who runs with whom, and what nodes share: the sections `jobs` and `topology`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from gpuwatch.settings.base import Names, PositiveDuration, Section

JobSource = Literal["auto", "labels", "slurm", "expr", "file", "none"]


class SlurmSettings(Section):
    """How Slurm is asked; nothing but `squeue` is run, and it only reads."""

    command: str = Field(
        "squeue", min_length=1, description="program to run, by name or path"
    )
    cluster: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$",
        description="Slurm cluster to ask, where this host knows several",
    )
    timeout: PositiveDuration = Field(
        10.0, le=300, description="longest that squeue may take"
    )
    interval: PositiveDuration = Field(
        30.0, ge=1, le=3600, description="how often to ask"
    )

    @field_validator("command")
    @classmethod
    def _one_program(cls, command: str) -> str:
        if command.startswith("-") or "\0" in command or command != command.strip():
            raise ValueError(f"{command!r} is no program; write its name or path alone")
        return command


class JobSettings(Section):
    """How a GPU's job is known, and how fast that job works."""

    labels: Names = Field(
        ("hpc_job", "slurm_job_id", "slurm_job", "job_id"),
        description="metric labels that hold the job id, the first present wins",
    )
    source: JobSource = Field(
        "auto",
        description="who tells; auto: labels, for GPUs without one Slurm, expr or file",
    )
    slurm: SlurmSettings = Field(
        default_factory=SlurmSettings, description="how Slurm is asked"
    )
    expr: str | None = Field(
        None, min_length=1, description="PromQL, one series a (node, job) pair"
    )
    node_label: str | None = Field(
        None, description="the label of expr that names the node; default: node_labels"
    )
    job_label: Names = Field(
        ("hpc_job", "slurm_job_id", "slurm_jobid", "slurm_job", "job_id", "jobid",
         "exported_job", "job"),
        description="labels of expr and throughput_expr that name the job, first wins",
    )  # fmt: skip
    file: Path | None = Field(
        None, description="YAML, JSON or CSV of jobs and their nodes; read when changed"
    )
    throughput_expr: str | None = Field(
        None, min_length=1, description="PromQL, one series a job: its work a second"
    )
    throughput_unit: str = Field(
        "tokens/s", max_length=40, description="unit of throughput_expr, for people"
    )

    @model_validator(mode="after")
    def _told_by_something(self) -> Self:
        told = {"expr": self.expr, "file": self.file}
        if self.source in told and told[self.source] is None:
            raise ValueError(
                f"source is {self.source}, but nothing says where; "
                f"add jobs.{self.source}"
            )
        return self


class TopologySettings(Section):
    """What nodes share with one another, so that a shared cause can be named."""

    labels: Names = Field(
        ("rack", "switch", "pdu"),
        description="target labels that name what a node shares with others",
    )
    file: Path | None = Field(
        None,
        description="YAML, JSON, CSV or Slurm's topology.conf; it wins over labels",
    )
