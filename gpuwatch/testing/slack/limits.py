"""Slack's limits on a message, as reported by its API, slack-sdk and issues."""

from collections.abc import Iterator
from typing import Any

from gpuwatch.testing.slack.messages import Block, text_chars

TEXT_CHARS = 40_000  # beyond it Slack truncates a new message and warns
BLOCKS = 50
BLOCKS_TEXT_CHARS = 12_000  # undocumented; bolt-js #2509, #2867
SECTION_CHARS = 3_000
SECTION_FIELDS = 10
FIELD_CHARS = 2_000
HEADER_CHARS = 150
CONTEXT_ELEMENTS = 10
ACTIONS_ELEMENTS = 25
BUTTON_CHARS = 75
BUTTON_VALUE_CHARS = 2_000
URL_CHARS = 3_000
ID_CHARS = 255
MARKDOWN_CHARS = 12_000
ATTACHMENTS = 100
KINDS = frozenset(
    {
        "actions",
        "context",
        "divider",
        "file",
        "header",
        "image",
        "input",
        "markdown",
        "rich_text",
        "section",
        "table",
        "video",
    }
)


class Refusal(Exception):  # noqa: N818 (an answer of Slack's, not a failure of ours)
    """Slack answers `ok: false` with this code and these details."""

    def __init__(self, code: str, *details: str, **extra: str) -> None:
        super().__init__(code)
        self.code = code
        self.details = details
        self.extra = extra


def check_content(
    text: str, blocks: list[Block], attachments: list[Block], cap_chars: int
) -> None:
    """Refuse a message that Slack would refuse."""
    groups = [blocks, *(part.get("blocks") or [] for part in attachments)]
    if not (text or blocks or attachments):
        raise Refusal("no_text")
    if len(attachments) > ATTACHMENTS:
        raise Refusal("too_many_attachments")
    complaints = [line for group in groups for line in _complaints(group)]
    if complaints:
        raise Refusal("invalid_blocks", *complaints)
    if sum(map(text_chars, groups)) > cap_chars:
        raise Refusal("msg_blocks_too_long")


def _complaints(blocks: list[Block]) -> Iterator[str]:
    if len(blocks) > BLOCKS:
        yield f"no more than {BLOCKS} items allowed [json-pointer:/blocks]"
    ids = [block["block_id"] for block in blocks if "block_id" in block]
    if len(ids) != len(set(ids)):
        yield "block_id must be unique [json-pointer:/blocks]"
    for index, block in enumerate(blocks):
        for pointer, problem in _in_block(block):
            yield f"{problem} [json-pointer:/blocks/{index}{pointer}]"


Complaint = tuple[str, str]


def _in_block(block: Block) -> Iterator[Complaint]:
    kind = block.get("type")
    if kind not in KINDS:
        yield "/type", f"unsupported type: {kind}"
    yield from _too_long("/block_id", block.get("block_id"), ID_CHARS)
    match kind:
        case "section":
            yield from _in_section(block)
        case "header":
            yield from _in_text("/text", block.get("text"), HEADER_CHARS, "plain_text")
        case "markdown":
            yield from _too_long("/text", block.get("text"), MARKDOWN_CHARS)
        case "context":
            yield from _in_elements(block, CONTEXT_ELEMENTS)
        case "actions":
            yield from _in_elements(block, ACTIONS_ELEMENTS)
        case "image":
            yield from _in_image("", block)


def _in_section(block: Block) -> Iterator[Complaint]:
    fields = block.get("fields") or []
    if "text" not in block and not fields:
        yield "", "missing required field: text or fields"
    if "text" in block:
        yield from _in_text("/text", block["text"], SECTION_CHARS)
    if len(fields) > SECTION_FIELDS:
        yield "/fields", f"no more than {SECTION_FIELDS} items allowed"
    for index, item in enumerate(fields):
        yield from _in_text(f"/fields/{index}", item, FIELD_CHARS)
    if "accessory" in block:
        yield from _in_element("/accessory", block["accessory"])


def _in_elements(block: Block, limit: int) -> Iterator[Complaint]:
    elements = block.get("elements") or []
    if not elements:
        yield "/elements", "must have at least 1 item"
    if len(elements) > limit:
        yield "/elements", f"no more than {limit} items allowed"
    for index, element in enumerate(elements):
        yield from _in_element(f"/elements/{index}", element)


def _in_element(pointer: str, element: Block) -> Iterator[Complaint]:
    yield from _too_long(f"{pointer}/action_id", element.get("action_id"), ID_CHARS)
    match element.get("type"):
        case "button":
            label = element.get("text")
            yield from _in_text(f"{pointer}/text", label, BUTTON_CHARS, "plain_text")
            value = element.get("value")
            yield from _too_long(f"{pointer}/value", value, BUTTON_VALUE_CHARS)
            yield from _too_long(f"{pointer}/url", element.get("url"), URL_CHARS)
        case "mrkdwn" | "plain_text":
            yield from _in_text(pointer, element, SECTION_CHARS)
        case "image":
            yield from _in_image(pointer, element)


def _in_image(pointer: str, image: Block) -> Iterator[Complaint]:
    if not ("image_url" in image or "slack_file" in image):
        yield pointer, "missing required field: image_url or slack_file"
    if not image.get("alt_text"):
        yield pointer, "missing required field: alt_text"
    yield from _too_long(f"{pointer}/image_url", image.get("image_url"), URL_CHARS)
    yield from _too_long(f"{pointer}/alt_text", image.get("alt_text"), FIELD_CHARS)


def _in_text(pointer: str, node: Any, limit: int, *kinds: str) -> Iterator[Complaint]:
    allowed = kinds or ("plain_text", "mrkdwn")
    if not isinstance(node, dict) or node.get("type") not in allowed:
        yield pointer, f"must be a text object of type {' or '.join(allowed)}"
    elif not node.get("text"):
        yield f"{pointer}/text", "must be more than 0 characters"
    else:
        yield from _too_long(f"{pointer}/text", node["text"], limit)


def _too_long(pointer: str, value: Any, limit: int) -> Iterator[Complaint]:
    if isinstance(value, str) and len(value) > limit:
        yield pointer, f"must be less than {limit + 1} characters"
