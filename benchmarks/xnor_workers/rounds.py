"""Rounds in which things take turns, and what a layer's rounds come to."""

import statistics
from dataclasses import dataclass, field

from xnor_workers.layers import Layer

CLOCK_TOLERANCE = 0.05


@dataclass(frozen=True)
class Thing:
    """What is timed: a worker's thing on so many threads. The title is its column's."""

    module: str
    name: str
    threads: int
    title: str


@dataclass
class Timings:
    """A layer's rounds, each thing to {"seconds", "clock_seconds"}, and why things have no time."""

    layer: Layer
    missing: dict = field(default_factory=dict)
    rounds: list = field(default_factory=list)

    def steady(self):
        """The rounds in which each thing's clock check took as long as in the median round."""
        if not self.rounds:
            return []
        usual = {
            thing: statistics.median(times[thing]["clock_seconds"] for times in self.rounds) for thing in self.rounds[0]
        }
        return [
            times
            for times in self.rounds
            if all(abs(times[thing]["clock_seconds"] / usual[thing] - 1) <= CLOCK_TOLERANCE for thing in times)
        ]

    def used(self):
        return self.steady() or self.rounds

    def seconds(self, thing):
        """The shortest of all rounds, or None."""
        return min((times[thing]["seconds"] for times in self.used() if thing in times), default=None)

    def ratio(self, thing, reference):
        """How often the reference's time goes into the thing's: median, least and most of the rounds, or None."""
        ratios = [
            times[thing]["seconds"] / times[reference]["seconds"]
            for times in self.used()
            if thing in times and reference in times
        ]
        return (statistics.median(ratios), min(ratios), max(ratios)) if ratios else None


def time_layer(workers, things, layer_number, layer, batch, rounds, windows):
    """Rounds of all things in turn until `rounds` are steady, or twice as many have been."""
    timings = Timings(layer)
    for worker in workers:
        threads = sorted({thing.threads for thing in things if thing.module == worker.module})
        missing = worker.ask(prepare=layer_number, batch=batch, threads=threads)["missing"]
        for thing in things:
            if thing.module == worker.module and thing.name in missing:
                timings.missing[thing] = missing[thing.name]
    of_module = {worker.module: worker for worker in workers}
    timed = [thing for thing in things if thing not in timings.missing]
    while timed and len(timings.steady()) < rounds and len(timings.rounds) < 2 * rounds:
        timings.rounds.append(
            {
                thing: of_module[thing.module].ask(time=thing.name, threads=thing.threads, windows=windows)
                for thing in timed
            }
        )
    return timings
