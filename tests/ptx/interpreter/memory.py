"""The state spaces, with every access checked.

An accessor is a function made once for a struct format ("<4I" for .v4.b32): load(address) gives the tuple of elements,
store(address, *elements) takes them. Making them once keeps the checks cheap.

Generic addresses: global memory is where the launch put it; shared, local and parameter memory have windows far above
any address of a process.
"""

from bisect import bisect_right
from struct import Struct

from .errors import Fault

SHARED_WINDOW = 0x7100000000000000
LOCAL_WINDOW = 0x7200000000000000
PARAM_WINDOW = 0x7300000000000000
WINDOW_SIZE = 1 << 32
_POISON = 0xFF


class GlobalMemory:
    """Allocations at fixed addresses; .const and .global variables are allocations too."""

    space = "global"

    def __init__(self):
        self.starts = []
        self.allocations = []  # (start, end, bytearray), sorted by start
        self.accessors = {}

    def add(self, address, data):
        """Makes `data`, a bytearray, the memory at `address`."""
        place = bisect_right(self.starts, address)
        end = address + len(data)
        if (place and self.allocations[place - 1][1] > address) or (
            place < len(self.starts) and self.starts[place] < end
        ):
            raise ValueError(f"the allocation at {address:#x} overlaps another")
        self.starts.insert(place, address)
        self.allocations.insert(place, (address, end, data))

    def find(self, address, size, what):
        """The allocation that holds all of [address, address + size)."""
        place = bisect_right(self.starts, address) - 1
        if place >= 0:
            start, end, data = self.allocations[place]
            if address + size <= end:
                return start, end, data
        near = f"; the nearest allocation is [{start:#x}, {end:#x})" if place >= 0 else ""
        raise Fault(f"OUT OF BOUNDS {what} of {size} bytes at global address {address:#x}{near}")

    def load(self, format):
        key = ("load", format)
        if key not in self.accessors:
            self.accessors[key] = self._make_load(Struct(format))
        return self.accessors[key]

    def store(self, format):
        key = ("store", format)
        if key not in self.accessors:
            self.accessors[key] = self._make_store(Struct(format))
        return self.accessors[key]

    def _make_load(self, struct):
        size, unpack = struct.size, struct.unpack_from
        start, last, data = 0, -1, b""

        def load(address):
            nonlocal start, last, data
            if address % size:
                raise _misaligned("read", size, "global", address)
            if not start <= address <= last:
                start, end, data = self.find(address, size, "read")
                last = end - size
            return unpack(data, address - start)

        return load

    def _make_store(self, struct):
        size, pack = struct.size, struct.pack_into
        start, last, data = 0, -1, bytearray()

        def store(address, *elements):
            nonlocal start, last, data
            if address % size:
                raise _misaligned("write", size, "global", address)
            if not start <= address <= last:
                start, end, data = self.find(address, size, "write")
                last = end - size
                if isinstance(data, bytes):
                    raise Fault(f"WRITE to constant memory at {address:#x}")
            pack(data, address - start, *elements)

        return store

    def read(self, address, size):
        start, _, data = self.find(address, size, "read")
        return bytes(data[address - start : address - start + size])


class LinearMemory:
    """A space that starts at 0: shared, local or parameter memory.

    With `tracked`, reading a byte that was never written is an error.
    """

    def __init__(self, space, size, data=None, tracked=False, names=()):
        self.space = space
        self.data = data if data is not None else bytearray([_POISON]) * size
        self.written = bytearray(size) if tracked else None
        self.names = names  # (offset, size, name) of the variables, for reports
        self.accessors = {}

    def name(self, address):
        for offset, size, name in self.names:
            if offset <= address < offset + size:
                return f"{name}+{address - offset}"
        return f"address {address:#x}"

    def grow(self, size):
        """Makes the space at least `size` bytes."""
        if size > len(self.data):
            self.data.extend([_POISON] * (size - len(self.data)))

    def check(self, address, size, what):
        if address % size:
            raise _misaligned(what, size, self.space, address)
        if not 0 <= address <= len(self.data) - size:
            raise Fault(
                f"OUT OF BOUNDS {what} of {size} bytes at {self.space} address {address:#x}"
                f"; the space has {len(self.data)} bytes"
            )

    def load(self, format):
        key = ("load", format)
        if key not in self.accessors:
            self.accessors[key] = self._make_load(Struct(format))
        return self.accessors[key]

    def store(self, format):
        key = ("store", format)
        if key not in self.accessors:
            self.accessors[key] = self._make_store(Struct(format))
        return self.accessors[key]

    def _make_load(self, struct):
        size, unpack, data, written = struct.size, struct.unpack_from, self.data, self.written

        def load(address):
            if address % size or not 0 <= address <= len(data) - size:
                self.check(address, size, "read")
            if written is not None and 0 in written[address : address + size]:
                first = address + written[address : address + size].index(0)
                raise Fault(f"UNINITIALISED read of {self.space} memory {self.name(first)}")
            return unpack(data, address)

        return load

    def _make_store(self, struct):
        size, pack, data, written = struct.size, struct.pack_into, self.data, self.written
        ones = b"\1" * size

        def store(address, *elements):
            if address % size or not 0 <= address <= len(data) - size:
                self.check(address, size, "write")
            if written is not None:
                written[address : address + size] = ones
            pack(data, address, *elements)

        return store

    def invalidate(self, address, size):
        """Until something is written there, reading these bytes is an error."""
        self.check(address, size, "write")
        if self.written is not None:
            self.written[address : address + size] = bytes(size)

    def write(self, address, data):
        """Stores bytes; aligned to their number."""
        self.check(address, len(data), "write")
        self.data[address : address + len(data)] = data
        if self.written is not None:
            self.written[address : address + len(data)] = b"\1" * len(data)


class GenericMemory:
    """The window view of one thread: sends an access to the space that its address is in."""

    def __init__(self, global_memory, windows):
        self.global_memory = global_memory
        self.windows = windows  # (base, LinearMemory)

    def _pick(self, make, format):
        accessors = [(base, getattr(memory, make)(format)) for base, memory in self.windows]
        anywhere = getattr(self.global_memory, make)(format)

        def access(address, *elements):
            if address >= SHARED_WINDOW:
                for base, accessor in accessors:
                    if base <= address < base + WINDOW_SIZE:
                        return accessor(address - base, *elements)
            return anywhere(address, *elements)

        return access

    def load(self, format):
        return self._pick("load", format)

    def store(self, format):
        return self._pick("store", format)


def _misaligned(what, size, space, address):
    return Fault(f"MISALIGNED {what} of {size} bytes at {space} address {address:#x}")
