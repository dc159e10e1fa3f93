"""The least work of a kernel's main loop, its shortest turn, and of what is around it, in instructions."""

import collections
import re


def successors(function):
    """For each instruction, the indices of those that may be executed next."""
    last = len(function.instructions) - 1
    result = []
    for index, one in enumerate(function.instructions):
        following = [index + 1] if index < last else []
        if one.mnemonic in ("EXIT", "RET", "KILL"):
            result.append(following if one.predicate else [])
        elif one.mnemonic in ("BRA", "JMP") or (one.mnemonic == "CALL" and one.target in function.labels):
            # ".U", ".CONV" and ".DIV" forms carry their condition as an operand before the target.
            conditional = one.predicate or "," in one.operands
            target = function.labels.get(one.target)
            result.append(([target] if target is not None else []) + (following if conditional else []))
        else:
            # BSYNC too: the label that its BSSY names is the next instruction. A call comes back.
            result.append(following)
    return result


def _distances(edges, start):
    """Steps from `start` to each index that can be reached from it, at the least one: to itself, around a loop."""
    distance = {}
    queue = collections.deque([(0, start)])
    while queue:
        length, index = queue.popleft()
        for following in edges[index]:
            if following not in distance:
                distance[following] = length + 1
                queue.append((length + 1, following))
    return distance


def shortest_turn(function, through):
    """The fewest instructions of one turn of a loop that executes an instruction of each of the patterns (regular
    expressions of opcodes), in this order; None where no loop does."""
    edges = successors(function)
    stops = [[index for index, one in enumerate(function.instructions) if re.match(pattern, one.opcode)]
             for pattern in through]
    distances = {place: _distances(edges, place) for places in stops for place in places}
    turns = []
    for start in stops[0]:
        reached = {start: 0}
        for places in stops[1:] + [[start]]:
            reached = {place: min(length + distances[before][place] for before, length in reached.items()
                                  if place in distances[before])
                       for place in places if any(place in distances[before] for before in reached)}
        turns += reached.values()
    return min(turns, default=None)


def shortest_way(function, start, through):
    """The fewest instructions from the index `start` to the last of `through`, by each of the others in their order:
    indices, or patterns of opcodes; None where there is no such way."""
    edges = successors(function)
    reached = {start: 0}
    for stop in through:
        following = {}
        for before, length in reached.items():
            for place, more in _distances(edges, before).items():
                if place == stop or (isinstance(stop, str) and re.match(stop, function.instructions[place].opcode)):
                    following[place] = min(following.get(place, length + more), length + more)
        reached = following
    return min(reached.values(), default=None)
