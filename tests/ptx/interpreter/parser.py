"""PTX text to modules, functions and instructions.

A module's variables and function headers are read at once; a function's body stays text until Function.body is asked
for, since most runs need a few of many functions. Names that a body declares in inner scopes (inline assembly) are made
unique here, so that what follows sees one flat scope a function.
"""

import re
from dataclasses import dataclass, field, replace
from functools import cached_property

from .errors import Unsupported

# Bits of each fundamental type, and its kind.
TYPES = {
    "pred": (1, "p"),
    "b8": (8, "b"),
    "b16": (16, "b"),
    "b32": (32, "b"),
    "b64": (64, "b"),
    "b128": (128, "b"),
    "u8": (8, "u"),
    "u16": (16, "u"),
    "u32": (32, "u"),
    "u64": (64, "u"),
    "s8": (8, "s"),
    "s16": (16, "s"),
    "s32": (32, "s"),
    "s64": (64, "s"),
    "f16": (16, "f"),
    "bf16": (16, "f"),
    "f32": (32, "f"),
    "f64": (64, "f"),
    "f16x2": (32, "x"),
    "bf16x2": (32, "x"),
    "u16x2": (32, "x"),
    "s16x2": (32, "x"),
}

SPACES = ("reg", "shared", "local", "param", "const", "global")


# Operands.
@dataclass(frozen=True)
class Name:
    """A register, a special register, a variable, a label or a function; plus a byte offset for variables."""

    name: str
    offset: int = 0
    negated: bool = False  # !p


@dataclass(frozen=True)
class Integer:
    value: int


@dataclass(frozen=True)
class FloatBits:
    bits: int
    width: int


@dataclass(frozen=True)
class Address:
    base: Name | Integer
    offset: int


@dataclass(frozen=True)
class Pair:
    """d|p: two destinations."""

    first: Name
    second: Name


@dataclass(frozen=True)
class Group:
    """{a, b} or (a, b)."""

    items: tuple


@dataclass(frozen=True)
class Instruction:
    line: int
    location: str  # the .loc before it, or ""
    guard: Name | None
    opcode: str
    operands: tuple
    text: str
    used_bytes: int | None = None  # of a load: a bit for each byte that matters (.pragma "used_bytes_mask")

    @property
    def parts(self):
        return self.opcode.split(".")


@dataclass(frozen=True)
class Label:
    name: str


@dataclass(frozen=True)
class Variable:
    space: str
    name: str
    type: str
    count: int | None  # elements; None for extern name[]
    align: int
    extern: bool = False
    data: bytes = b""  # the initialiser

    @property
    def size(self):
        return (self.count or 0) * TYPES[self.type][0] // 8


@dataclass
class Body:
    registers: dict = field(default_factory=dict)  # name to type
    variables: dict = field(default_factory=dict)  # name to Variable
    branch_tables: dict = field(default_factory=dict)  # name to tuple of labels
    items: list = field(default_factory=list)  # Instruction and Label


@dataclass
class Function:
    module: "Module"
    name: str
    is_kernel: bool
    parameters: list  # Variable
    results: list  # Variable
    directives: dict  # maxntid and reqntid, to tuples
    text: str  # the body without its braces
    first_line: int

    @cached_property
    def body(self):
        return _BodyReader(self).read()


@dataclass
class Module:
    path: str
    target: str
    variables: dict
    functions: dict
    files: dict  # number to path, of .file

    @property
    def kernels(self):
        return {name: function for name, function in self.functions.items() if function.is_kernel}


_TOKEN = re.compile(
    r'(?P<space>[ \t\r\n]+)|(?P<string>"[^"\n]*")'
    r"|(?P<float>0[fF][0-9a-fA-F]{8}\b|0[dD][0-9a-fA-F]{16}\b)"
    r"|(?P<integer>(?:0[xX][0-9a-fA-F]+|[0-9]+)U?\b)"
    r"|(?P<word>[.%$A-Za-z_][\w$]*(?:(?:\.|::)[\w$]+)*)"
    r"|(?P<mark>[{}()\[\];:,|!@+\-<>=])"
)


def _without_comments(text):
    """Comments as blanks; lines stay where they are."""
    blank = lambda match: re.sub(r"[^\n]", " ", match[0])
    return re.sub(r"//[^\n]*|/\*.*?\*/", blank, text, flags=re.S)


class _Reader:
    """A cursor over tokens (kind, text, line)."""

    def __init__(self, text, first_line, path):
        self.path = path
        self.tokens = []
        self.at = 0
        line, end = first_line, 0
        for match in _TOKEN.finditer(text):
            if match.start() != end:
                break
            end = match.end()
            if match.lastgroup == "space":
                line += match[0].count("\n")
            elif match.lastgroup == "word" and match[0][0] == ".":  # .reg.b32 is .reg .b32
                self.tokens += [("word", f".{part}", line) for part in match[0][1:].split(".")]
            else:
                self.tokens.append((match.lastgroup, match[0], line))
        if end != len(text):
            raise Unsupported(f"{path}:{line}: cannot read {text[end : end + 30]!r}")
        self.last_line = line

    def peek(self, ahead=0):
        place = self.at + ahead
        return self.tokens[place][1] if place < len(self.tokens) else ""

    def kind(self):
        return self.tokens[self.at][0] if self.at < len(self.tokens) else "end"

    def line(self):
        return self.tokens[self.at][2] if self.at < len(self.tokens) else self.last_line

    def next(self):
        if self.at >= len(self.tokens):
            self.refuse("the text ends too early")
        self.at += 1
        return self.tokens[self.at - 1][1]

    def take(self, text):
        if self.peek() == text:
            self.at += 1
            return True
        return False

    def expect(self, text):
        if not self.take(text):
            self.refuse(f"expected {text!r}, found {self.peek()!r}")

    def refuse(self, what):
        raise Unsupported(f"{self.path}:{self.line()}: {what}")

    def integer(self):
        negative = self.take("-")
        if self.kind() != "integer":
            self.refuse(f"expected an integer, found {self.peek()!r}")
        value = int(self.next().rstrip("U"), 0)
        return -value if negative else value

    def variable(self, space, extern=False):
        """What follows `.space`: [.align N] .type [.ptr ...] name [[N]] [= {...}]."""
        align, type_name = None, None
        while self.peek().startswith("."):
            word = self.next()[1:]
            if word == "align":
                align = self.integer()
            elif word in TYPES:
                type_name = word
            elif word == "ptr":  # a promise about what the parameter points to: nothing for an interpreter
                while self.peek() in (".align", ".global", ".shared", ".const", ".local"):
                    if self.next() == ".align":
                        self.integer()
            else:
                self.refuse(f".{word} in a declaration")
        if type_name is None:
            self.refuse("a declaration without a type")
        name = self.next()
        count = 1
        if self.take("["):
            count = None if self.peek() == "]" else self.integer()
            self.expect("]")
            if self.peek() == "[":
                self.refuse("an array of more than one dimension")
        width = TYPES[type_name][0] // 8
        data = self.initialiser(type_name) if self.take("=") else b""
        if count is None and not extern:
            count = len(data) // width
        return Variable(space, name, type_name, count, align or max(width, 1), extern, data)

    def initialiser(self, type_name):
        width = TYPES[type_name][0] // 8

        def one():
            if self.kind() == "float":
                return int(self.next()[2:], 16)
            if self.kind() != "integer" and self.peek() != "-":
                self.refuse(f"{self.peek()!r} in an initialiser")
            return self.integer() & ((1 << 8 * width) - 1)

        values = []
        if self.take("{"):
            while not self.take("}"):
                values.append(one())
                self.take(",")
        else:
            values.append(one())
        return b"".join(value.to_bytes(width, "little") for value in values)


_FUNCTION = re.compile(r"^[ \t]*(?:\.(?:visible|weak|extern|common)[ \t]+)*\.(entry|func)\b", re.M)


def parse(text, path="<text>"):
    """A Module."""
    text = _without_comments(text)
    files = {int(number): name for number, name in re.findall(r'^[ \t]*\.file[ \t]+(\d+)[ \t]+"([^"]*)"', text, re.M)}
    # Debugging sections hold bytes for a debugger only.
    text = re.sub(r"^[ \t]*\.section\b[^{]*\{.*?\}", lambda m: "\n" * m[0].count("\n"), text, flags=re.M | re.S)
    module = Module(path, "", {}, {}, files)
    end = 0
    for match in _FUNCTION.finditer(text):
        _read_variables(module, text[end : match.start()], 1 + text.count("\n", 0, end))
        end = _read_function(module, text, match)
    _read_variables(module, text[end:], 1 + text.count("\n", 0, end))
    if not module.target:
        raise Unsupported(f"{path}: no .target")
    return module


def _read_variables(module, text, line):
    reader = _Reader(text, line, module.path)
    extern = False
    while reader.kind() != "end":
        word = reader.next()
        if word == ".version":
            reader.tokens[reader.at]  # the number, which is no integer: 9.0
            while reader.kind() != "end" and not reader.peek().startswith(".target"):
                reader.next()
        elif word == ".target":
            module.target = reader.next()
            while reader.take(","):
                reader.next()
        elif word == ".address_size":
            if reader.integer() != 64:
                reader.refuse("an address size other than 64")
        elif word == ".file":
            reader.integer()
            reader.next()
            while reader.take(","):
                reader.integer()
        elif word in (".visible", ".weak", ".common"):
            pass
        elif word == ".extern":
            extern = True
        elif word in (".global", ".const", ".shared"):
            variable = reader.variable(word[1:], extern)
            module.variables[variable.name] = variable
            reader.expect(";")
            extern = False
        elif word == ".pragma":
            reader.next()
            reader.expect(";")
        elif word in (";", ".alias"):
            if word == ".alias":
                reader.refuse(".alias")
        else:
            reader.refuse(f"{word!r} outside a function")


def _read_function(module, text, match):
    """Reads the function whose header starts at `match`; where it ends in the text."""
    brace, semicolon = text.find("{", match.end()), text.find(";", match.end())
    declared_only = brace < 0 or 0 <= semicolon < brace
    head_end = semicolon if declared_only else brace
    line = 1 + text.count("\n", 0, match.end())
    reader = _Reader(text[match.end() : head_end], line, module.path)

    def list_of_parameters():
        variables = []
        while not reader.take(")"):
            reader.expect(".param")
            variables.append(reader.variable("param"))
            reader.take(",")
        return variables

    results = list_of_parameters() if reader.take("(") else []
    name = reader.next()
    parameters = list_of_parameters() if reader.take("(") else []
    directives = {}
    while reader.kind() != "end":
        word = reader.next()
        if word in (".maxntid", ".reqntid"):
            sizes = [reader.integer()]
            while reader.take(","):
                sizes.append(reader.integer())
            directives[word[1:]] = tuple(sizes + [1] * (3 - len(sizes)))
        elif word in (".minnctapersm", ".maxnreg", ".maxnctapersm"):
            reader.integer()
        elif word == ".noreturn":
            pass
        else:
            reader.refuse(f"{word} at a function")
    if declared_only:
        return semicolon + 1
    depth, end = 0, brace
    for mark in re.finditer(r'[{}]|"[^"\n]*"', text[brace:]):
        if mark[0][0] == '"':
            continue
        depth += 1 if mark[0] == "{" else -1
        if depth == 0:
            end = brace + mark.start()
            break
    body_line = 1 + text.count("\n", 0, brace + 1)
    module.functions[name] = Function(
        module, name, match[1] == "entry", parameters, results, directives, text[brace + 1 : end], body_line
    )
    return end + 1


class _BodyReader:
    """Reads a function's body."""

    def __init__(self, function):
        self.function = function
        self.reader = _Reader(function.text, function.first_line, function.module.path)
        self.body = Body()
        self.scopes = [{}]  # names that a scope declares, to unique names; the innermost scope last
        self.scope_count = 0
        self.location = ""
        self.used_bytes = None
        self.labels = [{}]  # the same for labels

    def read(self):
        reader = self.reader
        while reader.kind() != "end":
            word = reader.peek()
            if word == "{":
                reader.next()
                self.scope_count += 1
                self.scopes.append({})
                self.labels.append({})
            elif word == "}":
                reader.next()
                self.scopes.pop()
                self.labels.pop()
            elif word == ";":
                reader.next()
            elif word.startswith("."):
                self.directive()
            elif reader.peek(1) == ":":
                self.label()
            else:
                self.instruction()
        self.body.items = [item if isinstance(item, Label) else self.with_labels(*item) for item in self.body.items]
        self.body.branch_tables = {
            name: tuple(self.resolve_label(label, labels, self.function.first_line) for label in targets)
            for name, (targets, labels) in self.body.branch_tables.items()
        }
        return self.body

    def unique(self, name):
        unique = name if len(self.scopes) == 1 else f"{name}@{self.scope_count}"
        self.scopes[-1][name] = unique
        return unique

    def find(self, name):
        for scope in reversed(self.scopes):
            if name in scope:
                return scope[name]
        return name

    def label(self):
        name = self.reader.next()
        self.reader.expect(":")
        if self.reader.peek() == ".branchtargets":
            self.reader.next()
            targets = [self.reader.next()]
            while self.reader.take(","):
                targets.append(self.reader.next())
            self.reader.expect(";")
            self.body.branch_tables[name] = (targets, list(self.labels))
            return
        if self.reader.peek().startswith(".callprototype"):
            self.reader.refuse(".callprototype: an indirect call")
        unique = name if len(self.scopes) == 1 else f"{name}@{self.scope_count}"
        self.labels[-1][name] = unique
        self.body.items.append(Label(unique))

    def directive(self):
        reader = self.reader
        word = reader.next()
        if word == ".reg":
            type_name = reader.next()[1:]
            if type_name not in TYPES:
                reader.refuse(f"a register of type .{type_name}")
            while True:
                name = reader.next()
                if reader.take("<"):
                    for number in range(reader.integer()):
                        self.body.registers[self.unique(f"{name}{number}")] = type_name
                    reader.expect(">")
                else:
                    self.body.registers[self.unique(name)] = type_name
                if not reader.take(","):
                    break
            reader.expect(";")
        elif word in (".local", ".shared", ".param"):
            variable = reader.variable(word[1:])
            reader.expect(";")
            unique = self.unique(variable.name)
            self.body.variables[unique] = variable
        elif word == ".loc":
            number, line = reader.integer(), reader.integer()
            reader.integer()
            while reader.take(","):
                if reader.next() == "function_name":
                    reader.next()
                    if reader.take("+"):
                        reader.integer()
                else:  # inlined_at FILE LINE COLUMN
                    for _ in range(3):
                        reader.integer()
            self.location = f"{self.function.module.files.get(number, number)}:{line}"
        elif word == ".pragma":
            name, *values = reader.next().strip('"').split()
            if name == "used_bytes_mask":
                self.used_bytes = int(values[0], 0)
            elif name != "nounroll":
                reader.refuse(f".pragma {name}")
            reader.expect(";")
        else:
            reader.refuse(f"{word} in a function")

    def instruction(self):
        reader = self.reader
        line, start = reader.line(), reader.at
        guard = None
        if reader.take("@"):
            negated = reader.take("!")
            guard = Name(self.find(reader.next()), 0, negated)
        if reader.kind() != "word":
            reader.refuse(f"expected an instruction, found {reader.peek()!r}")
        opcode = reader.next()
        operands = []
        while not reader.take(";"):
            operands.append(self.operand())
            if reader.peek() != ";":
                reader.expect(",")
        text = " ".join(token[1] for token in reader.tokens[start : reader.at])
        text = re.sub(r"(?<=[\[{(!@|+-]) ", "", re.sub(r" (?=[,;\]})|+])", "", text))
        instruction = Instruction(line, self.location, guard, opcode, tuple(operands), text, self.used_bytes)
        self.used_bytes = None
        self.body.items.append((instruction, list(self.labels)))

    def operand(self):
        reader = self.reader
        for opening, closing in (("{", "}"), ("(", ")")):
            if reader.take(opening):
                items = []
                while not reader.take(closing):
                    items.append(self.operand())
                    if reader.peek() != closing:
                        reader.expect(",")
                return Group(tuple(items))
        if reader.take("["):
            base = self.operand()
            if isinstance(base, Name):
                base, offset = Name(base.name), base.offset
            elif isinstance(base, Integer):
                offset = 0
            else:
                reader.refuse("an address of this form")
            reader.expect("]")
            return Address(base, offset)
        if reader.kind() == "float":
            text = reader.next()
            return FloatBits(int(text[2:], 16), 4 * (len(text) - 2))
        if reader.kind() == "integer" or reader.peek() == "-":
            return Integer(reader.integer())
        negated = reader.take("!")
        if reader.kind() != "word":
            reader.refuse(f"an operand that starts with {reader.peek()!r}")
        name = self.find(reader.next())
        if reader.take("|"):
            return Pair(Name(name), Name(self.find(reader.next())))
        offset = 0
        if reader.peek() in ("+", "-"):
            sign = -1 if reader.next() == "-" else 1
            offset = sign * reader.integer()
        return Name(name, offset, negated)

    def resolve_label(self, name, labels, line):
        for scope in reversed(labels):
            if name in scope:
                return scope[name]
        raise Unsupported(f"{self.function.module.path}:{line}: no label {name}")

    def with_labels(self, instruction, labels):
        """The instruction with a branch's label resolved, now that every label is known."""
        if instruction.opcode not in ("bra", "bra.uni"):
            return instruction
        target = self.resolve_label(instruction.operands[0].name, labels, instruction.line)
        return replace(instruction, operands=(Name(target),))
