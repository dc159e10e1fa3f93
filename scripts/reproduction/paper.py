"""What the paper says: Ding, Liu, Blanton and Marculescu, "Quantized Deep Neural Networks for Energy Efficient
Hardware-based Inference", table 3."""

# Its order of the models, from the lowest test error that it claims to the highest.
METHODS = ("float", "lightnn-2", "lightnn-1", "lightnn-2-bin", "lightnn-1-bin", "binaryconnect", "binarynet")

NAMES = {
    "float": "conventional",
    "lightnn-2": "LightNN-2",
    "lightnn-1": "LightNN-1",
    "binaryconnect": "BinaryConnect",
    "lightnn-2-bin": "LightNN-2-bin",
    "lightnn-1-bin": "LightNN-1-bin",
    "binarynet": "BinaryNet",
}

# The parameters that it counts, with biases and without batch norm.
PARAMETERS = {
    "mnist-1hidden": 79_510,
    "mnist-2conv": 431_080,
    "mnist-3hidden": 36_818_954,
    "cifar-3conv": 82_208,
    "cifar-3conv-82k": 82_208,
    "cifar-6conv": 39_191_690,
    "cifar-6conv-pool3": 39_191_690,
}

_TEST_ERRORS = {
    "mnist-1hidden": (1.72, 1.86, 2.09, 2.94, 3.10, 4.10, 6.79),
    "mnist-2conv": (0.86, 1.29, 2.31, 1.67, 1.86, 4.63, 3.16),
    "mnist-3hidden": (0.75, 0.83, 0.89, 0.89, 0.94, 1.29, 0.96),
    "cifar-3conv": (21.16, 24.62, 26.11, 32.58, 36.56, 43.22, 73.82),
    "cifar-6conv": (10.94, 8.84, 8.79, 10.12, 9.05, 9.90, 11.40),
}
# One column of the paper's is two of ours where what it describes is not what it counts.
_SAME = {"cifar-3conv-82k": "cifar-3conv", "cifar-6conv-pool3": "cifar-6conv"}

CONFIGS = tuple(PARAMETERS)


def test_error_percent(config, method):
    """The paper's, or None where it has none."""
    row = _TEST_ERRORS.get(_SAME.get(config, config))
    return row[METHODS.index(method)] if row and method in METHODS else None
