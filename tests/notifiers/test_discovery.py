from gpuwatch.notifiers import discovered


def test_notifiers_are_found_and_helpers_are_not() -> None:
    assert {name: found.__name__ for name, found in discovered().items()} == {
        "console": "ConsoleNotifier",
        "slack": "SlackNotifier",
        "slack_webhook": "SlackWebhookNotifier",
    }
