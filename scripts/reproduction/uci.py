"""The paper's five UCI data sets (section V.E, figures 11 to 13)."""

import json
import statistics

from cell import Cell, short
from jobs import positive, write_whole
from table3 import by_bits, chosen_names, markdown
from workshop import commit, say

DESCRIPTION = """Trains three-layer networks on five tables of the UCI repository, conventional and with two powers of two
a weight, and writes docs/results/uci.{md,json}. Runs what is missing; finished cells are in docs/results/uci."""

SETS = ("abalone", "banknote", "transfusion", "skin", "balance-scale")
HIDDEN = 16  # neurons, as kones's model uci-mlp has them
# In place of the recipe's, where a tenth of the epochs has as many steps as the others in all of them.
EPOCHS = {"skin": 10}
# The method, the bits of its packages' activations, and what the paper calls it.
METHODS = (
    ("float", (), "conventional, 32-bit"),
    ("lightnn-2", (12,), "LightNN-2, 32-bit"),
    ("fixed-12", (12,), "conventional, 12-bit"),
)


def add_options(parser):
    parser.add_argument("--sets", default=",".join(SETS), help="with commas between (default: %(default)s)")
    parser.add_argument("--seeds", type=positive, default=5, help="seeds 1 to so many (default: %(default)s)")


def cells(options, _program):
    sets = chosen_names("UCI data set", options.sets, SETS)
    return [
        Cell("uci", f"uci-{name}", method, "best", seed, "", epochs(name), bits, priced=True)
        for name in sets
        for method, bits, _ in METHODS
        for seed in range(1, options.seeds + 1)
    ]


def epochs(name):
    return (("epochs", EPOCHS[name]),) if name in EPOCHS else ()


def beside(_cell):
    return " test error"


def write(options, places, program):
    """docs/results/uci.{md,json} from all finished cells."""
    table = rows(program.current(places.read_results("uci"), "uci"))
    write_whole(places.results / "uci.json", json.dumps(table, indent=1) + "\n")
    write_whole(places.results / "uci.md", as_markdown(table))
    say(f"the table is in {short(places.results / 'uci.md')}")
    if options.commit:
        commit([places.results / "uci.json", places.results / "uci.md"], "docs/results: UCI data sets")


def rows(results):
    """One a data set: accuracies of the four implementations, in percent, mean and each seed."""
    table = []
    for name in SETS:
        of_set = [result for result in results if result["config"] == f"uci-{name}"]
        by_method = {method: [r for r in of_set if r["method"] == method] for method, _, _ in METHODS}
        if not all(by_method.values()):
            continue
        accuracies = {
            "conventional, 32-bit": [r["test_error_percent"] for r in by_method["float"]],
            "LightNN-2, 32-bit": [r["test_error_percent"] for r in by_method["lightnn-2"]],
            "conventional, 12-bit": [by_bits(r, 12)["test_error_percent"] for r in by_method["fixed-12"]],
            "LightNN-2, 12-bit": [by_bits(r, 12)["test_error_percent"] for r in by_method["lightnn-2"]],
        }
        table.append(
            {
                "set": name,
                "test_rows": of_set[0]["test_images"],
                "seeds": len(by_method["float"]),
                "accuracy_percent": {key: round(100 - statistics.fmean(v), 4) for key, v in accuracies.items()},
                "accuracy_percent_each": {key: [round(100 - e, 4) for e in v] for key, v in accuracies.items()},
                "mismatched_values": sum(i["mismatched_values"] for r in of_set for i in r["integers"]),
                "compared_values": sum(i["compared_values"] for r in of_set for i in r["integers"]),
                "logic": {
                    "conventional, 12-bit": logic(by_bits(by_method["fixed-12"][0], 12)["logic"]),
                    "LightNN-2, 12-bit": logic(by_bits(by_method["lightnn-2"][0], 12)["logic"]),
                },
            }
        )
    return table


def logic(priced):
    """The logic's energy an inference, and its area where the network is whole on the chip."""
    hidden, outputs = priced["layers"]
    # A stage of kones cost's pipeline has the units of one neuron; here every neuron has its own.
    area = hidden["area_um2"] * HIDDEN + outputs["area_um2"] * (outputs["products"] // HIDDEN)
    return {"energy_pj": round(priced["energy_pj"], 4), "area_um2": round(area, 1)}


def losses(table):
    """How many points of accuracy LightNN-2 has less than conventional, by bits, mean over the data sets."""
    return {
        bits: statistics.fmean(
            row["accuracy_percent"][f"conventional, {bits}-bit"] - row["accuracy_percent"][f"LightNN-2, {bits}-bit"]
            for row in table
        )
        for bits in (32, 12)
    }


def as_markdown(table):
    columns = ("conventional, 32-bit", "LightNN-2, 32-bit", "conventional, 12-bit", "LightNN-2, 12-bit")
    lines = []
    for row in table:
        shown = []
        for column in columns:
            each = row["accuracy_percent_each"][column]
            spread = f" ± {statistics.stdev(each):.2f}" if len(each) > 1 else ""
            shown.append(f"{row['accuracy_percent'][column]:.2f}{spread}")
        lines.append([row["set"], f"{row['test_rows']:,}", str(row["seeds"]), *shown])
    parts = [HEAD, markdown(["accuracy, %", "test rows", "seeds", *columns], lines)]
    if table:
        loss = losses(table)
        parts.append(
            f"LightNN-2's accuracy less the conventional network's: {-loss[32]:+.2f} points in 32 bits and {-loss[12]:+.2f} in "
            f"12 bits, mean over {len(table)} data sets (the paper: -0.66 and -0.40).\n"
        )
        mismatched = sum(row["mismatched_values"] for row in table)
        compared = sum(row["compared_values"] for row in table)
        parts.append(f"Of the 12-bit packages' integers {mismatched:,} of {compared:,} differ from the networks'.\n")
        parts.append(f"## Energy and area\n\n{COSTS}\n")
        parts.append(costs_markdown(table))
    return "\n".join(parts)


def costs_markdown(table):
    header = ["12-bit logic", "conventional, pJ", "LightNN-2, pJ", "less", "conventional, mm²", "LightNN-2, mm²", "less"]
    lines, savings = [], {"energy_pj": [], "area_um2": []}
    for row in table:
        line = [row["set"]]
        for key, shown in (("energy_pj", lambda pj: f"{pj:.0f}"), ("area_um2", lambda um2: f"{um2 / 1e6:.3f}")):
            theirs, ours = (row["logic"][name][key] for name in ("conventional, 12-bit", "LightNN-2, 12-bit"))
            savings[key].append(100 * (1 - ours / theirs))
            line += [shown(theirs), shown(ours), f"{savings[key][-1]:.0f} %"]
        lines.append(line)
    means = [f"{statistics.fmean(values):.0f} %" for values in savings.values()]
    return markdown(header, [*lines, ["mean", "", "", means[0], "", "", means[1]]])


HEAD = """# The five UCI data sets

Three-layer networks (features - 16 - classes) as in section V.E of Ding, Liu, Blanton and Marculescu, "Quantized Deep
Neural Networks for Energy Efficient Hardware-based Inference": conventional, and with weights of two powers of two trained
with stochastic rounding. 32-bit is float32; 12-bit is the exported package, run in integers with 12-bit activations, and
with 12-bit weights where they are conventional. The paper says neither how many hidden neurons there are nor which rows are
tested: 16, and a fifth of the rows chosen by a fixed seed, the same for all trainings. Features are bytes. (Of skin's
245,057 rows 51,444 are distinct, so that most of its test rows are training rows too.) `scripts/reproduce uci` makes this
page from the cells in [uci/](uci). "a ± b" is the mean and the standard deviation over seeds. The paper's figures 11 to 13:
[accuracy](figures/figure-11-uci-accuracy.png), [energy](figures/figure-12-uci-energy.png) and
[area](figures/figure-13-uci-area.png) of 12-bit logic.
"""

COSTS = """Of the logic of the 12-bit packages, by `kones cost` ([assumptions and sources](../cost.md)): the energy of an inference, and
the area where every neuron has units of its own. Without memories and registers. (The paper: 38.8 % less energy in total,
and 61.6 % less area of a 12-bit multiplier.)"""
