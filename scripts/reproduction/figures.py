"""Draws the trained networks and their costs as PNG and SVG: docs/results/figures."""

import csv
import gzip
import pathlib
import statistics

import paper
import table3
import uci
from cell import ROOT, Cell, Misused, Places, short
from cell import add_options as add_place_options
from workshop import Program, commit, say

DESCRIPTION = """Draws, from the finished cells and kones cost: training curves, histograms of levels over training, and the
paper's figures 5 to 13 (storage, unit area and power, energy, its breakdown, area, error against energy; the UCI data
sets' accuracy, energy and area), as PNG and SVG in docs/results/figures."""

# One colour a model in all figures: alike where the weights are alike.
COLOURS = {
    "float": "#333333",
    "lightnn-2": "#1f5fa8",
    "lightnn-1": "#5aa3e0",
    "binaryconnect": "#9a63b8",
    "lightnn-2-bin": "#b3541e",
    "lightnn-1-bin": "#f0883e",
    "binarynet": "#4b9b58",
}
ORDER = paper.METHODS


def add_options(parser):
    parser.add_argument("--only", help="figures whose names begin so, with commas between")
    parser.add_argument("--commit", action="store_true", help="commit the figures")
    add_place_options(parser)
    parser.add_argument(
        "--program",
        type=pathlib.Path,
        default=ROOT / "build" / "bin" / "kones",
        help="the program kones (default: build/bin/kones)",
    )


def draw(options):
    # Only this command needs matplotlib, which has a virtual environment of its own.
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams.update(
        {
            "figure.dpi": 110,
            "savefig.bbox": "tight",
            "font.size": 10,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.grid": True,
            "axes.grid.axis": "y",
            "grid.color": "#dddddd",
            "axes.axisbelow": True,
            "legend.frameon": False,
            "svg.hashsalt": "kones",
        }
    )
    drawer = Drawer(options)
    names = sorted(drawer.figures())
    if options.only is not None:
        for only in options.only.split(","):
            if not any(name.startswith(only) for name in names):
                raise Misused(f"there is no figure whose name begins with {only!r}; there are {', '.join(names)}")
        names = [name for name in names if name.startswith(tuple(options.only.split(",")))]
    for name in names:
        drawer.draw(name)
    if options.commit and drawer.files:
        commit(drawer.files, "docs/results: figures")


class Drawer:
    def __init__(self, options):
        self.options = options
        self.places = Places(options.results, options.runs)
        self.folder = self.places.results / "figures"
        self.files = []
        self.program = Program(options.program, 1)
        # Runs cut short have curves of their own.
        self.results = self.program.current(self.places.read_results("table3"), "table3")
        self.rows = table3.rows(self.results)
        self.table = [row for row in self.rows if row["recipe"] == "best"]
        self._costs = {}

    def figures(self):
        figures = {
            "figure-05-storage": self.storage,
            "figure-06-units": self.units,
            "figure-07-energy": self.energy,
            "figure-08-breakdown": self.breakdown,
            "figure-09-area": self.area,
            "figure-10-error-energy": self.error_energy,
            "figure-11-uci-accuracy": self.uci_accuracy,
            "figure-12-uci-energy": self.uci_energy,
            "figure-13-uci-area": self.uci_area,
            "table-3-errors": lambda: self.errors("best"),
            "table-3-errors-paper": lambda: self.errors("paper"),
        }
        for config in paper.CONFIGS:
            figures[f"curves-{config}"] = lambda config=config: self.curves(config)
            for method in ("lightnn-1", "lightnn-2"):
                figures[f"levels-{config}-{method}"] = lambda c=config, m=method: self.levels(c, m)
        return figures

    def draw(self, name):
        from matplotlib import pyplot

        figure = self.figures()[name]()
        if figure is None:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        for suffix in ("png", "svg"):
            path = self.folder / f"{name}.{suffix}"
            # Without a date, so that the same figure is the same file.
            figure.savefig(path, metadata={"Date": None} if suffix == "svg" else {})
            self.files.append(path)
        pyplot.close(figure)
        say(f"{short(self.folder / name)}.png")

    def costs(self, *arguments):
        """The networks of kones cost --json, by (config, method)."""
        if arguments not in self._costs:
            networks = self.program.ask_quickly("cost", *arguments)["networks"]
            self._costs[arguments] = {(n["name"], n["method"]): n for n in networks}
        return self._costs[arguments]

    # Trained networks

    def errors(self, recipe):
        """Our test errors beside the paper's."""
        whole = [row for row in self.rows if row["recipe"] == recipe and not row["shortened"]]
        configs = [c for c in paper.CONFIGS if any(row["config"] == c for row in whole)]
        if not configs:
            return None
        from matplotlib import pyplot

        figure, axes = pyplot.subplots(1, len(configs), figsize=(4.2 * len(configs), 3.6), squeeze=False)
        for axis, config in zip(axes[0], configs):
            rows = {row["method"]: row for row in whole if row["config"] == config}
            for place, method in enumerate(ORDER):
                y = len(ORDER) - 1 - place
                theirs = paper.test_error_percent(config, method)
                axis.plot(theirs, y, "o", color="white", markeredgecolor="#888888", markersize=8, zorder=3)
                if method in rows:
                    ours = rows[method]["test_error_percent"]
                    spread = rows[method]["standard_deviation"] or 0.0
                    axis.plot([ours, theirs], [y, y], "-", color="#cccccc", zorder=1)
                    axis.errorbar(ours, y, xerr=spread, fmt="o", color=COLOURS[method], markersize=8, zorder=3)
                    axis.annotate(f"{ours:.2f}", (ours, y), (0, 7), textcoords="offset points", ha="center", fontsize=8)
            axis.set_yticks(range(len(ORDER)), [paper.NAMES[m] for m in reversed(ORDER)])
            axis.grid(axis="x")
            axis.set_xscale("log")
            axis.margins(x=0.12)
            axis.set_xlabel("test error, % (log)")
            ticks = [t for t in (0.3, 0.5, 1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70) if between(t, axis.get_xlim())]
            axis.set_xticks(ticks, [f"{t:g}" for t in ticks])
            axis.minorticks_off()
            axis.set_title(config)
        figure.suptitle(f"Test errors: kones by its recipe {recipe} (filled) and the paper's table 3 (open)", y=1.02)
        figure.tight_layout()
        return figure

    def of_config(self, config, seed=1):
        return {
            result["method"]: result
            for result in self.results
            if result["config"] == config
            and result["recipe"] == "best"
            and result["seed"] == seed
            and (not result["variant"] or not self.has_whole(config))
        }

    def has_whole(self, config):
        """Whether there are trainings of all epochs of the recipe."""
        return any(r["config"] == config and r["recipe"] == "best" and not r["variant"] for r in self.results)

    def curves(self, config):
        results = self.of_config(config)
        if len(results) < 2:
            return None
        from matplotlib import pyplot, ticker

        figure, (left, right) = pyplot.subplots(1, 2, figsize=(11, 4))
        for method in ORDER:
            if method in results:
                curve = results[method]["curve"]
                epochs = range(1, len(curve["train_loss"]) + 1)
                style = {"color": COLOURS[method], "label": paper.NAMES[method], "linewidth": 1.6}
                marker = "o" if len(curve["train_loss"]) < 8 else None
                left.plot(epochs, curve["validation_error_percent"], marker=marker, **style)
                right.plot(epochs, curve["train_loss"], marker=marker, **style)
        for axis, label in ((left, "validation error, %"), (right, "training loss")):
            axis.set_yscale("log")
            axis.yaxis.set_major_formatter(plain_numbers())
            axis.yaxis.set_minor_formatter(plain_numbers(sparse=True))
            axis.xaxis.set_major_locator(ticker.MaxNLocator(integer=True))
            axis.set_xlabel("epoch")
            axis.set_ylabel(label)
        right.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
        one = next(iter(results.values()))
        cut = f", cut short at {one['epochs']} epochs" if one["variant"] else ""
        figure.suptitle(f"{config}: training by the recipe best{cut}, seed 1")
        figure.tight_layout()
        return figure

    def levels(self, config, method):
        """How many weights of each layer have each level, over the epochs."""
        path = self.places.levels_file(Cell("table3", config, method, "best", 1))
        if not path.exists():
            return None
        from matplotlib import colors, pyplot

        layers = {}
        with gzip.open(path, "rt", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                layer = layers.setdefault(row["layer"], {})
                layer[(int(row["epoch"]), float(row["level"]))] = int(row["weights"])
        figure, axes = pyplot.subplots(1, len(layers), figsize=(3.2 * len(layers) + 0.8, 4.2), squeeze=False)
        for axis, (layer, counts) in zip(axes[0], layers.items()):
            epochs = sorted({epoch for epoch, _ in counts})
            values = sorted({level for _, level in counts})
            total = sum(counts[(epochs[0], level)] for level in values)
            shares = [[max(100 * counts[(epoch, level)] / total, 1e-3) for epoch in epochs] for level in values]
            image = axis.pcolormesh(
                [*epochs, epochs[-1] + 1],
                range(len(values) + 1),
                shares,
                norm=colors.LogNorm(0.01, 50),
                cmap="viridis",
                rasterized=True,
            )
            step = max(1, len(values) // 16)
            axis.set_yticks([i + 0.5 for i in range(0, len(values), step)], [f"{v:g}" for v in values[::step]], fontsize=7)
            axis.grid(False)
            axis.set_title(layer)
            axis.set_xlabel("epoch")
        axes[0][0].set_ylabel("level (every level has a row)")
        figure.suptitle(f"{config}, {paper.NAMES[method]}: levels of the weights over training, seed 1")
        figure.tight_layout()
        figure.colorbar(image, ax=list(axes[0]), label="share of the layer's weights, %", pad=0.02)
        return figure

    # The paper's figures

    def grouped_bars(self, value, label, title, log=True):
        """Bars of every model for every configuration of kones cost --compare."""
        from matplotlib import pyplot

        costs = self.costs("--compare")
        configs = [c for c in paper.CONFIGS if (c, "float") in costs]
        figure, axis = pyplot.subplots(figsize=(10.5, 4))
        width = 0.8 / len(ORDER)
        for place, method in enumerate(ORDER):
            heights = [value(costs[(config, method)]) for config in configs]
            x = [i - 0.4 + width * (place + 0.5) for i in range(len(configs))]
            axis.bar(x, heights, width * 0.92, color=COLOURS[method], label=paper.NAMES[method])
        if log:
            axis.set_yscale("log")
        axis.set_xticks(range(len(configs)), configs)
        axis.grid(axis="x", visible=False)
        axis.set_ylabel(label)
        axis.set_title(title)
        axis.legend(ncol=1, loc="center left", bbox_to_anchor=(1.0, 0.5))
        return figure

    def storage(self):
        return self.grouped_bars(
            lambda network: network["storage_bytes"] / 1e3,
            "storage of parameters, kB (log)",
            "Storage (the paper's figure 5)",
        )

    def units(self):
        """Per multiply and accumulate unit: the area, and the power at the cost model's clock."""
        from matplotlib import pyplot

        networks = self.costs("--compare", "--no-registers")
        figure, axes = pyplot.subplots(1, 2, figsize=(11, 3.6))
        areas, powers = [], []
        for method in ORDER:
            # A hidden layer: its operands are the model's own kind.
            network = networks[("mnist-3hidden", method)]
            layer = network["layers"][1]
            inputs = 4096
            areas.append(layer["area_um2"]["value"] / inputs)
            clock_mhz = network["cycles"] / network["microseconds"]
            powers.append(layer["logic_pj"]["value"] / layer["products"] * clock_mhz / 1e3)
        names = [paper.NAMES[method] for method in ORDER]
        for axis, values, label in (
            (axes[0], areas, "area of a unit, µm² (log)"),
            (axes[1], powers, f"power of a unit at {clock_mhz:.0f} MHz, mW (log)"),
        ):
            axis.barh(names[::-1], values[::-1], color=[COLOURS[m] for m in reversed(ORDER)])
            axis.set_xscale("log")
            axis.grid(axis="x")
            axis.grid(axis="y", visible=False)
            axis.set_xlabel(label)
            for y, value in enumerate(values[::-1]):
                axis.annotate(f" {value:,.0f}" if value >= 100 else f" {value:.3g}", (value, y), va="center", fontsize=8)
            axis.set_xlim(right=max(values) * 3)
        figure.suptitle("A multiplication and an accumulation (the paper's figure 6)")
        figure.tight_layout()
        return figure

    def energy(self):
        return self.grouped_bars(
            lambda network: network["energy_pj"]["value"] / 1e6,
            "energy an inference, µJ (log)",
            "Energy (the paper's figure 7)",
        )

    def breakdown(self):
        from matplotlib import pyplot

        costs = self.costs("--compare")
        configs = [c for c in paper.CONFIGS if (c, "float") in costs]
        parts = (("memory", "memory_pj", "#8aa6c1"), ("logic", "logic_pj", "#d98b5f"), ("registers", "registers_pj", "#b9b9b9"))
        figure, axes = pyplot.subplots(1, len(configs), figsize=(2.9 * len(configs), 3.6), sharey=True)
        for axis, config in zip(axes, configs):
            for place, method in enumerate(ORDER):
                network = costs[(config, method)]
                total = sum(network[key]["value"] for _, key, _ in parts)
                bottom = 0.0
                for name, key, colour in parts:
                    share = 100 * network[key]["value"] / total
                    axis.bar(place, share, 0.8, bottom=bottom, color=colour, label=name if place == 0 else None)
                    bottom += share
            axis.set_xticks(range(len(ORDER)), [paper.NAMES[m] for m in ORDER], rotation=90)
            axis.grid(axis="x", visible=False)
            axis.set_title(config)
        axes[0].set_ylabel("share of the energy, %")
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="lower center", ncol=3, bbox_to_anchor=(0.5, -0.08))
        figure.suptitle("What the energy is spent on (the paper's figure 8)")
        figure.tight_layout()
        return figure

    def area(self):
        return self.grouped_bars(
            lambda network: network["area_um2"]["value"] / 1e6,
            "area of logic, mm² (log)",
            "Area (the paper's figure 9)",
        )

    def error_energy(self):
        """Test error against energy, and the Pareto front, for MNIST and for CIFAR-10; the paper's errors too."""
        from matplotlib import pyplot
        from matplotlib.lines import Line2D

        costs = dict(self.costs("--compare"))
        for config in {row["config"] for row in self.table} - {config for config, _ in costs}:
            costs.update(self.costs("--compare", "--model", config))
        figure, axes = pyplot.subplots(1, 2, figsize=(12, 4.6))
        markers = {"1hidden": "o", "2conv": "s", "3hidden": "^", "3conv": "o", "3conv-82k": "P", "6conv": "s", "6conv-pool3": "D"}
        for axis, data in zip(axes, ("mnist", "cifar")):
            points, seen = [], []
            # Those of all epochs come last, and count where there are both.
            of_data = sorted((r for r in self.table if r["config"].startswith(data)), key=lambda r: not r["shortened"])
            rows = {(r["config"], r["method"]): r for r in of_data}
            for config in [c for c in paper.CONFIGS if c.startswith(data) and (c, "float") in costs]:
                kind = config.partition("-")[2]
                seen.append((config, markers[kind]))
                for method in ORDER:
                    energy = costs[(config, method)]["energy_pj"]["value"] / 1e6
                    theirs = paper.test_error_percent(config, method)
                    axis.plot(energy, theirs, markers[kind], color="none", markeredgecolor=COLOURS[method], alpha=0.8)
                    row = rows.get((config, method))
                    if row:
                        short_one = row["shortened"]
                        axis.plot(energy, row["test_error_percent"], markers[kind], color=COLOURS[method],
                                  alpha=0.5 if short_one else 1.0, zorder=3)
                        if not short_one:
                            points.append((energy, row["test_error_percent"]))
            front = pareto(points)
            axis.plot([p[0] for p in front], [p[1] for p in front], "-", color="#999999", linewidth=1, zorder=1)
            axis.set_xscale("log")
            axis.set_yscale("log")
            axis.yaxis.set_major_formatter(plain_numbers())
            axis.yaxis.set_minor_formatter(plain_numbers(sparse=True))
            axis.grid(axis="x")
            axis.set_xlabel("energy an inference, µJ (log)")
            axis.set_ylabel("test error, % (log)")
            axis.set_title("MNIST" if data == "mnist" else "CIFAR-10")
            axis.legend(
                [Line2D([], [], color="#555555", marker=marker, linestyle="") for _, marker in seen],
                [config for config, _ in seen],
                loc="upper right",
                fontsize=8,
            )
        figure.legend(
            [Line2D([], [], color=COLOURS[m], marker="o", linestyle="") for m in ORDER]
            + [Line2D([], [], color="#555555", alpha=0.5, marker="o", linestyle=""),
               Line2D([], [], color="none", marker="o", markeredgecolor="#555555", linestyle=""),
               Line2D([], [], color="#999999")],
            [paper.NAMES[m] for m in ORDER] + ["training cut short", "the paper's errors", "Pareto front"],
            loc="lower center",
            ncol=5,
            bbox_to_anchor=(0.5, -0.13),
        )
        figure.suptitle("Error against energy (the paper's figure 10)")
        figure.tight_layout()
        return figure

    # UCI

    def uci_rows(self):
        return uci.rows(self.program.current(self.places.read_results("uci"), "uci"))

    def uci_accuracy(self):
        rows = self.uci_rows()
        if not rows:
            return None
        styles = {
            "conventional, 32-bit": ("#333333", None),
            "LightNN-2, 32-bit": (COLOURS["lightnn-2"], None),
            "conventional, 12-bit": ("#999999", "//"),
            "LightNN-2, 12-bit": (COLOURS["lightnn-1"], "//"),
        }
        return set_bars(
            [row["set"] for row in rows],
            {name: [row["accuracy_percent"][name] for row in rows] for name in styles},
            styles,
            "test accuracy, %",
            "Accuracy (the paper's figure 11), mean and standard deviation over seeds",
            bottom=50,
            spreads={name: [spread(row["accuracy_percent_each"][name]) for row in rows] for name in styles},
        )

    def uci_energy(self):
        title = "Energy of 12-bit logic (the paper's figure 12)"
        return self.uci_cost_bars("energy_pj", 1.0, "energy of logic an inference, pJ", title)

    def uci_area(self):
        return self.uci_cost_bars("area_um2", 1e-6, "area of logic, mm²", "Area of 12-bit logic (the paper's figure 13)")

    def uci_cost_bars(self, key, factor, label, title):
        rows = self.uci_rows()
        if not rows:
            return None
        styles = {"conventional": ("#777777", None), "LightNN-2": (COLOURS["lightnn-2"], None)}
        values = {name: [row["logic"][f"{name}, 12-bit"][key] * factor for row in rows] for name in styles}
        return set_bars([row["set"] for row in rows], values, styles, label, title)


def spread(values):
    return statistics.stdev(values) if len(values) > 1 else 0.0


def set_bars(sets, values, styles, label, title, bottom=0.0, spreads=None):
    from matplotlib import pyplot

    figure, axis = pyplot.subplots(figsize=(9, 3.8))
    width = 0.8 / len(values)
    for place, (name, heights) in enumerate(values.items()):
        colour, hatch = styles[name]
        x = [i - 0.4 + width * (place + 0.5) for i in range(len(sets))]
        axis.bar(x, heights, width * 0.92, color=colour, hatch=hatch, edgecolor="white", label=name)
        if spreads:
            axis.errorbar(x, heights, yerr=spreads[name], fmt="none", ecolor="#d62728", elinewidth=1, capsize=2)
        tops = [height + (spreads[name][i] if spreads else 0) for i, height in enumerate(heights)]
        for x_, top, height in zip(x, tops, heights):
            axis.annotate(f"{height:.3g}", (x_, top), (0, 2), textcoords="offset points", ha="center", fontsize=7)
    axis.set_xticks(range(len(sets)), sets)
    axis.set_ylim(bottom=bottom)
    axis.grid(axis="x", visible=False)
    axis.set_ylabel(label)
    axis.set_title(title)
    axis.legend(ncol=len(values), loc="upper center", bbox_to_anchor=(0.5, -0.1))
    return figure


def pareto(points):
    """Those that no other one beats in both, from the least energy."""
    front = []
    for energy, error in sorted(points):
        if not front or error < front[-1][1]:
            front.append((energy, error))
    return front


def between(value, limits):
    return limits[0] <= value <= limits[1]


def plain_numbers(sparse=False):
    from matplotlib import ticker

    def shown(value, _):
        digit = f"{value:e}"[0]
        return f"{value:g}" if not sparse or digit in "2357" else ""

    return ticker.FuncFormatter(shown)
