"""The configuration: what it may say (`Settings`) and where it is found."""

from gpuwatch.settings.custom_rule import CustomRuleSettings
from gpuwatch.settings.jobs import JobSettings, SlurmSettings, TopologySettings
from gpuwatch.settings.load import default_store_url, load_settings
from gpuwatch.settings.prometheus import (
    Backend,
    BasicAuth,
    ExportersSettings,
    PrometheusSettings,
    SigV4,
    Tls,
)
from gpuwatch.settings.root import Settings
from gpuwatch.settings.rule_packs import PackRule, RulePackSettings, rule_packs
from gpuwatch.settings.sections import (
    DeadmanSettings,
    LogSettings,
    SlackSettings,
    StoreSettings,
    WebSettings,
)

__all__ = [
    "Backend",
    "BasicAuth",
    "CustomRuleSettings",
    "DeadmanSettings",
    "ExportersSettings",
    "JobSettings",
    "LogSettings",
    "PackRule",
    "PrometheusSettings",
    "RulePackSettings",
    "Settings",
    "SigV4",
    "SlackSettings",
    "SlurmSettings",
    "StoreSettings",
    "Tls",
    "TopologySettings",
    "WebSettings",
    "default_store_url",
    "load_settings",
    "rule_packs",
]
