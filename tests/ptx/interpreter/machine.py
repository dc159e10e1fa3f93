"""Threads, warps, barriers and launches.

A thread is a generator (compiler.py). It runs until it must wait, and yields what for:
    (handler, key, mask, value)
        a warp instruction. When all lanes of the mask have yielded the same handler, key and mask,
        handler({lane: value}) gives {lane: result}. A mask of None means all that come to it, when no other lane of the
        warp can go on.
    (None, barrier, threads or None, kind, value, line)
        a barrier of the block; kind is sync, arrive, popc, and, or; line is that of an .aligned instruction, else None.

One thread runs at a time; blocks, warps and lanes go in order. A thread that exits while others wait for it, at a
barrier or in a mask, is a fault here, although some hardware lets it pass.
"""

import traceback

from .compiler import CompiledKernel, load_instructions, unbound_register
from .errors import Fault, PtxError
from .memory import LOCAL_WINDOW, PARAM_WINDOW, SHARED_WINDOW, GenericMemory, GlobalMemory, LinearMemory

load_instructions()

MOST_SHARED_BYTES = 227 * 1024
_MOST_LOCAL_BYTES = 512 * 1024


class Thread:
    """One thread, as the generated code sees it."""

    def __init__(self, block, index):
        launch = block.launch
        x, y, _ = launch.block
        self.block = block
        self.index = index
        self.tid = (index % x, index // x % y, index // (x * y))
        self.ntid = launch.block
        self.ctaid = block.index
        self.nctaid = launch.grid
        self.lane = index % 32
        self.warp_number = index // 32
        self.warp_count = -(-block.thread_count // 32)
        self.dynamic_shared_bytes = launch.shared_bytes
        self.global_memory = launch.memory
        self.shared = block.shared
        self.local = LinearMemory("local", 0)
        self.local_top = 0
        self.count = 0  # instructions executed, where the program counts them
        self.copies = []  # cp.async not waited for: (group, target, source, size, bytes read)
        self.copy_group = 0
        self.generator = launch.kernel.entry.run(self, launch.parameters)
        self.request = None
        self.answer = None
        self.exited = False

    def enter(self, size):
        """A frame of local memory; its address."""
        base = -(-self.local_top // 16) * 16
        self.local_top = base + size
        if self.local_top > _MOST_LOCAL_BYTES:
            raise Fault(f"more than {_MOST_LOCAL_BYTES} bytes of local memory")
        self.local.grow(self.local_top)
        return base

    def leave(self, base):
        self.local_top = base

    def generic(self, parameters):
        windows = ((SHARED_WINDOW, self.shared), (LOCAL_WINDOW, self.local), (PARAM_WINDOW, parameters))
        return GenericMemory(self.global_memory, windows)

    def copy_later(self, target, source, size, read):
        """cp.async: the bytes appear when the copy is waited for; until then reading them is an error."""
        if source % size:
            raise Fault(f"MISALIGNED read of {size} bytes at global address {source:#x}")
        if read > size:
            raise Fault(f"cp.async of {size} bytes that reads {read}")
        if read:
            self.global_memory.find(source, read, "read")
        self.shared.invalidate(target, size)
        self.copies.append((self.copy_group, target, source, size, read))

    def commit_copies(self):
        self.copy_group += 1

    def wait_copies(self, still_open):
        """Completes all committed groups but the last `still_open`."""
        done = self.copy_group - still_open
        for group, target, source, size, read in self.copies:
            if group < done:
                data = self.global_memory.read(source, read) if read else b""
                self.shared.write(target, data.ljust(size, b"\0"))
        self.copies = [copy for copy in self.copies if copy[0] >= done]


class _Barrier:
    """One named barrier of a block, while threads arrive at it."""

    def __init__(self, kind, expected):
        self.kind = kind
        self.expected = expected
        self.waiting = []  # threads
        self.arrived = 0
        self.lines = {}  # warp to the line of its aligned instruction
        self.values = []


class Block:
    def __init__(self, launch, index):
        self.launch = launch
        self.index = index
        x, y, z = launch.block
        self.thread_count = x * y * z
        kernel = launch.kernel
        size = kernel.shared.dynamic_offset + launch.shared_bytes
        if size > MOST_SHARED_BYTES:
            raise Fault(f"{launch.name}: INVALID LAUNCH: {size} bytes of shared memory")
        names = kernel.shared.names + [(kernel.shared.dynamic_offset, launch.shared_bytes, "dynamic shared memory")]
        self.shared = LinearMemory("shared", size, tracked=True, names=names)
        self.threads = [Thread(self, number) for number in range(self.thread_count)]
        self.warps = [self.threads[first : first + 32] for first in range(0, self.thread_count, 32)]
        self.barriers = {}

    def run(self):
        """Runs all threads to their end."""
        pending = list(self.warps)
        while pending:
            for warp in pending:
                self._run_warp(warp)
            # What a completed barrier released goes on; nothing released and not all exited is the end.
            pending = [warp for warp in self.warps if any(self._is_ready(thread) for thread in warp)]
        if not all(thread.exited for thread in self.threads):
            self._report_stuck()
        return sum(thread.count for thread in self.threads)

    @staticmethod
    def _is_ready(thread):
        return not thread.exited and thread.request is None

    def _run_warp(self, warp):
        """Runs a warp until each of its lanes has exited or waits: for another warp, or for a lane that never comes."""
        meeting = {}
        for thread in warp:
            if thread.request is not None and thread.request[0] is not None:
                meeting.setdefault(thread.request[:3], {})[thread.lane] = thread
        ready = [thread for thread in warp if self._is_ready(thread)]
        while ready:
            next_ready = []
            for thread in ready:
                request = self._advance(thread)
                if request is None:
                    continue
                if request[0] is None:
                    self._arrive(thread, request)
                    if thread.request is None:
                        next_ready.append(thread)
                    continue
                mask = request[2]
                if mask is not None and not mask >> thread.lane & 1:
                    raise self._fault(thread, f"lane {thread.lane} executes it and is not in the mask {mask:#010x}")
                lanes = meeting.setdefault(request[:3], {})
                lanes[thread.lane] = thread
                if mask is not None and len(lanes) == mask.bit_count():
                    next_ready += self._meet(meeting.pop(request[:3]))
            if not next_ready:
                open_keys = [key for key in meeting if key[2] is None]
                for key in open_keys:
                    next_ready += self._meet(meeting.pop(key))
            ready = next_ready

    def _meet(self, lanes):
        """Gives waiting lanes, a dict of lane to thread, the results of their instruction; the threads that go on."""
        threads = list(lanes.values())
        try:
            results = threads[0].request[0]({lane: thread.request[3] for lane, thread in lanes.items()})
        except PtxError as error:
            raise self._fault(threads[0], str(error)) from None
        for lane, thread in lanes.items():
            thread.answer = results[lane]
            thread.request = None
        return threads

    def _advance(self, thread):
        """Runs a thread to its next request; None when it has exited."""
        answer, thread.answer = thread.answer, None
        try:
            thread.request = thread.generator.send(answer)
        except StopIteration:
            thread.exited = True
            thread.commit_copies()
            thread.wait_copies(0)
        except (PtxError, NameError) as error:
            raise self._fault_of(thread, error) from None
        return thread.request if not thread.exited else None

    # ---- barriers -------------------------------------------------------------------------------------------------

    def _arrive(self, thread, request):
        _, number, threads, kind, value, line = request
        if number >= 16:
            raise self._fault(thread, f"barrier {number}: there are 16")
        expected = self.thread_count if threads is None else threads
        if expected % 32 and threads is not None:
            raise self._fault(thread, f"a barrier of {threads} threads, which is no multiple of 32")
        barrier = self.barriers.setdefault(number, _Barrier(kind if kind != "arrive" else None, expected))
        if barrier.expected != expected:
            raise self._fault(
                thread, f"DIVERGENT BARRIER {number}: {expected} threads here, {barrier.expected} elsewhere"
            )
        if kind != "arrive":
            if barrier.kind not in (None, kind):
                raise self._fault(thread, f"DIVERGENT BARRIER {number}: {kind} here, {barrier.kind} elsewhere")
            barrier.kind = kind
        if line is not None and barrier.lines.setdefault(thread.warp_number, line) != line:
            other = barrier.lines[thread.warp_number]
            raise self._fault(thread, f"DIVERGENT BARRIER {number}: lanes of this warp are at lines {other} and {line}")
        barrier.arrived += 1
        if kind == "arrive":
            thread.request = None
        else:
            barrier.waiting.append(thread)
            barrier.values.append(value)
        if barrier.arrived == expected:
            del self.barriers[number]
            answer = {"popc": barrier.values.count(True), "and": all(barrier.values), "or": any(barrier.values)}.get(
                barrier.kind
            )
            for other in barrier.waiting:
                if other is not thread:
                    other.request = None
                    other.answer = answer
            if kind != "arrive":
                thread.request, thread.answer = None, answer

    # ---- reports --------------------------------------------------------------------------------------------------

    def _report_stuck(self):
        waiting = [thread for thread in self.threads if not thread.exited]
        for thread in waiting:
            if thread.request[0] is None:
                continue
            mask, warp = thread.request[2], self.warps[thread.warp_number]
            for lane in range(32):
                if not mask >> lane & 1:
                    continue
                if lane >= len(warp):
                    raise self._fault(thread, f"lane {lane} is in the mask {mask:#010x} and does not exist")
                if warp[lane].exited:
                    raise self._fault(thread, f"lane {lane} is in the mask {mask:#010x} but has exited")
        thread = waiting[0]
        if any(other.request[0] is not None for other in waiting):
            places = sorted({self._place(other) for other in waiting})
            raise self._fault(thread, f"DEADLOCK: threads wait for each other at {' and '.join(places)}")
        exited = len(self.threads) - len(waiting)
        places = sorted({self._place(other) for other in waiting})
        detail = f"{len(waiting)} threads wait, {exited} have exited"
        if len(places) > 1:
            detail += f"; they wait at {' and '.join(places)}"
        raise self._fault(thread, f"DIVERGENT BARRIER: {detail}")

    def _instruction(self, thread):
        """The instruction at which a waiting thread is."""
        generator = thread.generator
        while generator.gi_yieldfrom is not None:
            generator = generator.gi_yieldfrom
        frame = generator.gi_frame
        return self._at(frame.f_code.co_filename, frame.f_lineno)

    def _at(self, file, line):
        for compiled in self.launch.kernel.functions.values():
            if compiled.file == file:
                return compiled.instruction_at(line)
        return None

    def _place(self, thread):
        return f"line {self._instruction(thread).line}"

    def _fault(self, thread, what):
        return self._described(thread, what, self._instruction(thread))

    def _fault_of(self, thread, error):
        """The fault for an exception that a thread's code raised."""
        instruction, what = None, str(error)
        for frame in traceback.extract_tb(error.__traceback__):
            found = self._at(frame.filename, frame.lineno)
            instruction = found or instruction
        if isinstance(error, NameError):
            name = None
            for compiled in self.launch.kernel.functions.values():
                name = name or unbound_register(error, compiled)
            if name is None:
                raise error
            what = f"UNINITIALISED read of register {name}"
        return self._described(thread, what, instruction)

    def _described(self, thread, what, instruction):
        place = f"block {self.index} thread {thread.tid}"
        if instruction is not None:
            place += f", {self.launch.kernel.function.module.path}:{instruction.line}: `{instruction.text}`"
            if instruction.location:
                place += f" ({instruction.location})"
        return Fault(f"{self.launch.name}: {what} at {place}")


class Launch:
    """One launch of a compiled kernel. `memory` is changed in place."""

    def __init__(self, kernel: CompiledKernel, grid, block, parameters, memory: GlobalMemory, shared_bytes=0):
        self.kernel = kernel
        self.name = kernel.function.name
        self.grid, self.block = tuple(grid), tuple(block)
        self.shared_bytes = shared_bytes
        self.memory = memory
        self._check()
        self.parameters = LinearMemory("param", kernel.entry.parameter_size)
        formals = kernel.function.parameters
        if len(parameters) != len(formals):
            raise Fault(f"{self.name}: INVALID LAUNCH: {len(parameters)} parameters for {len(formals)}")
        for given, formal, offset in zip(parameters, formals, kernel.parameter_offsets):
            if len(given) != formal.size:
                raise Fault(
                    f"{self.name}: INVALID LAUNCH: {formal.name} has {formal.size} bytes, {len(given)} were given"
                )
            self.parameters.data[offset : offset + formal.size] = given
        for address, data in kernel.program.initial_variables():
            if data:
                memory.add(address, data)

    def _check(self):
        threads = self.block[0] * self.block[1] * self.block[2]
        limits = self.kernel.function.directives
        reason = None
        if not 1 <= threads <= 1024 or self.block[2] > 64 or min(self.block) < 1:
            reason = f"a block of {self.block} threads"
        elif min(self.grid) < 1 or self.grid[0] >= 1 << 31 or max(self.grid[1:]) > 65535:
            reason = f"a grid of {self.grid} blocks"
        elif "maxntid" in limits and threads > limits["maxntid"][0] * limits["maxntid"][1] * limits["maxntid"][2]:
            reason = f"{threads} threads a block, past the kernel's launch bounds {limits['maxntid']}"
        elif "reqntid" in limits and self.block != limits["reqntid"]:
            reason = f"a block of {self.block}, where the kernel wants {limits['reqntid']}"
        if reason:
            raise Fault(f"{self.name}: INVALID LAUNCH: {reason}")

    def run(self):
        """The number of instructions executed (0 unless the program counts them)."""
        count = 0
        for z in range(self.grid[2]):
            for y in range(self.grid[1]):
                for x in range(self.grid[0]):
                    block = Block(self, (x, y, z))
                    count += block.run()
                    # Blocks and threads point at each other: cut here, they cost the garbage collector nothing.
                    block.threads.clear()
                    block.warps.clear()
        return count
