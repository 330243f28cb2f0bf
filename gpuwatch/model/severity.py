"""How badly somebody must be disturbed, and through which door."""

from enum import IntEnum, StrEnum


class Severity(IntEnum):
    """Ordered, so that the louder of two is `max`."""

    INFO = 1
    WARNING = 2
    CRITICAL = 3

    @property
    def word(self) -> str:
        """The lower-case name that configuration and JSON use."""
        return self.name.lower()

    @classmethod
    def parse(cls, word: str) -> "Severity":
        """From its word; ValueError names the three choices."""
        try:
            return cls[word.upper()]
        except KeyError:
            raise ValueError(
                f"{word!r} is not one of info, warning, critical"
            ) from None


class Notify(StrEnum):
    """Where a rule's incidents go: nowhere, the daily digest, the channel, a page."""

    OFF = "off"
    DIGEST = "digest"
    CHANNEL = "channel"
    PAGE = "page"


class Category(StrEnum):
    """What kind of trouble a rule looks for (design.md, section 6)."""

    THERMAL = "thermal"
    POWER = "power"
    STRAGGLER = "straggler"
    MEMORY = "memory"
    INTERCONNECT = "interconnect"
    XID = "xid"
    AVAILABILITY = "availability"
    TELEMETRY = "telemetry"
    JOB = "job"
    CUSTOM = "custom"


class Scope(StrEnum):
    """How much of the site an incident or a rule is about."""

    GPU = "gpu"
    NODE = "node"
    JOB = "job"
    DOMAIN = "domain"
    CLUSTER = "cluster"
