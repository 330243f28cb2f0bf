import pytest

from gpuwatch.notifiers.mrkdwn import clean, clipped, listed, mention_markup, quiet


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("node-17", "node-17"),
        ("a\nb\tc\r\nd", "a b c d"),
        ("\x1b[31mred\x07", "[31mred"),
        ("abc\u202edef\u200b", "abcdef"),
        ("half \ud800 letter", "half letter"),
        ("  \x00 ", ""),
    ],
)
def test_clean(given: str, expected: str) -> None:
    assert clean(given) == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("train_llama_70b", "train_llama_70b"),
        ("_sly_", "＿sly＿"),  # noqa: RUF001
        ("*bold* ~gone~ `code`", "∗bold∗ ∼gone∼ ˋcodeˋ"),  # noqa: RUF001
        (":white_check_mark: fine", "꞉white_check_mark: fine"),  # noqa: RUF001
        ("at 12:30, cpu: 4", "at 12:30, cpu: 4"),
    ],
)
def test_quiet_text_formats_nothing_and_keeps_names(given: str, expected: str) -> None:
    assert quiet(given) == expected


@pytest.mark.parametrize(
    ("given", "limit", "expected"),
    [
        ("a < b & c", 40, "a &lt; b &amp; c"),
        ("x" * 100, 40, "xxxxxxxxxx… (+90 characters)"),
        ("&" * 100, 40, "&amp;&amp;… (+98 characters)"),
        ("🔥" * 100, 40, "🔥🔥🔥🔥🔥… (+95 characters)"),
        ("x" * 40, 40, "x" * 40),
        ("🔥" * 30, 40, "🔥🔥🔥🔥🔥… (+25 characters)"),
    ],
)
def test_a_cut_says_how_much_is_missing(given: str, limit: int, expected: str) -> None:
    assert clipped(given, limit) == expected


def test_rows_are_listed_whole_and_the_rest_is_counted() -> None:
    assert listed(["a", "", "b"], 100, 50) == "• a\n• b"
    rows = [f"node-{number:02}" for number in range(40)]
    assert listed(rows, 60, 50) == "• node-00\n• node-01\n• node-02\n… and 37 more"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("@here", "<!here>"),
        ("channel", "<!channel>"),
        ("<!subteam^S1>", "<!subteam^S1>"),
        ("", ""),
    ],
)
def test_mentions_in_slacks_spelling(given: str, expected: str) -> None:
    assert mention_markup(given) == expected
