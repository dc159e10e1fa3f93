"""Reads the table of limits (tests/sass/limits.toml says how it is written)."""

import dataclasses
import re

try:
    import tomllib
except ImportError:  # before Python 3.11; pip brings the same reader with it
    from pip._vendor import tomli as tomllib

FUSED = ("none", "division", "any")


class BadTable(Exception):
    """The table of limits is not as it should be; the message is one line."""


def for_architecture(value, architecture):
    """A value that may differ by architecture: {sm_75 = 64, other = 32}, or the value itself."""
    if not isinstance(value, dict):
        return value
    if architecture in value:
        return value[architecture]
    if "other" in value:
        return value["other"]
    raise BadTable(f"no value for {architecture} in {value}")


@dataclasses.dataclass
class Row:
    """What holds for the kernels whose names match."""

    name: str
    match: re.Pattern
    kernels: int  # how many of them there are, for each architecture
    threads: int  # of a block, at the most
    registers: object
    shared_bytes: object
    dynamic_shared_bytes: object
    loads: object  # bits of global loads, widest first; None: any
    stores: object
    calls: object
    fused: str
    expected: object  # regular expressions of opcodes
    forbidden: object
    turn: dict  # through, amount, unit, base, terms; or None

    def turn_limit(self, kernel_name, architecture):
        """Instructions per unit; grows with the number that the pattern's group `terms` matched."""
        limit = for_architecture(self.turn["base"], architecture)
        found = self.match.search(kernel_name)
        if "terms" in self.match.groupindex:
            limit += for_architecture(self.turn["terms"], architecture) * int(found.group("terms"))
        return limit


@dataclasses.dataclass
class Table:
    architectures: list
    rows: list


def _named(document, kind, name, row):
    """A limit that stands apart with its reason, and is used by name."""
    entry = document.get(kind, {}).get(name)
    if entry is None:
        raise BadTable(f"row '{row}': there is no [{kind}.\"{name}\"]")
    if not str(entry.get("reason", "")).strip():
        raise BadTable(f"[{kind}.\"{name}\"] gives no reason")
    return entry


def _row(document, fields):
    fields = {**document.get("defaults", {}), **fields}
    name = fields.get("name", "(unnamed)")
    unknown = set(fields) - {field.name for field in dataclasses.fields(Row)}
    if unknown:
        raise BadTable(f"row '{name}': unknown key '{sorted(unknown)[0]}'")
    for key in ("name", "match", "kernels", "threads", "registers"):
        if key not in fields:
            raise BadTable(f"row '{name}': '{key}' is missing")
    calls = fields.get("calls", [])
    for each in calls.values() if isinstance(calls, dict) else [calls]:
        for call in each:
            _named(document, "calls", call, name)
    turn = fields.get("turn")
    if fields.get("fused", "none") not in FUSED:
        raise BadTable(f"row '{name}': fused is one of {', '.join(FUSED)}")
    row = Row(
        name=name, match=re.compile(fields["match"]), kernels=fields["kernels"], threads=fields["threads"],
        registers=_named(document, "registers", fields["registers"], name)["limit"],
        shared_bytes=fields.get("shared_bytes", 0), dynamic_shared_bytes=fields.get("dynamic_shared_bytes", 0),
        loads=fields.get("loads"), stores=fields.get("stores"), calls=calls, fused=fields.get("fused", "none"),
        expected=fields.get("expected", []), forbidden=fields.get("forbidden", []),
        turn=_named(document, "turns", turn, name) if turn is not None else None)
    for key in ("through", "amount", "unit", "base") if row.turn else ():
        if key not in row.turn:
            raise BadTable(f"[turns.\"{turn}\"]: '{key}' is missing")
    if row.turn and "terms" in row.match.groupindex and "terms" not in row.turn:
        raise BadTable(f"[turns.\"{turn}\"]: 'terms' is missing, and row '{name}' has kernels with several")
    return row


def read(path):
    try:
        with open(path, "rb") as file:
            document = tomllib.load(file)
        table = Table(document["architectures"], [_row(document, fields) for fields in document.get("kernel", [])])
    except OSError as error:
        raise BadTable(f"{path}: {error.strerror}") from None
    except KeyError as error:
        raise BadTable(f"{path}: {error} is missing") from None
    except (tomllib.TOMLDecodeError, re.error, BadTable) as error:
        raise BadTable(f"{path}: {error}") from None
    names = [row.name for row in table.rows]
    for name in names:
        if names.count(name) > 1:
            raise BadTable(f"{path}: two rows are called '{name}'")
    return table
