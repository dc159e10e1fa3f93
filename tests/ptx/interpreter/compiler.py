"""One PTX function to one Python generator function.

A register is a Python local variable that holds its bits as an unsigned int (a predicate: a bool), so that reading a
register that was never written is Python's NameError. A register that floating-point instructions use has a
second variable, its number: the same value as a Python float. Which of the two forms a register needs anywhere in the
function is found in a first pass whose code is thrown away; every definition then makes exactly those.

Control flow: a basic block with one predecessor is written where it is branched to, as nested if and else; every other
block gets a number, and a loop with a binary tree of comparisons runs the block whose number is `block`.

The generator yields where a thread waits for others (machine.py says what), and the value sent back is the result.
"""

import itertools
import re
from array import array

from .errors import Fault, Unsupported
from .memory import LOCAL_WINDOW, PARAM_WINDOW, SHARED_WINDOW
from .parser import TYPES, FloatBits, Function, Integer, Label, Name

MODULE_BASE = 0x6000000000000000  # .const and .global variables; far from a process's own addresses
_MODULE_GAP = 4096

# One element each, which two types look at: assigning a number rounds it to nearest even, as C's cast does.
F32 = array("f", [0.0])
U32 = memoryview(F32).cast("B").cast("I")
F64 = array("d", [0.0])
U64 = memoryview(F64).cast("B").cast("Q")
_VIEWS = {32: ("F32", "U32"), 64: ("F64", "U64")}

_MOST_NESTING = 60  # of Python's 100 levels of indentation
_STEP_LIMIT = 20_000_000  # branches a thread may take before it counts as endless

_SPECIAL_REGISTERS = {
    **{
        f"%{name}.{axis}": (f"T.{name}[{place}]", 32)
        for name in ("tid", "ntid", "ctaid", "nctaid")
        for place, axis in enumerate("xyz")
    },
    "%laneid": ("T.lane", 32),
    "%warpid": ("T.warp_number", 32),
    "%nwarpid": ("T.warp_count", 32),
    "%lanemask_eq": ("(1 << T.lane)", 32),
    "%lanemask_lt": ("((1 << T.lane) - 1)", 32),
    "%lanemask_le": ("((2 << T.lane) - 1)", 32),
    "%lanemask_gt": ("(0xffffffff ^ ((2 << T.lane) - 1))", 32),
    "%lanemask_ge": ("(0xffffffff ^ ((1 << T.lane) - 1))", 32),
    "%dynamic_smem_size": ("T.dynamic_shared_bytes", 32),
}

INSTRUCTIONS = {}  # base mnemonic to emitter; the instructions_*.py modules fill it


def instruction(*names):
    """Registers the function that writes these instructions' Python code: emitter(context, operands, modifiers)."""

    def register(emitter):
        for name in names:
            INSTRUCTIONS[name] = emitter
        return emitter

    return register


class Modifiers:
    """What follows the mnemonic. An emitter takes what it knows; what is left is refused."""

    def __init__(self, context, instruction):
        self.context = context
        self.base, *self.left = instruction.parts

    def take(self, *options):
        for option in options:
            if option in self.left:
                self.left.remove(option)
                return option
        return None

    def take_all(self, *options):
        while self.take(*options):
            pass

    def type(self):
        """The last modifier, which is a type."""
        if not self.left or self.left[-1] not in TYPES:
            self.context.refuse("expected a type at the end")
        return self.left.pop()

    def finish(self):
        if self.left:
            self.context.refuse("modifier ." + ", .".join(self.left))


class SharedLayout:
    """Where the shared variables of one kernel, and of what it calls, lie."""

    def __init__(self):
        self.offsets = {}
        self.names = []
        self.size = 0
        self.dynamic_align = 1

    def place(self, key, variable):
        if key not in self.offsets:
            self.size = -(-self.size // variable.align) * variable.align
            self.offsets[key] = self.size
            self.names.append((self.size, variable.size, variable.name))
            self.size += variable.size
        return self.offsets[key]

    @property
    def dynamic_offset(self):
        return -(-self.size // self.dynamic_align) * self.dynamic_align


class Program:
    """A module with its variables laid out and its kernels compiled when asked for."""

    def __init__(self, module, count_instructions=False):
        self.module = module
        self.count_instructions = count_instructions
        self.addresses = {}
        self.kernels = {}
        address = MODULE_BASE
        for variable in module.variables.values():
            if variable.space in ("global", "const"):
                address = -(-address // 256) * 256
                self.addresses[variable.name] = address
                address += variable.size + _MODULE_GAP

    def initial_variables(self):
        """(address, data) of the .const and .global variables; .const as bytes, which refuse a write."""
        for name, address in self.addresses.items():
            variable = self.module.variables[name]
            data = variable.data.ljust(variable.size, b"\0")
            yield address, data if variable.space == "const" else bytearray(data)

    def kernel(self, name):
        if name not in self.kernels:
            self.kernels[name] = CompiledKernel(self, self.module.functions[name])
        return self.kernels[name]


class CompiledKernel:
    def __init__(self, program, function):
        self.program = program
        self.function = function
        self.shared = SharedLayout()
        self.functions = {}  # name to CompiledFunction, the kernel and what it calls
        self.entry = self.compiled(function.name)
        for compiled in self.functions.values():
            compiled.namespace["DYNAMIC_SHARED"] = self.shared.dynamic_offset
        self.parameter_offsets, self.parameter_size = layout(function.parameters)

    def compiled(self, name):
        if name not in self.functions:
            function = self.program.module.functions.get(name)
            if function is None:
                raise Unsupported(f"a call of {name}, which the module does not define")
            self.functions[name] = None  # seen: a recursive call is refused
            self.functions[name] = _FunctionCompiler(self, function).compile()
        if self.functions[name] is None:
            raise Unsupported(f"{name} calls itself")
        return self.functions[name]


def layout(variables):
    """(offsets, size) of variables laid out one behind the other."""
    offsets, size = [], 0
    for variable in variables:
        size = -(-size // variable.align) * variable.align
        offsets.append(size)
        size += variable.size
    return offsets, size


class CompiledFunction:
    """The generator function `run(T, PARAM)`, and what a report needs to know about its Python code."""

    def __init__(self, function, source, namespace, instructions, registers):
        self.function = function
        self.source = source
        self.namespace = namespace
        self.instructions = instructions  # of each line of the source
        self.registers = registers  # Python variable to register
        self.file = f"<ptx {function.name}>"
        exec(compile(source, self.file, "exec"), namespace)
        self.run = namespace["run"]

    def instruction_at(self, line):
        while line > 0 and self.instructions[line - 1] is None:
            line -= 1
        return self.instructions[line - 1] if line > 0 else None


class _Block:
    def __init__(self, index):
        self.index = index
        self.instructions = []
        self.following = None  # the block that it falls into
        self.predecessors = 0


class _FunctionCompiler:
    """Writes the code of one function. Emitters see it as the context."""

    def __init__(self, kernel, function: Function):
        self.kernel = kernel
        self.program = kernel.program
        self.function = function
        self.module = function.module
        self.body = function.body
        self.current = None
        self.namespace = {"F32": F32, "U32": U32, "F64": F64, "U64": U64, "repeat": itertools.repeat, "Fault": Fault}
        self.identifiers = {
            name: f"v{number}_{re.sub('[^A-Za-z0-9]', '', name)}" for number, name in enumerate(self.body.registers)
        }
        self.needs_bits, self.needs_number = set(), set()
        self.copies = []  # (destination, sources): a form that the first needs, the others need
        self.prologue = {}  # local variable to its expression
        self.temporaries = itertools.count()
        self._place_variables()

    # ---- operands -------------------------------------------------------------------------------------------------

    def refuse(self, what):
        where = f"{self.module.path}:{self.current.line}: `{self.current.text}`" if self.current else self.module.path
        raise Unsupported(f"{where}: {what}, which the interpreter does not know")

    def register_width(self, name):
        if name not in self.body.registers:
            self.refuse(f"{name}, which is no register")
        return TYPES[self.body.registers[name]][0]

    def is_register(self, operand):
        return isinstance(operand, Name) and operand.name in self.body.registers

    def bits(self, operand, width):
        """An expression of the operand's bits, 0 <= it < 2^width."""
        mask = (1 << width) - 1
        if isinstance(operand, Integer):
            return hex(operand.value & mask) if abs(operand.value) > 9 or operand.value < 0 else str(operand.value)
        if isinstance(operand, FloatBits):
            if operand.width != width:
                self.refuse("a floating-point constant of another width")
            return hex(operand.bits)
        if not isinstance(operand, Name) or operand.negated:
            self.refuse("an operand of this form")
        if self.is_register(operand):
            if operand.offset:
                self.refuse("register + offset outside an address")
            own = self.register_width(operand.name)
            if own == 1:
                self.refuse(f"the predicate {operand.name} as a number")
            if own < width:
                self.refuse(f"{operand.name} is narrower than the operand")
            name = self.identifiers[operand.name]
            self.needs_bits.add(name)
            return name if own == width else f"({name} & {mask:#x})"
        if operand.name in _SPECIAL_REGISTERS:
            expression, own = _SPECIAL_REGISTERS[operand.name]
            name = "s" + operand.name.replace("%", "_").replace(".", "_")
            self.prologue[name] = expression
            return name if width >= own else f"({name} & {mask:#x})"
        return self.variable_address(operand)

    def signed(self, operand, width):
        """An expression of the operand's bits as a two's complement number."""
        half = 1 << (width - 1)
        if isinstance(operand, Integer):
            return str(((operand.value & ((1 << width) - 1)) ^ half) - half)
        return f"(({self.bits(operand, width)} ^ {half:#x}) - {half:#x})"

    def biased(self, operand, width):
        """Like signed, plus 2^(width - 1): what keeps the order of signed numbers and costs less."""
        half = 1 << (width - 1)
        if isinstance(operand, Integer):
            return hex((operand.value & ((1 << width) - 1)) ^ half)
        return f"({self.bits(operand, width)} ^ {half:#x})"

    def integer(self, operand, width, kind):
        return self.signed(operand, width) if kind == "s" else self.bits(operand, width)

    def number(self, operand, width):
        """An expression of the operand as a Python float; width 32 or 64."""
        if self.is_register(operand):
            if self.register_width(operand.name) != width or operand.offset or operand.negated:
                self.refuse("a floating-point operand of another width")
            name = self.identifiers[operand.name]
            self.needs_number.add(name)
            return name + "f"
        if not isinstance(operand, FloatBits) or operand.width != width:
            self.refuse("a floating-point operand of this form")
        numbers, words = (F32, U32) if width == 32 else (F64, U64)
        words[0] = operand.bits
        value = numbers[0]
        return repr(value) if value - value == 0 else self.use(value, f"number_{operand.bits:x}")

    def predicate(self, operand):
        """An expression that is a bool."""
        if isinstance(operand, Integer):
            return str(operand.value != 0)
        if not self.is_register(operand) or self.register_width(operand.name) != 1:
            self.refuse("an operand that should be a predicate")
        name = self.identifiers[operand.name]
        return f"(not {name})" if operand.negated else name

    def operands(self, instruction_operands, *counts):
        if len(instruction_operands) not in counts:
            self.refuse(f"{len(instruction_operands)} operands")
        return instruction_operands

    # ---- results --------------------------------------------------------------------------------------------------

    def line(self, text):
        self.lines.append((self.depth, text, self.current))

    def temporary(self):
        return f"t{next(self.temporaries)}"

    def destination(self, operand, width, wider=False):
        """The Python variable of a destination register, or None for the sink _."""
        if isinstance(operand, Name) and operand.name == "_":
            return None
        if not self.is_register(operand) or operand.offset or operand.negated:
            self.refuse("a destination that is no register")
        own = self.register_width(operand.name)
        if own != width and not (wider and own > width):
            self.refuse(f"a destination of {own} bits for a result of {width}")
        return self.identifiers[operand.name]

    def set(self, operand, width, expression):
        """Gives a register the bits of an expression (in range already)."""
        name = self.destination(operand, width)
        if name is None:
            self.line(expression)
            return
        self.line(f"{name} = {expression}")
        if name in self.needs_number:
            self._number_from_bits(name, width)

    def loaded(self, operand, width):
        """Completes a register whose bits a line has just set by name."""
        name = self.identifiers[operand.name]
        if name in self.needs_number:
            self._number_from_bits(name, width)

    def set_predicate(self, operand, expression):
        name = self.destination(operand, 1)
        self.line(expression if name is None else f"{name} = {expression}")

    def set_extended(self, operand, width, expression, sign_extend):
        """Gives a register of `width` bits or more a result, extended with its sign or with zeros."""
        name = self.destination(operand, width, wider=True)
        if name is None:
            self.line(expression)
            return
        own = self.register_width(operand.name)
        if own > width and sign_extend:
            half = 1 << (width - 1)
            expression = f"(({expression} ^ {half:#x}) - {half:#x}) & {(1 << own) - 1:#x}"
        self.set(operand, own, expression)

    def set_number(self, operand, width, expression, exact=False):
        """Gives a register a number, rounded to nearest even unless it is exact; any NaN is the canonical one."""
        name = self.destination(operand, width)
        numbers, words = _VIEWS[width]
        number = name + "f" if name else self.temporary()
        if exact or width == 64:
            self.line(f"{number} = {expression}")
        else:
            self.line(f"{numbers}[0] = {expression}")
            self.line(f"{number} = {numbers}[0]")
        if name in self.needs_bits:
            if exact or width == 64:
                self.line(f"{numbers}[0] = {number}")
            nan = "0x7fffffff" if width == 32 else self.use(_binary64_nan) + "()"
            self.line(f"{name} = {words}[0] if {number} == {number} else {nan}")

    def copy(self, operand, width, sources, bits="{}", number="{}"):
        """Gives a register what the templates make of the sources, each form from the same form of the sources."""
        name = self.destination(operand, width)
        if name is None:
            self.line(bits.format(*(self.bits(source, width) for source in sources)))
            return
        if width not in _VIEWS or not all(self.is_register(s) or isinstance(s, FloatBits) for s in sources):
            self.set(operand, width, bits.format(*(self.bits(source, width) for source in sources)))
            return
        names = [self.identifiers[source.name] for source in sources if self.is_register(source)]
        self.copies.append((name, names))
        wants_number = name in self.needs_number
        if name in self.needs_bits or not wants_number:
            kept = set(self.needs_bits)
            self.line(f"{name} = " + bits.format(*(self.bits(source, width) for source in sources)))
            if self.first_pass:  # only the fixed point over the copies tells whether the sources' bits are needed
                self.needs_bits = kept
        if wants_number:
            self.line(f"{name}f = " + number.format(*(self.number(source, width) for source in sources)))

    def _number_from_bits(self, name, width):
        numbers, words = _VIEWS[width]
        self.line(f"{words}[0] = {name}")
        self.line(f"{name}f = {numbers}[0]")

    # ---- names of the generated code ------------------------------------------------------------------------------

    def use(self, value, name=None):
        """A name by which the generated code reaches a Python value."""
        name = name or value.__name__.strip("_")
        known = self.namespace.setdefault(name, value)
        if known is not value and not isinstance(value, float):  # the name of a number tells its bits
            raise AssertionError(f"two values named {name}")
        return name

    def accessor(self, space, action, format):
        """A local variable that holds memory.py's accessor."""
        memory = {
            "global": "T.global_memory",
            "const": "T.global_memory",
            "shared": "T.shared",
            "local": "T.local",
            "param": "PARAM",
            "": "T.generic(PARAM)",
        }[space]
        name = f"{action}_{space or 'generic'}_{format.strip('<')}"
        self.prologue[name] = f"{memory}.{action}({format!r})"
        return name

    # ---- variables ------------------------------------------------------------------------------------------------

    def _place_variables(self):
        """Local variables: offsets in the thread's local frame. Parameters: offsets in the function's own space, first
        what it is called with, then its results, then those of its calls."""
        self.local_offsets, self.local_size = {}, 0
        for name, variable in self.body.variables.items():
            if variable.space == "local":
                self.local_size = -(-self.local_size // variable.align) * variable.align
                self.local_offsets[name] = self.local_size
                self.local_size += variable.size
        inner = {name: v for name, v in self.body.variables.items() if v.space == "param"}
        ordered = self.function.parameters + self.function.results + list(inner.values())
        names = [v.name for v in self.function.parameters + self.function.results] + list(inner)
        offsets, self.parameter_size = layout(ordered)
        self.parameters = {name: (offset, v) for name, offset, v in zip(names, offsets, ordered)}

    def space_of(self, name):
        """The state space of a variable, or None for a name that is none."""
        if name in self.parameters:
            return "param"
        variable = self.body.variables.get(name) or self.module.variables.get(name)
        return variable.space if variable else None

    def variable_address(self, operand):
        """An expression of a variable's address in its own space."""
        name, offset = operand.name, operand.offset
        if name in self.parameters:
            return str(self.parameters[name][0] + offset)
        if name in self.local_offsets:
            self.prologue["local_base"] = f"T.enter({self.local_size})"
            return f"(local_base + {self.local_offsets[name] + offset})"
        if name in self.body.variables:  # .shared
            if not self.function.is_kernel:
                self.refuse("shared memory that a device function declares")
            return str(self.kernel.shared.place((self.function.name, name), self.body.variables[name]) + offset)
        variable = self.module.variables.get(name)
        if variable is None:
            self.refuse(f"the name {name}")
        if variable.space == "shared":
            if variable.extern and variable.count is None:
                shared = self.kernel.shared
                shared.dynamic_align = max(shared.dynamic_align, variable.align)
                return f"(DYNAMIC_SHARED + {offset})" if offset else "DYNAMIC_SHARED"
            return str(self.kernel.shared.place(name, variable) + offset)
        if variable.extern:
            self.refuse(f"{name}, which another module defines")
        return hex(self.program.addresses[name] + offset)

    def address(self, operand, space):
        """An expression of an address operand, in its space."""
        base = operand.base
        if isinstance(base, Integer):
            return str(base.value)
        if not self.is_register(base):
            own = self.space_of(base.name)
            if own != space:
                self.refuse(f"{base.name}, which is not in .{space or 'generic'}")
            return self.variable_address(Name(base.name, operand.offset))
        width = self.register_width(base.name)
        if width not in (32, 64):
            self.refuse("an address register of this width")
        register = self.bits(base, width)
        if not operand.offset:
            return register
        return f"({register} + {operand.offset}) & {(1 << width) - 1:#x}"

    def window(self, space):
        return {"shared": SHARED_WINDOW, "local": LOCAL_WINDOW, "param": PARAM_WINDOW, "global": 0, "const": 0}[space]

    # ---- calls ----------------------------------------------------------------------------------------------------

    def call(self, results, name, arguments):
        """A call of a device function: its parameters are copied into its own space, its results back."""
        compiled = self.kernel.compiled(name)
        callee = compiled.function
        if len(callee.parameters) != len(arguments) or len(callee.results) != len(results):
            self.refuse("a call with other parameters than the function has")
        offsets, _ = layout(callee.parameters + callee.results)
        copies_in, copies_out = [], []
        for place, (given, formal) in enumerate(zip(arguments + results, callee.parameters + callee.results)):
            own = self.parameters.get(given.name)
            if own is None or own[1].size != formal.size:
                self.refuse(f"the parameter {given.name} of a call")
            if place < len(arguments):
                copies_in.append((own[0], offsets[place], formal.size))
            else:
                copies_out.append((offsets[place], own[0], formal.size))
        run = self.use(compiled.run, "call_" + re.sub(r"\W", "_", name))
        frame = self.temporary()
        space = self.use(_parameter_space)
        self.line(f"{frame} = {space}({compiled.parameter_size}, PARAM.data, {tuple(copies_in)!r})")
        self.line(f"yield from {run}(T, {frame})")
        for source, target, size in copies_out:
            self.line(f"PARAM.data[{target}:{target + size}] = {frame}.data[{source}:{source + size}]")

    # ---- control flow ---------------------------------------------------------------------------------------------

    def compile(self):
        self.blocks, self.block_of_label = self._blocks()
        for self.first_pass in (True, False):
            self.roots = [self.blocks[0]] + [block for block in self.blocks[1:] if block.predecessors > 1]
            self.prologue = {}
            self.temporaries = itertools.count()
            codes = []
            for root in self.roots:  # grows where blocks nest too deeply
                self.lines, self.depth = [], 0
                self._write_block(root)
                codes.append(self.lines)
            if self.first_pass:
                self._settle_forms()
        source, instructions = self._assemble(codes)
        registers = {identifier: name for name, identifier in self.identifiers.items()}
        compiled = CompiledFunction(self.function, source, self.namespace, instructions, registers)
        compiled.parameter_size = self.parameter_size
        return compiled

    def _settle_forms(self):
        """Copies pass on what they need to their sources, until nothing changes."""
        self._pass_on()
        for destination, _ in self.copies:
            if destination not in self.needs_number:
                self.needs_bits.add(destination)  # used by nothing: keep one form
        self._pass_on()

    def _pass_on(self):
        changed = True
        while changed:
            changed = False
            for destination, sources in reversed(self.copies):
                for needs in (self.needs_bits, self.needs_number):
                    if destination in needs and not needs.issuperset(sources):
                        needs.update(sources)
                        changed = True

    def _blocks(self):
        blocks, labels = [_Block(0)], {}
        for item in self.body.items:
            if isinstance(item, Label):
                if blocks[-1].instructions or blocks[-1].following == "cut":
                    if blocks[-1].following != "cut":
                        blocks[-1].following = len(blocks)
                    blocks.append(_Block(len(blocks)))
                labels[item.name] = blocks[-1]
                continue
            if blocks[-1].following == "cut":
                blocks.append(_Block(len(blocks)))
            blocks[-1].instructions.append(item)
            base = item.parts[0]
            if base in ("bra", "ret", "exit", "trap") or item.opcode.startswith("brx"):
                blocks[-1].following = "cut"
                if item.guard is not None:
                    blocks[-1].following = len(blocks)
                    blocks.append(_Block(len(blocks)))
        for block in blocks:
            if block.following == "cut":
                block.following = None
            elif block.following is not None:
                block.following = blocks[block.following]
        blocks[0].predecessors = 1  # the entry
        reached, waiting = {0}, [blocks[0]]
        while waiting:
            for target in self._targets(waiting.pop(), labels):
                target.predecessors += 1
                if target.index not in reached:
                    reached.add(target.index)
                    waiting.append(target)
        return blocks, labels

    def _targets(self, block, labels):
        last = block.instructions[-1] if block.instructions else None
        targets = []
        if last and last.parts[0] == "bra":
            targets.append(labels[last.operands[0].name])
        elif last and last.opcode.startswith("brx"):
            targets += [labels[name] for name in dict.fromkeys(self.body.branch_tables.get(last.operands[1].name, ()))]
        if block.following is not None:
            targets.append(block.following)
        return targets

    def _write_block(self, block):
        counted = len(block.instructions)
        if self.program.count_instructions and counted:
            self.line(f"T.count += {counted}")
        for instruction in block.instructions:
            self.current = instruction
            base = instruction.parts[0]
            if base in ("bra", "ret", "exit", "trap") or instruction.opcode.startswith("brx"):
                break
            if instruction.guard is None:
                self._write_instruction(instruction)
            else:
                self.line(f"if {self.predicate(instruction.guard)}:")
                self.depth += 1
                before = len(self.lines)
                self._write_instruction(instruction)
                if len(self.lines) == before:
                    self.line("pass")
                self.depth -= 1
        else:
            self._end(block)
            return
        if instruction.guard is None:
            self._jump(instruction)
        else:
            self.line(f"if {self.predicate(instruction.guard)}:")
            self.depth += 1
            self._jump(instruction)
            self.depth -= 1
            self.current = instruction
            self.line("else:")
            self.depth += 1
            self._go(block.following)
            self.depth -= 1

    def _end(self, block):
        if block.following is not None:
            self._go(block.following)
        else:
            self.line("raise Fault('RUNS PAST THE END of the function')")

    def _jump(self, instruction):
        base = instruction.parts[0]
        if instruction.opcode in ("bra", "bra.uni"):
            self._go(self.block_of_label[instruction.operands[0].name])
        elif instruction.opcode in ("ret", "ret.uni", "exit"):
            if base == "exit" and not self.function.is_kernel:
                self.refuse("exit in a device function")
            if self.local_offsets:
                self.prologue["local_base"] = f"T.enter({self.local_size})"
                self.line("T.leave(local_base)")
            self.line("return")
        elif instruction.opcode == "trap":
            self.line("raise Fault('TRAP')")
        elif instruction.opcode in ("brx.idx", "brx.idx.uni"):
            index, table = instruction.operands
            targets = self.body.branch_tables.get(table.name)
            if targets is None:
                self.refuse(f"the branch table {table.name}")
            index = self.bits(index, 32)
            for place, label in enumerate(targets):
                self.line(f"{'el' if place else ''}if {index} == {place}:")
                self.depth += 1
                self._go(self.block_of_label[label], inline=False)
                self.depth -= 1
            self.line("else:")
            self.depth += 1
            self.line("raise Fault('OUT OF BOUNDS index of a branch table')")
            self.depth -= 1
        else:
            self.refuse("a branch of this form")

    def _go(self, target, inline=True):
        if target not in self.roots:
            if inline and target.predecessors == 1 and self.depth < _MOST_NESTING:
                self._write_block(target)
                return
            self.roots.append(target)
        self.line(f"block = {self.roots.index(target)}")

    def _write_instruction(self, instruction):
        emitter = INSTRUCTIONS.get(instruction.parts[0])
        if emitter is None:
            self.refuse(f"the instruction {instruction.parts[0]}")
        modifiers = Modifiers(self, instruction)
        emitter(self, instruction.operands, modifiers)
        modifiers.finish()

    def _assemble(self, codes):
        lines = [(0, "def run(T, PARAM):", None), (1, "if False: yield", None)]
        lines += [(1, f"{name} = {expression}", None) for name, expression in sorted(self.prologue.items())]
        if len(codes) == 1 and not any(text.startswith("block = ") for _, text, _ in codes[0]):
            lines += [(depth + 1, text, instruction) for depth, text, instruction in codes[0]]
        else:
            lines.append((1, "block = 0", None))
            lines.append((1, f"for _ in repeat(None, {_STEP_LIMIT}):", None))
            self._write_tree(lines, codes, 0, len(codes), 2)
            lines.append((1, f"raise Fault('ENDLESS: more than {_STEP_LIMIT} branches')", None))
        source = "\n".join(" " * depth + text for depth, text, _ in lines) + "\n"
        return source, [instruction for _, _, instruction in lines]

    def _write_tree(self, lines, codes, first, last, depth):
        """The code of the blocks numbered first to last - 1, found by comparing `block`."""
        if last - first == 1:
            lines += [(depth + inner, text, instruction) for inner, text, instruction in codes[first]]
            return
        middle = (first + last) // 2
        lines.append((depth, f"if block < {middle}:", None))
        self._write_tree(lines, codes, first, middle, depth + 1)
        lines.append((depth, "else:", None))
        self._write_tree(lines, codes, middle, last, depth + 1)


def _binary64_nan():
    raise Unsupported("a NaN result in .f64: PTX leaves its bits open")


def _parameter_space(size, caller, copies):
    from .memory import LinearMemory

    memory = LinearMemory("param", size)
    for source, target, count in copies:
        memory.data[target : target + count] = caller[source : source + count]
    return memory


_UNBOUND = re.compile(r"'(v\d+_\w*)'")


def unbound_register(error, compiled):
    """The register that a NameError is about; None when the error is about something else."""
    match = _UNBOUND.search(str(error))
    if match is None:
        return None
    name = match[1]
    return compiled.registers.get(name) or compiled.registers.get(name.removesuffix("f"))


def load_instructions():
    """Fills INSTRUCTIONS."""
    from . import instructions_arithmetic, instructions_convert, instructions_memory, instructions_warp  # noqa: F401
