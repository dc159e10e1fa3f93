"""Replays of records that are made here, right ones and wrong ones.

The kernel multiplies bit matrices with cp.async, ldmatrix and mma, as a kernel with inline PTX does; what it must give
comes from plain loops. The mistakes in its inline PTX are those that no run of its C++ on the host could show.

Seen to fail on: a comparison of the first bytes alone; kernels without a record let through; records without a kernel
let through; one architecture's result taken for another's with other text.
"""

import io
import json
import random
import struct
import tempfile
import unittest
from pathlib import Path

import replay

INPUT, OUTPUT = 0x200000, 0x400000
HOST_NAME = "_ZN5kones4cuda12_GLOBAL__N_16matmulEPKjPi"
_UNIQUE = "_GLOBAL__N__12345678_9_matmul_cu_abcdef01"
NVCC_NAME = f"_ZN5kones4cuda{len(_UNIQUE)}{_UNIQUE}6matmulEPKjPi"

# One warp: A is 16 rows of 8 words, B 8 columns of 8 words behind it; C the 16 x 8 counts of bits in both.
KERNEL = """
.version 9.0
.target TARGET
.address_size 64
.visible .entry NAME(.param .u64 .ptr .align 1 NAME_param_0, .param .u64 NAME_param_1)
{
  .reg .pred %p<3>;
  .reg .b32 %r<40>;
  .reg .b64 %rd<10>;
  .shared .align 16 .b8 tile[768];
  ld.param.u64 %rd1, [NAME_param_0];
  ld.param.u64 %rd2, [NAME_param_1];
  mov.u32 %r0, %tid.x;
  mov.u32 %r1, tile;
  shl.b32 %r2, %r0, 4;
  add.s32 %r3, %r1, %r2;
  cvt.u64.u32 %rd3, %r2;
  add.s64 %rd4, %rd1, %rd3;
  // begin inline asm
  cp.async.cg.shared.global [%r3], [%rd4], 16;
  // end inline asm
  setp.gt.u32 %p1, %r0, 15;
  @%p1 bra LOADED;
  cp.async.ca.shared.global [%r3+512], [%rd4+512], 16;
LOADED:
  cp.async.commit_group;
  cp.async.wait_group 0;
  bar.warp.sync -1;
  and.b32 %r4, %r0, 15;
  shl.b32 %r5, %r4, 5;
  shr.u32 %r6, %r0, 4;
  shl.b32 %r7, %r6, 4;
  add.s32 %r8, %r5, %r7;
  add.s32 %r9, %r1, %r8;
  ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%r10, %r11, %r12, %r13}, [%r9];
  shr.u32 %r14, %r0, 2;
  and.b32 %r15, %r0, 3;
  shl.b32 %r16, %r14, 5;
  shl.b32 %r17, %r15, 2;
  add.s32 %r18, %r16, %r17;
  add.s32 %r19, %r1, %r18;
  ld.shared.u32 %r20, [%r19+512];
  ld.shared.u32 %r21, [%r19+528];
  mov.b32 %r22, 0;
  mma.sync.aligned.m16n8k256.row.col.s32.b1.b1.s32.and.popc
    {%r24, %r25, %r26, %r27}, {%r10, %r11, %r12, %r13}, {%r20, %r21}, {%r22, %r22, %r22, %r22};
  shl.b32 %r28, %r15, 3;
  add.s32 %r29, %r16, %r28;
  cvt.u64.u32 %rd5, %r29;
  add.s64 %rd6, %rd2, %rd5;
  st.global.v2.u32 [%rd6], {%r24, %r25};
  st.global.v2.u32 [%rd6+256], {%r26, %r27};
  ret;
}
"""


class Replay(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.records = self.folder / "records"
        self.records.mkdir()
        self.random = random.Random(9)
        for number in range(3):
            self.record(number)

    def record(self, number, **changes):
        """What the host SIMT layer would write for one launch."""
        words = [self.random.getrandbits(32) for _ in range(24 * 8)]
        a = [words[8 * row : 8 * row + 8] for row in range(16)]
        b = [words[128 + 8 * column : 136 + 8 * column] for column in range(8)]
        c = [sum(bin(x & y).count("1") for x, y in zip(row, column)) for row in a for column in b]
        memory = {"0.before": words, "0.after": words, "1.before": [0xDEADBEEF] * 129, "1.after": c + [0xDEADBEEF]}
        for name, content in memory.items():
            (self.records / f"{number}.{name}").write_bytes(struct.pack(f"<{len(content)}I", *content))
        fields = {
            "kernel": HOST_NAME,
            "name": "matmul",
            "grid": [1, 1, 1],
            "block": [32, 1, 1],
            "shared_bytes": 0,
            "parameters": [struct.pack("<Q", INPUT).hex(), struct.pack("<Q", OUTPUT).hex()],
            "memory": [
                {"address": INPUT, "size": 768, "before": f"{number}.0.before", "after": f"{number}.0.after"},
                {"address": OUTPUT, "size": 516, "before": f"{number}.1.before", "after": f"{number}.1.after"},
            ],
        }
        fields.update(changes)
        (self.records / f"{number}.json").write_text(json.dumps(fields))

    def write(self, name, target="sm_80", **changes):
        """A PTX file of the kernel with each key of `changes` (a text) replaced; its path."""
        text = KERNEL
        for old, new in changes.get("texts", {}).items():
            self.assertIn(old, text)
            text = text.replace(old, new)
        path = self.folder / name
        path.write_text(text.replace("NAME", NVCC_NAME).replace("TARGET", target))
        return str(path)

    def replay(self, *paths, per_kernel=4, jobs=1):
        out = io.StringIO()
        status = replay.replay(self.records, list(paths), per_kernel, jobs, False, out=out)
        return status, out.getvalue()

    def test_the_right_kernel(self):
        status, text = self.replay(self.write("a.ptx"), self.write("b.ptx", "sm_90a"), jobs=2)
        self.assertEqual(status, 0, text)
        self.assertIn("sm_80: 1 of 1 kernels replayed, 3 launches", text)
        self.assertIn("sm_90a: 1 of 1 kernels replayed, 3 launches", text)
        self.assertIn("1 different kernel texts", text)

    def test_mistakes_in_inline_ptx(self):
        for old, new, report in (
            ("{%r10, %r11, %r12, %r13}, {%r20", "{%r10, %r12, %r11, %r13}, {%r20", "from the PTX"),  # mma's A
            ("{%r20, %r21}, {%r22", "{%r21, %r20}, {%r22", "from the PTX"),  # mma's B
            ("and.popc", "xor.popc", "from the PTX"),
            (
                "cp.async.ca.shared.global [%r3+512], [%rd4+512], 16",
                "cp.async.ca.shared.global [%r3+512], [%rd4+512], 8",
                "UNINITIALISED",
            ),
            ("wait_group 0", "wait_group 1", "UNINITIALISED read of shared memory tile"),
            ("m8n8.x4", "m8n8.x4.trans", "from the PTX"),
            ("[%rd4+512]", "[%rd4+528]", "OUT OF BOUNDS read of 16 bytes"),
            ("st.global.v2.u32 [%rd6+256]", "st.global.v2.u32 [%rd6+260]", "MISALIGNED write of 8 bytes"),
        ):
            status, text = self.replay(self.write(f"wrong{self.random.random()}.ptx", texts={old: new}))
            self.assertEqual(status, 1, new)
            self.assertRegex(
                text, rf"FAILED: \S*matmul\S*: 0\.json \(grid \(1, 1, 1\), block \(32, 1, 1\)\): .*{report}", new
            )

    def test_the_report_of_a_difference(self):
        after = self.records / "1.1.after"
        data = bytearray(after.read_bytes())
        data[514] ^= 0x40
        after.write_bytes(data)
        status, text = self.replay(self.write("a.ptx"))
        self.assertEqual(status, 1)
        self.assertIn("1.json", text)
        self.assertIn(
            f"allocation 1 (address {OUTPUT:#x}, 516 bytes), offset 514: 0xad from the PTX, 0xed from the host", text
        )
        self.assertIn("1 bytes differ", text)
        self.assertEqual(text.count("FAILED"), 1)

    def test_only_the_wrong_architecture_is_named(self):
        right, wrong = self.write("a.ptx"), self.write("b.ptx", "sm_90a", texts={"and.popc": "xor.popc"})
        status, text = self.replay(right, wrong)
        self.assertEqual(status, 1)
        failures = [line for line in text.split("\n") if line.startswith("FAILED")]
        self.assertTrue(failures and all("b.ptx" in line for line in failures), text)

    def test_every_kernel_must_be_covered(self):
        path = self.write("a.ptx")
        with open(path, "a") as file:
            file.write(".visible .entry lonely() { ret; }\n")
        status, text = self.replay(path)
        self.assertEqual(status, 1)
        self.assertIn("FAILED: sm_80: lonely: NOT COVERED: no launch of it was recorded", text)

    def test_every_record_must_have_a_kernel(self):
        self.record(7, kernel="_Z7unknownv")
        status, text = self.replay(self.write("a.ptx"))
        self.assertEqual(status, 1)
        self.assertIn("FAILED: sm_80: no kernel for the recorded launches of _Z7unknownv", text)

    def test_unknown_instructions_fail(self):
        status, text = self.replay(self.write("a.ptx", texts={"bar.warp.sync -1": "elect.sync %r39|%p2, -1"}))
        self.assertEqual(status, 1)
        self.assertRegex(text, r"FAILED: .*a\.ptx:\d+: `elect.sync %r39\|%p2, -1;`: the instruction elect")

    def test_launches_are_spread_over_their_sizes(self):
        self.assertEqual(self.replay(self.write("a.ptx"), per_kernel=2)[1].count("2 launches"), 1)
        for number, blocks in ((3, 5), (4, 2), (5, 3)):
            self.record(number, grid=[blocks, 1, 1])
        records = replay.read_records(self.records)
        self.assertEqual([record.number for record in replay.spread(records, 3)], [0, 2, 3])
        self.assertEqual([record.number for record in replay.spread(records, 1)], [3])

    def test_nothing_to_do_fails(self):
        empty = self.folder / "empty"
        empty.mkdir()
        out = io.StringIO()
        self.assertEqual(replay.replay(empty, [self.write("a.ptx")], 4, 1, False, out=out), 1)


if __name__ == "__main__":
    unittest.main()
