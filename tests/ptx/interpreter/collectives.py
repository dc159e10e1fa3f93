"""What the lanes of a warp compute together.

Each function takes a dict of lane to operands, for all lanes of the mask, and gives a dict of lane to result.
"""

from .errors import Fault
from .integers import signed


def synchronize(lanes):
    """bar.warp.sync."""
    return dict.fromkeys(lanes)


def vote_ballot(lanes):
    word = sum(1 << lane for lane, value in lanes.items() if value)
    return dict.fromkeys(lanes, word)


def vote_any(lanes):
    return dict.fromkeys(lanes, any(lanes.values()))


def vote_all(lanes):
    return dict.fromkeys(lanes, all(lanes.values()))


def vote_uniform(lanes):
    return dict.fromkeys(lanes, len({bool(value) for value in lanes.values()}) == 1)


def match_any(lanes):
    """Each lane gets the lanes that hold its value."""
    return {lane: sum(1 << other for other, held in lanes.items() if held == value) for lane, value in lanes.items()}


def match_all(lanes):
    """(mask, True) when all lanes hold one value, else (0, False)."""
    same = len(set(lanes.values())) == 1
    return dict.fromkeys(lanes, (sum(1 << lane for lane in lanes) if same else 0, same))


def _shuffle(source_of):
    def shuffle(lanes):
        """Operands (value, b, c); results (value, whether the source is in range). ISA, shfl.sync."""
        results = {}
        for lane, (_, b, c) in lanes.items():
            b, segment_mask, clamp = b & 31, c >> 8 & 31, c & 31
            lowest = lane & segment_mask
            highest = lowest | (clamp & ~segment_mask & 31)
            source, in_range = source_of(lane, b, lowest, highest, segment_mask)
            if not in_range:
                source = lane
            if source not in lanes:
                raise Fault(f"lane {lane} reads lane {source} that is not in the mask")
            results[lane] = (lanes[source][0], in_range)
        return results

    return shuffle


def _up(lane, b, lowest, highest, segment_mask):
    # For .up the clamp is the lower limit: `highest` is then the lowest lane that may be read.
    return lane - b, lane - b >= highest


def _down(lane, b, lowest, highest, segment_mask):
    return lane + b, lane + b <= highest


def _butterfly(lane, b, lowest, highest, segment_mask):
    return lane ^ b, lane ^ b <= highest


def _index(lane, b, lowest, highest, segment_mask):
    source = lowest | (b & ~segment_mask)
    return source, source <= highest


shuffle_up = _shuffle(_up)
shuffle_down = _shuffle(_down)
shuffle_butterfly = _shuffle(_butterfly)
shuffle_index = _shuffle(_index)


def _reduce(combine):
    def reduce(lanes):
        values = list(lanes.values())
        result = values[0]
        for value in values[1:]:
            result = combine(result, value)
        return dict.fromkeys(lanes, result)

    return reduce


reduce_add = _reduce(lambda a, b: (a + b) & 0xFFFFFFFF)
reduce_and = _reduce(lambda a, b: a & b)
reduce_or = _reduce(lambda a, b: a | b)
reduce_xor = _reduce(lambda a, b: a ^ b)
reduce_min_unsigned = _reduce(min)
reduce_max_unsigned = _reduce(max)
reduce_min_signed = _reduce(lambda a, b: a if signed(a, 32) <= signed(b, 32) else b)
reduce_max_signed = _reduce(lambda a, b: a if signed(a, 32) >= signed(b, 32) else b)
