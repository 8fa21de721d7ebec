"""YAML as nodes: keys, lists and single values with their lines, and what is wrong with them. Pure.

Nothing is made into an object on the way: every value stays the text that somebody wrote (0930 is not an
octal number, "on" is not yes), and a key that stands twice is seen.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date

import yaml

from scheduler.findings import Finding, Grade, finding

MAX_BYTES = 256 * 1024
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_NUMBER = re.compile(r"0|[1-9][0-9]{0,3}")
_YES = frozenset({"true", "yes", "on"})
_NO = frozenset({"false", "no", "off"})
_MEANT = {"enable": True, "enabled": True, "disable": False, "disabled": False}


def line_of(node: yaml.Node | None) -> int:
    return 0 if node is None else node.start_mark.line + 1


def is_null(node: yaml.Node) -> bool:
    return bool(node.tag == "tag:yaml.org,2002:null")


def is_empty(node: yaml.Node) -> bool:
    return is_null(node) or (isinstance(node, yaml.CollectionNode) and not node.value)


@dataclass(slots=True)
class NodeReader:
    """Reads nodes and keeps what it finds; `key` is always the path of the node inside the file."""

    findings: list[Finding] = field(default_factory=list)

    def say(self, code: str, key: str, node: yaml.Node | None, **params: str | int) -> None:
        self.findings.append(finding(code, key, line_of(node), **params))

    @property
    def refused(self) -> bool:
        return any(one.grade is Grade.REFUSED for one in self.findings)

    def root(self, content: bytes) -> yaml.Node | None:
        """The file's one document; `None` with a finding if there is none."""
        if len(content) > MAX_BYTES:
            self.say("too-large", "", None, limit=MAX_BYTES)
            return None
        try:
            root: yaml.Node | None = yaml.compose(content.decode("utf-8-sig"), Loader=yaml.SafeLoader)
        except UnicodeDecodeError:
            self.say("not-text", "", None)
            return None
        except yaml.YAMLError as error:
            self.findings.append(_unreadable(error))
            return None
        except RecursionError:
            self.say("unreadable", "", None, problem="it is nested too deeply")
            return None
        if root is None or is_null(root):
            self.say("not-a-timetable", "", root)
            return None
        return root

    def entries(self, key: str, node: yaml.Node) -> Iterator[tuple[str, yaml.Node]]:
        """The keys of a mapping with their values; those that stand twice are refused and come once."""
        if not isinstance(node, yaml.MappingNode):
            self.say("not-keys", key, node)
            return
        seen: set[str] = set()
        for name_node, value in node.value:
            name = self.text(key, name_node)
            if name is None:
                continue
            if name in seen:
                self.say("key-twice", f"{key}.{name}".lstrip("."), name_node, name=name)
                continue
            seen.add(name)
            yield name, value

    def items(self, key: str, node: yaml.Node) -> Iterator[tuple[str, str, yaml.Node]]:
        """Path, text and node of each entry of a list of single values."""
        if not isinstance(node, yaml.SequenceNode):
            self.say("not-a-list", key, node)
            return
        for number, item in enumerate(node.value):
            path = f"{key}[{number}]"
            text = self.text(path, item)
            if text is not None:
                yield path, text, item

    def text(self, key: str, node: yaml.Node) -> str | None:
        """A single value as it was written, without the spaces around it."""
        if not isinstance(node, yaml.ScalarNode):
            self.say("not-a-value", key, node)
            return None
        return str(node.value).strip()

    def yes_or_no(self, key: str, node: yaml.Node | None) -> bool | None:
        text = None if node is None else self.text(key, node)
        if text is None:
            return None
        word = text.lower()
        if word in _YES or word in _NO:
            return word in _YES
        if word in _MEANT:
            self.say("read-as", key, node, value=text, meant="true" if _MEANT[word] else "false")
            return _MEANT[word]
        self.say("not-yes-or-no", key, node, value=text)
        return None

    def number(self, key: str, node: yaml.Node) -> int | None:
        """A whole number up to 9999."""
        text = self.text(key, node)
        if text is None:
            return None
        if not _NUMBER.fullmatch(text):
            self.say("not-a-number", key, node, value=text)
            return None
        return int(text)

    def date(self, key: str, text: str, node: yaml.Node) -> date | None:
        """A date written YYYY-MM-DD."""
        try:
            if _DATE.fullmatch(text):
                return date.fromisoformat(text)
        except ValueError:  # of that shape, and yet not in the calendar
            pass
        self.say("bad-date", key, node, value=text)
        return None


def _unreadable(error: yaml.YAMLError) -> Finding:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "it is damaged"
    return finding("unreadable", "", mark.line + 1 if mark else 0, problem=problem)
