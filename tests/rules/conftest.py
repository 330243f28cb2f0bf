"""The rules' tests write their readings with tests/rules/builders.py."""

import pytest

pytest.register_assert_rewrite("tests.rules.builders")
