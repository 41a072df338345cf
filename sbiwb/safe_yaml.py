"""YAML 1.2 as plain data: no tags, no duplicate keys, ``1e-3`` a number, ``no`` a word.

PyYAML resolves scalars by YAML 1.1, where ``no`` is false, ``1e-3`` is text, ``010`` is eight and
``1:30`` is ninety.  Here it only parses; scalars follow the core schema of YAML 1.2.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml

from sbiwb.errors import UsageError

# Aliases can make a small file describe a huge, or an endless, tree.
_MAX_NODES = 10_000

# What PyYAML calls text, lists and mappings that carry no tag.
_TAGS = {f"tag:yaml.org,2002:{kind}" for kind in ("str", "seq", "map")}

_WORDS: dict[str, bool | None] = {"": None, "~": None}
for _value, _word in ((None, "null"), (True, "true"), (False, "false")):
    _WORDS |= dict.fromkeys((_word, _word.capitalize(), _word.upper()), _value)
_INT = re.compile(r"[-+]?[0-9]{1,19}|0o[0-7]{1,21}|0x[0-9a-fA-F]{1,16}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")


def read_yaml(text: str, where: str) -> Any:
    """Parse one YAML document.

    Parameters
    ----------
    text : str
    where : str
        What the text is, for error messages: usually a file name.

    Raises
    ------
    UsageError
        If it is not YAML, repeats a key, or uses tags.
    """
    try:
        node = yaml.compose(text, Loader=yaml.BaseLoader)
        if node is None:
            raise UsageError(f"{where} is empty")
        return _Builder(where).build(node)
    except yaml.YAMLError as error:
        raise UsageError(f"{where} is not YAML", got=error) from error
    except RecursionError as error:
        raise UsageError(f"{where} is nested too deeply, or holds itself") from error


class _Builder:
    def __init__(self, where: str) -> None:
        self._where, self._nodes = where, 0

    def build(self, node: yaml.Node) -> Any:
        self._nodes += 1
        if self._nodes > _MAX_NODES:
            raise self._error(node, "more than 10,000 values")
        if node.tag not in _TAGS:
            raise self._error(node, f"the tag {node.tag}", "data without tags")
        if isinstance(node, yaml.MappingNode):
            return dict(self._pairs(node))
        if isinstance(node, yaml.SequenceNode):
            return [self.build(child) for child in node.value]
        return node.value if node.style else _scalar(node.value)  # type: ignore[attr-defined]

    def _pairs(self, node: yaml.MappingNode) -> Iterator[tuple[str, Any]]:
        seen: set[str] = set()
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise self._error(key, "a key that is not text")
            if key.value in seen:
                raise self._error(key, f"the key '{key.value}' twice", "each key once")
            seen.add(key.value)
            yield key.value, self.build(value)

    def _error(self, node: yaml.Node, got: str, expected: str | None = None) -> UsageError:
        line = node.start_mark.line + 1
        return UsageError(f"{self._where}, line {line}", got=got, expected=expected)


def _scalar(text: str) -> str | int | float | bool | None:
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text):
        return int(text, {"0o": 8, "0x": 16}.get(text[:2], 10))
    return float(text) if _FLOAT.fullmatch(text) else text


def write_yaml(data: Any) -> str:
    """Inverse of `read_yaml` for plain data; keys keep their order."""
    text: str = yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True)
    return text


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - write values out in full
        return True

    def represent_text(self, text: str) -> yaml.ScalarNode:
        # PyYAML quotes what YAML 1.1 would misread; 1.2 misreads other words.
        style = None if isinstance(_scalar(text), str) else "'"
        return self.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _Dumper.represent_text)
