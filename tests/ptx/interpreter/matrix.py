"""Matrix instructions of a warp: mma on integers and bits, and ldmatrix.

A fragment is a list of 32-bit words a lane. In every shape here a row of A, and a column of B, lies in a group of four
lanes: group = lane / 4, place = lane mod 4 (ISA, "Matrix Fragments for mma"). A word holds 32 / width elements of K,
least significant first.
"""

from dataclasses import dataclass

from .errors import Fault
from .integers import signed


@dataclass(frozen=True)
class Shape:
    """M x N x K, and how many words of A, B and C a lane holds."""

    rows: int
    columns: int
    depth_words: int  # K in words a row
    a_words: int
    b_words: int
    c_words: int


def shape_of(rows, columns, depth, width):
    """The shape for elements of `width` bits, or None when PTX has no such shape."""
    known = {(8, 8, 128), (16, 8, 128), (16, 8, 256)} if width == 1 else {(8, 8, 16), (16, 8, 16), (16, 8, 32)}
    if (rows, columns, depth) not in known:
        return None
    words = depth * width // 32
    return Shape(rows, columns, words, rows * words // 32, columns * words // 32, rows * columns // 32)


def _rows_of_a(shape, fragments):
    """A as rows of words. The words of a lane: row group, row group + 8, then the same four words further in K."""
    rows = [[0] * shape.depth_words for _ in range(shape.rows)]
    groups = shape.rows // 8
    for lane, words in enumerate(fragments):
        for index, word in enumerate(words):
            rows[lane // 4 + 8 * (index % groups)][lane % 4 + 4 * (index // groups)] = word
    return rows


def _columns_of_b(shape, fragments):
    columns = [[0] * shape.depth_words for _ in range(shape.columns)]
    for lane, words in enumerate(fragments):
        for index, word in enumerate(words):
            columns[lane // 4][lane % 4 + 4 * index] = word
    return columns


def _multiply(shape, lanes, dot, saturate):
    """Operands (a words, b words, c words) a lane; D = A B + C. C's words: columns 2 place and 2 place + 1 of row
    group, then of row group + 8."""
    a = _rows_of_a(shape, [lanes[lane][0] for lane in range(32)])
    b = _columns_of_b(shape, [lanes[lane][1] for lane in range(32)])
    results = {}
    for lane in range(32):
        d = []
        for index, c in enumerate(lanes[lane][2]):
            total = dot(a[lane // 4 + 8 * (index // 2)], b[2 * (lane % 4) + index % 2]) + signed(c, 32)
            if saturate:
                total = min(max(total, -(1 << 31)), (1 << 31) - 1)
            d.append(total & 0xFFFFFFFF)
        results[lane] = tuple(d)
    return results


def multiply_bits(shape, exclusive_or):
    """mma b1: the number of set bits of a ^ b, or of a & b."""

    def dot(row, column):
        if exclusive_or:
            return sum((x ^ y).bit_count() for x, y in zip(row, column))
        return sum((x & y).bit_count() for x, y in zip(row, column))

    return lambda lanes: _multiply(shape, lanes, dot, False)


def multiply_bytes(shape, a_signed, b_signed, saturate):
    """mma s8 and u8."""

    def elements(words, is_signed):
        values = [word >> shift & 0xFF for word in words for shift in (0, 8, 16, 24)]
        return [signed(value, 8) for value in values] if is_signed else values

    def dot(row, column):
        return sum(x * y for x, y in zip(elements(row, a_signed), elements(column, b_signed)))

    return lambda lanes: _multiply(shape, lanes, dot, saturate)


def load_matrices(count, transposed):
    """ldmatrix .m8n8 .b16: operand (row address, load), where load reads 16 bytes as four words; the addresses of
    matrix m come from lanes 8 m to 8 m + 7. Lane l gets elements 2 (l mod 4) and + 1 of row l / 4, or of column l / 4
    when transposed."""

    def load_all(lanes):
        results = {lane: [] for lane in range(32)}
        for matrix in range(count):
            rows = []
            for row in range(8):
                address, load = lanes[8 * matrix + row]
                try:
                    words = load(address)
                except Fault as fault:
                    raise Fault(
                        f"{fault} (row {row} of matrix {matrix}, the address of lane {8 * matrix + row})"
                    ) from None
                rows.append([word >> shift & 0xFFFF for word in words for shift in (0, 16)])
            for lane in range(32):
                group, place = lane // 4, 2 * (lane % 4)
                if transposed:
                    low, high = rows[place][group], rows[place + 1][group]
                else:
                    low, high = rows[group][place], rows[group][place + 1]
                results[lane].append(low | high << 16)
        return {lane: tuple(words) for lane, words in results.items()}

    return load_all
