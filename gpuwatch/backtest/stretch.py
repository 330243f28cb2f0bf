"""The window of a backtest, as a person writes it."""

from __future__ import annotations

from dataclasses import dataclass

from gpuwatch.errors import ConfigError

# Longer than any rule's window, and what baselines need to settle.
WARM_UP_SECONDS = 1800.0
SHORTEST_STEP_SECONDS = 1.0
MOST_STEPS = 5_000_000


@dataclass(frozen=True)
class Stretch:
    """From `start` to `end` (Unix seconds) every `step` seconds, after a warm-up."""

    start: float
    end: float
    step: float
    warm_up_seconds: float = WARM_UP_SECONDS

    @property
    def begin(self) -> float:
        """Where the warm-up begins, a whole number of steps before `start`."""
        return self.start - self.step * round(self.warm_up_seconds / self.step)

    def checked(self, now: float) -> Stretch:
        """Itself, cut at `now` and on whole steps; ConfigError where it is none."""
        if self.start >= now:
            raise ConfigError("--start", "lies in the future", "give an earlier time")
        if self.end <= self.start:
            raise ConfigError(
                "--end", "is not after --start", "give a later --end or earlier --start"
            )
        if self.step < SHORTEST_STEP_SECONDS:
            raise ConfigError("--step", f"{self.step:g}s is below 1s", "use 15s or 30s")
        steps = int((min(self.end, now) - self.start) / self.step)
        if not 0 < steps <= MOST_STEPS:
            problem = f"{steps} steps from --start to --end"
            raise ConfigError("--step", problem, "give between 1 and 5 million steps")
        end = self.start + steps * self.step
        return Stretch(self.start, end, self.step, self.warm_up_seconds)
