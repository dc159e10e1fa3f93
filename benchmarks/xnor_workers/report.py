"""The Markdown that xnor_layers.py prints, and its JSON."""

import math

from xnor_workers.layers import GROUPS

MEANS = ("resnet-s1", "resnet-s2")


def row(cells):
    return "| " + " | ".join(cells) + " |"


def head(titles):
    return [row(titles), "|---|" + "---:|" * (len(titles) - 1)]


def microseconds(seconds):
    return "" if seconds is None else f"{1e6 * seconds:.1f}"


def median_and_range(ratio):
    return "" if ratio is None else f"{ratio[0]:.2f} ({ratio[1]:.2f} .. {ratio[2]:.2f})"


def geometric_mean(ratios):
    """Of the medians, the least and the most of several layers."""
    if not ratios or None in ratios:
        return None
    return tuple(math.exp(sum(map(math.log, values)) / len(values)) for values in zip(*ratios))


def times_table(things, all_timings):
    lines = head(["microseconds a call", *(thing.title for thing in things)])
    for timings in all_timings:
        lines.append(row([timings.layer.name, *(microseconds(timings.seconds(thing)) for thing in things)]))
    return lines


def ratio_table(what, comparisons, all_timings):
    """`comparisons` are of a column's title, the thing whose time is divided and the one by whose."""
    lines = head([what, *(title for title, _, _ in comparisons)])
    for timings in all_timings:
        cells = [median_and_range(timings.ratio(thing, reference)) for _, thing, reference in comparisons]
        lines.append(row([timings.layer.name, *cells]))
    return lines


def means_table(comparisons, all_timings):
    lines = head(["geometric mean of the layers' (least .. most)", *(title for title, _, _ in comparisons)])
    for group in MEANS:
        of_group = [timings for timings in all_timings if timings.layer.group == group]
        if of_group:
            cells = [
                median_and_range(geometric_mean([timings.ratio(thing, reference) for timings in of_group]))
                for _, thing, reference in comparisons
            ]
            lines.append(row([f"{GROUPS[group]} ({len(of_group)} layer(s))", *cells]))
    return lines if len(lines) > 2 else []


def remarks(all_timings, rounds):
    lines = []
    checked = sum(any(thing.module == "kones" for thing in times.rounds[0]) for times in all_timings if times.rounds)
    if checked:
        what = "equals conv2d of the signs in float64, and times scale plus bias in float32"
        lines.append(f"* each value of kones {what}: {checked} layer(s)")
    for timings in all_timings:
        steady = len(timings.steady())
        if timings.rounds and steady < rounds:
            lines.append(
                f"* {timings.layer.name}: the clock was steady (5 %) in {steady} of {len(timings.rounds)} rounds, "
                + ("and only those count" if steady else "so all count: time it again")
            )
        elif len(timings.rounds) > steady:
            lines.append(f"* {timings.layer.name}: {len(timings.rounds) - steady} rounds left out, the clock changed")
    reasons = {}
    for timings in all_timings:
        for thing, why in timings.missing.items():
            reasons.setdefault((thing.title, why), []).append(timings.layer.name)
    for (title, why), layers in reasons.items():
        where = "every layer" if len(layers) == len(all_timings) else "; ".join(layers)
        lines.append(f"* {title} has no time ({where}): {why}")
    return lines


def as_json(about, things, all_timings):
    return {
        "about": about,
        "things": [vars(thing) for thing in things],
        "layers": [
            {
                **vars(timings.layer),
                "name": timings.layer.name,
                "missing": {thing.title: why for thing, why in timings.missing.items()},
                "steady_rounds": len(timings.steady()),
                "rounds": [{thing.title: of_thing for thing, of_thing in times.items()} for times in timings.rounds],
            }
            for timings in all_timings
        ],
    }
