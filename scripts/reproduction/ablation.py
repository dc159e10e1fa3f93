"""What each ingredient of a recipe brings: one at a time is taken away, or put in."""

import re
import statistics

import paper
from cell import Cell, short
from jobs import positive, write_whole
from table3 import check_names, chosen_names, machines, markdown
from workshop import commit, say

DESCRIPTION = """Trains networks by a recipe with one ingredient changed at a time and writes
docs/results/ablation.md. Runs what is missing; finished cells are in docs/results/ablation."""

# An ingredient, the name of a variant of it, and the settings of that. What a recipe has anyway is no variant of it.
INGREDIENTS = (
    ("loss", "cross-entropy", {"loss": "cross-entropy", "label_smoothing": 0.0}),
    ("loss", "squared-hinge", {"loss": "squared-hinge", "label_smoothing": 0.0}),
    ("loss", "label-smoothing-0.1", {"loss": "cross-entropy", "label_smoothing": 0.1}),
    ("schedule", "constant", {"schedule": "constant"}),
    (
        "schedule",
        "exponential",
        {"schedule": "exponential", "schedule_interval": "epoch", "final_learning_rate": 1e-6, "warmup": 0.0},
    ),
    ("augmentation", "no-augmentation", {"shift": 0, "flip": False, "rotation": 0.0, "zoom": 0.0}),
    ("augmentation", "rotation-8-zoom-0.1", {"rotation": 8.0, "zoom": 0.1}),
    ("augmentation", "black-border", {"border": "black"}),
    ("rounding", "nearest", {"rounding": "nearest"}),
    ("rounding", "stochastic", {"rounding": "stochastic", "rounding_share": 1.0}),
    ("rounding", "stochastic-75-percent", {"rounding": "stochastic", "rounding_share": 0.75}),
    ("rounding", "truncation", {"rounding": "truncate"}),
    ("initialization", "uniform", {"initialization": "uniform"}),
    ("initialization", "he", {"initialization": "he"}),
    ("learning rate", "unscaled", {"scale_learning_rate": False}),
    ("learning rate", "scaled", {"scale_learning_rate": True}),
    ("latent clip", "latent-clip-0.5", {"latent_clip": 0.5}),
    ("latent clip", "no-latent-clip", {"latent_clip": 1e6}),
    ("latent clip", "latent-clip-of-levels", {"latent_clip": 0.0}),
    ("distillation", "no-distillation", {"distillation": 0.0}),
    ("distillation", "distillation-0.5", {"distillation": 0.5}),
    ("moving average", "no-moving-average", {"weight_average": 0.0}),
    ("moving average", "moving-average-0.999", {"weight_average": 0.999}),
    ("weight decay", "no-weight-decay", {"weight_decay": 0.0}),
    ("weight decay", "weight-decay-1e-4", {"weight_decay": 1e-4}),
    ("dropout", "dropout", {"input_dropout": 0.2, "hidden_dropout": 0.5}),
    ("precision", "float32", {"precision": "float32"}),
)
BASE = "as-it-is"
# Which of two models is behind the other in the paper, and not in every training.
BEHIND, AHEAD = "binaryconnect", "lightnn-1-bin"

DEFAULT = "mnist-1hidden:lightnn-1,mnist-1hidden:lightnn-1-bin,cifar-3conv:lightnn-1"


def add_options(parser):
    parser.add_argument(
        "--networks",
        default=DEFAULT,
        help="config:model of the networks, with commas between (default: %(default)s)",
    )
    parser.add_argument("--recipe", choices=("best", "paper"), default="best", help="(default: %(default)s)")
    parser.add_argument("--variants", help="of those that docs/results/ablation.md names, with commas between")
    parser.add_argument("--seeds", type=positive, default=1, help="seeds 1 to so many (default: %(default)s)")
    parser.add_argument("--epochs", type=positive, help="in place of the recipe's, for all of them")


def cells(options, program):
    chosen = []
    variants = [BASE, *(name for _, name, _ in INGREDIENTS)]
    if options.variants is not None:
        variants = chosen_names("variant", options.variants, variants)
    for network in dict.fromkeys(options.networks.split(",")):
        config, _, method = network.partition(":")
        check_names("config", [config], paper.CONFIGS)
        check_names("model", [method], paper.METHODS)
        base = Cell("ablation", config, method, options.recipe, 1, BASE)
        settings = program.settings(base)
        of_network = [base]
        for _, name, changes in INGREDIENTS:
            if any(settings[key] != value for key, value in changes.items()):
                of_network.append(base.with_(variant=name, settings=tuple(changes.items())))
        if options.epochs and options.epochs != settings["epochs"]:
            # Beside those of all epochs, not in their place.
            of_network = [
                cell.with_(
                    variant=f"{cell.variant}-{options.epochs}epochs",
                    settings=(("epochs", options.epochs), *cell.settings),
                )
                for cell in of_network
            ]
        for cell in of_network:
            if ingredient_name(cell.variant) in variants:
                chosen += [cell.with_(seed=seed) for seed in range(1, options.seeds + 1)]
    return chosen


def ingredient_name(variant):
    """Without the number of epochs."""
    return re.sub("-[0-9]+epochs$", "", variant)


def words(variant):
    """As people read it; the sign of an exponent stays."""
    return re.sub(r"(?<!\de)-", " ", variant)


def beside(_cell):
    return " test error"


def write(options, places, program):
    """docs/results/ablation.md from all finished cells."""
    groups = {}
    for result in program.current(places.read_results("ablation"), "ablation"):
        key = (result["recipe"], result["config"], result["method"], result["epochs"])
        groups.setdefault(key, {}).setdefault(ingredient_name(result["variant"]), []).append(result)
    parts = [HEAD]
    for (recipe, config, method, epochs), variants in sorted(groups.items(), key=place):
        if BASE not in variants:
            say(f"{recipe}/{config}/{method}, {epochs} epochs, is left out: there is no training of the recipe as it is")
        else:
            parts.append(f"## {config}, {paper.NAMES[method]}, {epochs} epochs of the recipe `{recipe}`\n")
            parts.append(table(variants))
    parts += comparisons(groups)
    write_whole(places.results / "ablation.md", "\n".join(parts))
    say(f"the table is in {short(places.results / 'ablation.md')}")
    if options.commit:
        commit([places.results / "ablation.md"], "docs/results: ablation")


def comparisons(groups):
    """Two models of the recipe paper beside each other, variant by variant."""
    parts = []
    for (recipe, config, method, epochs), variants in sorted(groups.items(), key=place):
        others = groups.get((recipe, config, BEHIND, epochs), {})
        if recipe == "paper" and method == AHEAD and BASE in variants and BASE in others:
            parts.append(f"## {config}, recipe `paper`: {paper.NAMES[BEHIND]} beside {paper.NAMES[AHEAD]}\n\n{COMPARED}\n")
            parts.append(comparison(config, variants, others))
    return parts


def comparison(config, variants, others):
    lines = []
    for name in [BASE, *(name for _, name, _ in INGREDIENTS)]:
        if name in variants and name in others:
            ahead, behind = (mean(group[name], "test_error_percent") for group in (variants, others))
            seeds = {str(len(group[name])) for group in (variants, others)}
            shown = "the recipe as it is" if name == BASE else words(name)
            lines.append([shown, ", ".join(sorted(seeds)), f"{behind:.2f}", f"{ahead:.2f}", f"{behind - ahead:+.2f}"])
    behind, ahead = (paper.test_error_percent(config, method) for method in (BEHIND, AHEAD))
    lines.append(["the paper's table 3", "", f"{behind:.2f}", f"{ahead:.2f}", f"{behind - ahead:+.2f}"])
    header = ["test error, %", "seeds", paper.NAMES[BEHIND], paper.NAMES[AHEAD], "difference"]
    return markdown(header, lines)


def place(item):
    recipe, config, method, epochs = item[0]
    return recipe, paper.CONFIGS.index(config), paper.METHODS.index(method), epochs


def mean(results, name):
    return statistics.fmean(result[name] for result in results)


def table(variants):
    base = variants[BASE]
    header = ["ingredient", "in its place", "seeds", "validation error, %", "change", "test error, %", "change"]
    lines = [line("the recipe as it is", "", base, base)]
    for ingredient, name, _ in INGREDIENTS:
        if name in variants:
            lines.append(line(ingredient, words(name), variants[name], base))
    return markdown(header, lines) + f"\n{machines(result for group in variants.values() for result in group)}\n"


def line(ingredient, name, results, base):
    seeds = {result["seed"] for result in results}
    same = [result for result in base if result["seed"] in seeds]
    cells_ = [ingredient, name, str(len(results))]
    for key in ("validation_error_percent", "test_error_percent"):
        cells_.append(f"{mean(results, key):.2f}")
        cells_.append("" if results is base else f"{mean(results, key) - mean(same, key):+.2f}")
    return cells_


HEAD = """# What each ingredient of the recipes brings

Networks trained by a recipe with one ingredient changed at a time: a positive change is what the ingredient brings. The
settings of the recipe `best` were chosen by the validation error alone; the test error is shown beside it. `scripts/reproduce ablation` makes this page from the cells in
[ablation/](ablation). The difference of two single trainings has 1.4 times the spread between seeds, which is in
[table3.md](table3.md) for the recipes as they are: differences below that say nothing.
"""

COMPARED = """The paper's Algorithm 1 does not say that latent weights are kept in bounds, and the recipe `paper` has none. "Latent clip of
levels" keeps them in the range of these models' levels, [-1, 1], as BinaryNet's code and the recipe `best` do.
"Unscaled" leaves out the factor of that code on the learning rate of quantized weights."""
