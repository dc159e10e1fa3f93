"""Votes, matches, shuffles, reductions and matrices, through whole kernels, against plain loops.

Seen to fail on: shfl.up with the clamp of shfl.down; segments ignored; ballot of lanes not in the mask; redux.min.s32
unsigned; match.all true for part of the lanes; A's rows group + 8 and its second half of K swapped; B's columns taken
for rows; C's columns in the wrong order; ldmatrix.trans not transposed; u8 for s8; xor for and; .satfinite ignored.
"""

import random
import struct
import unittest

from interpreter.errors import Fault
from tiny_kernel import kernel_text, run, run_body

STORE = "  mad.wide.u32 %d3, %r0, 8, %d1;\n  st.global.v2.u32 [%d3], {%r20, %r21};\n  ret;\n"


def lanes(body, words, threads=32):
    """(%r20, %r21) of each lane, where %r1 holds the lane's word."""
    load = "  mad.wide.u32 %d2, %r0, 4, %d0;\n  ld.global.u32 %r1, [%d2];\n  mov.u32 %r21, 0;\n"
    got = run_body(load + body + STORE, struct.pack(f"<{threads}I", *words), 8 * threads, threads).words()
    return list(zip(got[::2], got[1::2]))


def signed(value, width=32):
    return value - (1 << width) if value >> (width - 1) else value


class Collectives(unittest.TestCase):
    def setUp(self):
        self.random = random.Random(7)
        self.words = [self.random.getrandbits(32) for _ in range(32)]

    def test_ballot_in_part_of_the_warp(self):
        body = """
  mov.u32 %r20, 0;
  and.b32 %r2, %r0, 1;
  setp.eq.u32 %p1, %r2, 1;
  @%p1 bra SKIP;
  setp.gt.s32 %p2, %r1, 0;
  vote.sync.ballot.b32 %r20, %p2, 0x55555555;
SKIP:
"""
        want = sum(1 << lane for lane in range(0, 32, 2) if signed(self.words[lane]) > 0)
        self.assertEqual([x for x, _ in lanes(body, self.words)], [0 if lane % 2 else want for lane in range(32)])

    def test_votes(self):
        body = """
  setp.ne.u32 %p1, %r1, 0;
  vote.sync.any.pred %p2, %p1, -1;
  vote.sync.all.pred %p3, %p1, -1;
  vote.sync.uni.pred %p4, !%p1, -1;
  selp.u32 %r20, 1, 0, %p2;
  selp.u32 %r2, 2, 0, %p3;
  selp.u32 %r3, 4, 0, %p4;
  or.b32 %r20, %r20, %r2;
  or.b32 %r20, %r20, %r3;
"""
        for words, want in (([0] * 32, 4), ([1] * 32, 7), ([0] * 31 + [1], 1)):
            self.assertEqual({x for x, _ in lanes(body, words)}, {want})

    def test_shuffles(self):
        for mode in ("up", "down", "bfly", "idx"):
            for width in (32, 16, 8, 4):
                for distance in (0, 1, 3, 5, 17, 31):
                    # As the CUDA headers do it: c = (32 - width) << 8, and 31 below it but for up.
                    c = (32 - width) << 8 | (0 if mode == "up" else 31)
                    body = f"  shfl.sync.{mode}.b32 %r20|%p1, %r1, {distance}, {c}, -1;\n  selp.u32 %r21, 1, 0, %p1;\n"
                    want = []
                    for lane in range(32):
                        first = lane // width * width
                        source = {
                            "up": lane - distance,
                            "down": lane + distance,
                            "bfly": lane ^ distance,
                            "idx": first + distance % width,
                        }[mode]
                        inside = source >= first if mode == "up" else source < first + width
                        want.append((self.words[source if inside else lane], int(inside)))
                    self.assertEqual(lanes(body, self.words), want, (mode, width, distance))

    def test_shuffle_from_a_lane_that_is_not_in_the_mask(self):
        body = "  setp.ge.u32 %p1, %r0, 16;\n  @%p1 ret;\n  shfl.sync.down.b32 %r20, %r1, 8, 31, 0xffff;\n"
        with self.assertRaisesRegex(Fault, "lane 8 reads lane 16 that is not in the mask"):
            lanes(body, self.words)

    def test_matches(self):
        words = [self.random.randrange(4) for _ in range(32)]
        body = "  match.any.sync.b32 %r20, %r1, -1;\n  match.all.sync.b32 %r21|%p1, %r1, -1;\n"
        masks = [sum(1 << other for other in range(32) if words[other] == word) for word in words]
        self.assertEqual(lanes(body, words), [(mask, 0) for mask in masks])
        self.assertEqual(lanes(body, [9] * 32), [(0xFFFFFFFF, 0xFFFFFFFF)] * 32)
        truth = "  match.all.sync.b32 %r21|%p1, %r1, -1;\n  selp.u32 %r20, 1, 0, %p1;\n"
        self.assertEqual(lanes(truth, [9] * 31 + [8]), [(0, 0)] * 32)

    def test_reductions(self):
        words = self.words
        both = 0xFFFFFFFF
        for name, want in (
            ("add.u32", sum(words) & both),
            ("min.s32", min(words, key=signed)),
            ("max.s32", max(words, key=signed)),
            ("min.u32", min(words)),
            ("max.u32", max(words)),
        ):
            self.assertEqual({x for x, _ in lanes(f"  redux.sync.{name} %r20, %r1, -1;\n", words)}, {want}, name)
        for name, start, step in (
            ("and", both, lambda a, b: a & b),
            ("or", 0, lambda a, b: a | b),
            ("xor", 0, lambda a, b: a ^ b),
        ):
            want = start
            for word in words:
                want = step(want, word)
            self.assertEqual({x for x, _ in lanes(f"  redux.sync.{name}.b32 %r20, %r1, -1;\n", words)}, {want}, name)

    def test_lanes_and_masks(self):
        """activemask is of the lanes that come to one instruction, whatever other lanes do."""
        body = """
  mov.u32 %r20, 0;
  and.b32 %r2, %r0, 1;
  setp.eq.u32 %p1, %r2, 1;
  @%p1 bra SKIP;
  activemask.b32 %r20;
SKIP:
"""
        self.assertEqual([x for x, _ in lanes(body, self.words)], [0, 0x55555555][::-1] * 16)
        body = "  mov.u32 %r20, %lanemask_lt;\n  activemask.b32 %r21;\n"
        self.assertEqual(lanes(body, self.words[:20], 20), [((1 << lane) - 1, (1 << 20) - 1) for lane in range(20)])


class Matrices(unittest.TestCase):
    """A, B and C are whole matrices here; the fragments' places are the ISA's figures, written out."""

    def setUp(self):
        self.random = random.Random(8)

    def product(self, opcode, rows, depth_words, combine, start, width):
        """Runs one mma on random matrices and compares; `combine` is of two lists of elements of K."""
        a = [[self.random.getrandbits(32) for _ in range(depth_words)] for _ in range(rows)]
        b = [[self.random.getrandbits(32) for _ in range(depth_words)] for _ in range(8)]  # b[column]
        a_words, b_words, c_words = rows * depth_words // 32, depth_words // 4, rows // 4
        data = []
        for lane in range(32):
            group, place = lane // 4, lane % 4
            # ISA: row = group for even registers of A and group + 8 for odd ones (16 rows); k grows with the registers.
            if rows == 16:
                fragment = [a[group + 8 * (i % 2)][place + 4 * (i // 2)] for i in range(a_words)]
            else:
                fragment = [a[group][place]]
            fragment += [b[group][place + 4 * i] for i in range(b_words)]
            data += fragment
        count = a_words + b_words
        loads = "".join(f"  ld.global.u32 %r{1 + i}, [%d2+{4 * i}];\n" for i in range(count))
        group_of = lambda first, n: "{" + ", ".join(f"%r{first + i}" for i in range(n)) + "}" if n else ""
        c = [start & 0xFFFFFFFF] * c_words
        body = f"  mad.wide.u32 %d2, %r0, {4 * count}, %d0;\n  mad.wide.u32 %d3, %r0, {4 * c_words}, %d1;\n{loads}"
        body += "".join(f"  mov.b32 %r{40 + i}, {c[i]};\n" for i in range(c_words))
        fragments = [group_of(20, c_words), group_of(1, a_words), group_of(1 + a_words, b_words), group_of(40, c_words)]
        body += f"  {opcode} {', '.join(fragments)};\n"
        body += "".join(f"  st.global.u32 [%d3+{4 * i}], %r{20 + i};\n" for i in range(c_words)) + "  ret;\n"
        got = run_body(body, struct.pack(f"<{len(data)}I", *data), 128 * c_words, 32).words()
        split = lambda words: [word >> shift & ((1 << width) - 1) for word in words for shift in range(0, 32, width)]
        for lane in range(32):
            for i in range(c_words):
                row, column = lane // 4 + 8 * (i // 2), 2 * (lane % 4) + i % 2
                want = combine(split(a[row]), split(b[column])) + start
                if "satfinite" in opcode:
                    want = min(max(want, -(1 << 31)), (1 << 31) - 1)
                self.assertEqual(got[lane * c_words + i], want & 0xFFFFFFFF, (opcode, row, column))

    def test_bits(self):
        both = {
            "xor": lambda x, y: sum(p != q for p, q in zip(x, y)),
            "and": lambda x, y: sum(p & q for p, q in zip(x, y)),
        }
        for operation, combine in both.items():
            for shape, rows, words in (("m8n8k128", 8, 4), ("m16n8k128", 16, 4), ("m16n8k256", 16, 8)):
                self.product(
                    f"mma.sync.aligned.{shape}.row.col.s32.b1.b1.s32.{operation}.popc", rows, words, combine, 7, 1
                )

    def test_bytes(self):
        for a_type in ("s8", "u8"):
            for b_type in ("s8", "u8"):
                element = lambda x, t: signed(x, 8) if t == "s8" else x
                combine = lambda x, y: sum(element(p, a_type) * element(q, b_type) for p, q in zip(x, y))
                for shape, rows, words in (("m8n8k16", 8, 4), ("m16n8k16", 16, 4), ("m16n8k32", 16, 8)):
                    self.product(
                        f"mma.sync.aligned.{shape}.row.col.s32.{a_type}.{b_type}.s32", rows, words, combine, -9, 8
                    )

    def test_saturation(self):
        combine = lambda x, y: sum(p * q for p, q in zip(x, y))
        start = (1 << 31) - 1000
        self.product("mma.sync.aligned.m16n8k32.row.col.satfinite.s32.u8.u8.s32", 16, 8, combine, start, 8)
        self.product("mma.sync.aligned.m16n8k32.row.col.s32.u8.u8.s32", 16, 8, combine, start, 8)

    def test_ldmatrix(self):
        """Matrices of numbers that tell their place, each row at an address of its own, out of order."""
        for count in (1, 2, 4):
            for transposed in (False, True):
                order = list(range(8 * count))
                self.random.shuffle(order)  # row i of all matrices lies at 16 * order[i] bytes
                tile = bytearray(16 * 8 * count)
                for i, place in enumerate(order):
                    struct.pack_into("<8H", tile, 16 * place, *(256 * i + column for column in range(8)))
                addresses = [16 * order[lane % (8 * count)] for lane in range(32)]
                outputs = ", ".join(f"%r{20 + i}" for i in range(count))
                body = f"""
  ld.param.u64 %d0, [p0];
  ld.param.u64 %d1, [p1];
  mov.u32 %r0, %tid.x;
  setp.ne.u32 %p1, %r0, 0;
  mov.u32 %r1, 0;
  mov.u32 %r4, tile;
  @%p1 bra READY;
COPY:
  cvt.u64.u32 %d2, %r1;
  add.s64 %d2, %d2, %d0;
  ld.global.u32 %r2, [%d2+128];
  add.u32 %r3, %r4, %r1;
  st.shared.u32 [%r3], %r2;
  add.u32 %r1, %r1, 4;
  setp.lt.u32 %p2, %r1, {len(tile)};
  @%p2 bra COPY;
READY:
  bar.sync 0;
  mad.wide.u32 %d2, %r0, 4, %d0;
  ld.global.u32 %r5, [%d2];
  add.u32 %r5, %r5, %r4;
  ldmatrix.sync.aligned.m8n8.x{count}{".trans" if transposed else ""}.shared.b16 {{{outputs}}}, [%r5];
  mad.wide.u32 %d3, %r0, {4 * count}, %d1;
  {" ".join(f"st.global.u32 [%d3+{4 * i}], %r{20 + i};" for i in range(count))}
  ret;
"""
                text = kernel_text(body, declarations=f".shared .align 16 .b8 tile[{len(tile)}];")
                got = run(text, struct.pack("<32I", *addresses) + tile, 128 * count, 32).words()
                for lane in range(32):
                    for matrix in range(count):
                        row, column = lane // 4, 2 * (lane % 4)
                        if transposed:
                            low, high = 256 * (8 * matrix + column) + row, 256 * (8 * matrix + column + 1) + row
                        else:
                            low, high = 256 * (8 * matrix + row) + column, 256 * (8 * matrix + row) + column + 1
                        self.assertEqual(
                            got[lane * count + matrix], low | high << 16, (count, transposed, lane, matrix)
                        )

    def test_all_lanes_take_part(self):
        body = """
  mov.u32 %r1, 0;
  setp.eq.u32 %p1, %r0, 5;
  @%p1 ret;
  mma.sync.aligned.m8n8k128.row.col.s32.b1.b1.s32.xor.popc {%r2, %r3}, {%r1}, {%r1}, {%r1, %r1};
  ret;
"""
        with self.assertRaisesRegex(Fault, r"tiny: lane 5 is in the mask 0xffffffff but has exited at .*mma\.sync"):
            run_body(body, threads=32)


if __name__ == "__main__":
    unittest.main()
