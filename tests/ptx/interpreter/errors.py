"""What can go wrong: text that the interpreter does not know, and mistakes of the kernel that it runs."""


class PtxError(Exception):
    """The base of both kinds."""


class Unsupported(PtxError):
    """An instruction, modifier or operand that the interpreter does not know, or whose result PTX leaves open."""


class Fault(PtxError):
    """A mistake of the kernel. The machine adds where it happened."""
