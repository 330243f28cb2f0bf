"""The configuration: what it may say (`Settings`) and where it is found."""

from gpuwatch.settings.custom_rule import CustomRuleSettings
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
from gpuwatch.settings.sections import (
    DeadmanSettings,
    JobSettings,
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
    "PrometheusSettings",
    "Settings",
    "SigV4",
    "SlackSettings",
    "StoreSettings",
    "Tls",
    "WebSettings",
    "default_store_url",
    "load_settings",
]
