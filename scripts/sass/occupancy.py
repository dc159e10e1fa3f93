"""How much of a multiprocessor's threads a kernel's registers and shared memory leave room for.

The figures are those of the CUDA C++ Programming Guide, "Compute Capabilities", and of the CUDA occupancy calculator.
"""

import dataclasses

REGISTERS = 65536  # on a multiprocessor; given to warps in units of 256, that is 8 a thread
WARP = 32


@dataclasses.dataclass(frozen=True)
class Multiprocessor:
    threads: int
    blocks: int
    shared_bytes: int
    reserved_shared_bytes: int  # that the system takes from each block


MULTIPROCESSORS = {
    "sm_75": Multiprocessor(1024, 16, 64 * 1024, 0),
    "sm_80": Multiprocessor(2048, 32, 164 * 1024, 1024),
    "sm_86": Multiprocessor(1536, 16, 100 * 1024, 1024),
    "sm_89": Multiprocessor(1536, 24, 100 * 1024, 1024),
    "sm_90a": Multiprocessor(2048, 32, 228 * 1024, 1024),
    "sm_100a": Multiprocessor(2048, 32, 228 * 1024, 1024),
    "sm_120a": Multiprocessor(1536, 24, 100 * 1024, 1024),
}


def occupancy_percent(architecture, threads, registers, shared_bytes):
    """Resident threads, in percent of what the multiprocessor can hold, with blocks of `threads` threads."""
    machine = MULTIPROCESSORS[architecture]
    registers_a_thread = -(-max(registers, 1) // 8) * 8
    warps = -(-threads // WARP)
    blocks = min(machine.blocks, machine.threads // threads, REGISTERS // (registers_a_thread * WARP) // warps)
    shared = shared_bytes + machine.reserved_shared_bytes
    if shared:
        blocks = min(blocks, machine.shared_bytes // shared)
    return 100 * blocks * threads // machine.threads
