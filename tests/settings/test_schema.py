from collections.abc import Iterator
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from gpuwatch.settings import Settings


def models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
        for field in annotation.model_fields.values():
            yield from models(field.annotation)
    for argument in get_args(annotation):
        yield from models(argument)


SECTIONS = sorted(set(models(Settings)), key=str)


@pytest.mark.parametrize("model", SECTIONS)
def test_every_key_has_a_description(model: type[BaseModel]) -> None:
    bare = [name for name, field in model.model_fields.items() if not field.description]
    assert bare == []


def test_the_walk_reaches_every_section() -> None:
    names = {model.__name__ for model in models(Settings)}
    assert {"PrometheusSettings", "Tls", "CustomRuleSettings", "SigV4"} <= names


def test_the_schema_takes_what_people_write() -> None:
    schema = Settings.model_json_schema()
    assert schema["additionalProperties"] is False
    one, many = schema["properties"]["prometheus"]["anyOf"]
    assert one == {"$ref": "#/$defs/PrometheusSettings"}
    assert many["items"] == one
    duration = schema["properties"]["poll_interval"]
    assert {"type": "string"} in duration["anyOf"]
    rule = schema["$defs"]["CustomRuleSettings"]["properties"]
    assert "for" in rule
    assert "hold" not in rule
