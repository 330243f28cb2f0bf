"""All that a third party's rule or notifier needs; import from here and nowhere else.

Announce yours under the entry-point groups `gpuwatch.rules` and `gpuwatch.notifiers`.
"""

from gpuwatch.errors import NotifyError
from gpuwatch.model.duration import Seconds
from gpuwatch.model.identity import Gpu, Subject
from gpuwatch.model.message import (
    Card,
    Link,
    Message,
    MessageKind,
    Reason,
    Receipt,
    Tone,
)
from gpuwatch.model.rule import Kind, Rule, RuleParams
from gpuwatch.model.severity import Category, Notify, Scope, Severity
from gpuwatch.model.snapshot import Column, Mask, Snapshot
from gpuwatch.model.verdict import Finding, Verdicts, Words, judged
from gpuwatch.model.window import Read, Window, has_bits
from gpuwatch.ports import Notifier

__all__ = [
    "Card",
    "Category",
    "Column",
    "Finding",
    "Gpu",
    "Kind",
    "Link",
    "Mask",
    "Message",
    "MessageKind",
    "Notifier",
    "Notify",
    "NotifyError",
    "Read",
    "Reason",
    "Receipt",
    "Rule",
    "RuleParams",
    "Scope",
    "Seconds",
    "Severity",
    "Snapshot",
    "Subject",
    "Tone",
    "Verdicts",
    "Window",
    "Words",
    "has_bits",
    "judged",
]
