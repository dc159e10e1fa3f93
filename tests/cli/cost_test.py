"""cost: of a package, of a model and a method, of all methods, and the paper's claims.

Seen to fail on: a package taken with float32 operands by default; assumptions given with --claims ignored.
"""

import program
from program import FIXTURES

PACKAGE = FIXTURES / "package" / "operations.kones"


class Cost(program.ProgramTest):
    def test_a_package(self):
        text, errors = self.kones("cost", PACKAGE)
        self.assertEqual(errors, "")
        for words in ("layer", "energy uJ", "low..high", "area mm2", "cycles", "total", "assumptions",
                      "package: fixed-point activations", "pipelined: one pipeline stage a neuron (Ding et al.)"):
            self.assertIn(words, text)
        result = self.json("cost", PACKAGE)
        self.assertEqual(result["assumptions"]["operands"], "package")
        network = result["networks"][0]
        self.assertEqual(network["products"], sum(layer["products"] for layer in network["layers"]))
        self.assertLess(network["energy_pj"]["low"], network["energy_pj"]["value"])
        self.assertEqual(self.json("cost", PACKAGE, "--operands", "float32")["assumptions"]["operands"], "float32")

    def test_a_model_and_a_method(self):
        result = self.json("cost", "--model", "mnist-2conv", "--method", "lightnn-2")
        network, = result["networks"]
        self.assertEqual((network["storage_bytes"], network["products"], network["parameters"]), (431080, 2293000, 431080))
        self.assertAlmostEqual(network["energy_pj"]["value"] / 33.1e6, 1, delta=0.005)
        tile, = self.json("cost", "--model", "mnist-2conv", "--method", "float", "--accelerator", "tile")["networks"]
        self.assertEqual(tile["cycles"], 12128)
        pooled, = self.json("cost", "--model", "cifar-6conv-pool3", "--method", "float", "--accelerator",
                            "tile")["networks"]
        self.assertEqual(pooled["cycles"], 2412608)
        for constant in result["constants"].values():
            self.assertTrue("like" in constant or constant["source"])

    def test_all_methods(self):
        networks = self.json("cost", "--compare", "--model", "mnist-3hidden")["networks"]
        self.assertGreaterEqual(len(networks), 7)
        self.assertEqual({network["name"] for network in networks}, {"mnist-3hidden"})
        networks = self.json("cost", "--compare")["networks"]
        self.assertEqual(len({network["name"] for network in networks}), 5)
        self.assertIn("of first", self.kones("cost", "--compare")[0])

    def test_claims(self):
        claims = {claim["name"]: claim for claim in self.json("cost", "--claims")["claims"]}
        for name in ("C1", "C2", "C3", "S1"):
            self.assertEqual(claims[name]["holds"], claims[name]["settings"])
        claims = {claim["name"]: claim for claim in self.json(
            "cost", "--claims", "--accelerator", "pipelined", "--first-layer", "integer", "--no-registers")["claims"]}
        self.assertEqual(claims["A1"]["holds"], claims["A1"]["settings"])
        self.assertEqual(claims["A1"]["settings"], 2 * 3 * 2 * 3 * 14)
        self.assertEqual(claims["C4"]["holds"], 0)

    def test_assumptions_change_results(self):
        base = ("cost", "--model", "mnist-2conv", "--method", "lightnn-2-bin")
        energy = self.json(*base)["networks"][0]["energy_pj"]["value"]
        for arguments in (("--operands", "package"), ("--first-layer", "integer"), ("--weight-reuse", "per-product"),
                          ("--input-reuse", "once"), ("--ln2-unit", "optimised"), ("--energies", "measured"),
                          ("--memory", "capacity"), ("--memory-pj-per-bit", "0.3"), ("--no-registers",),
                          ("--accelerator", "tile")):
            with self.subTest(arguments):
                self.assertNotEqual(self.json(*base, *arguments)["networks"][0]["energy_pj"]["value"], energy)
        slow, = self.json(*base, "--clock-mhz", "50")["networks"]
        self.assertAlmostEqual(slow["microseconds"], slow["cycles"] / 50)

    def test_constants_of_ones_own(self):
        path = self.folder / "mine.toml"
        table = '[memory.energy]\nvalue = {}\nunit = "pJ/bit"\nprocess = "cacti65"\nsource = "x"\nfactor = 2\n'
        path.write_text(table.format(0.44), encoding="utf-8")
        base = ("cost", "--model", "mnist-1hidden", "--method", "float")
        once, = self.json(*base)["networks"]
        twice, = self.json(*base, "--constants", path)["networks"]
        self.assertAlmostEqual(twice["memory_pj"]["value"] / once["memory_pj"]["value"], 2)
        self.assertIn(str(path), self.kones(*base, "--constants", path)[0])
        path.write_text(table.format(-1), encoding="utf-8")
        self.assertEqual(self.refusal(*base, "--constants", path),
                         f"kones: {path}, line 2: memory.energy: value is a number above 0")
        self.assertIn("none.toml does not exist", self.refusal(*base, "--constants", "none.toml"))

    def test_wrong_arguments(self):
        for arguments in ((), ("--model", "mnist-2conv"), ("--method", "float"), ("--compare", "--method", "float"),
                          (PACKAGE, "--claims"), (PACKAGE, "--model", "mnist-2conv"), ("--compare", "--claims"),
                          (PACKAGE, "--method", "float"), ("--claims", "--model", "mnist-2conv"),
                          (PACKAGE, "--clock-mhz", "0"), (PACKAGE, "--memory-pj-per-bit", "x"),
                          (PACKAGE, "--speed", "1")):
            with self.subTest(arguments):
                self.assertIn("--help", self.refusal("cost", *arguments, status=2))
        for arguments, words in ((("--model", "lenet", "--method", "float"), 'there is no model "lenet"; there is mnist-'),
                                 (("--model", "mnist-2conv", "--method", "q"), 'there is no method "q"; there is float'),
                                 ((PACKAGE, "--energies", "none"),
                                  'there is no energies "none"; there is measured, horowitz, geometric'),
                                 ((PACKAGE, "--memory", "capacity", "--memory-pj-per-bit", "1"), "exclude each other"),
                                 (("--claims", "--memory-pj-per-bit", "1"), "of its own")):
            with self.subTest(arguments):
                self.assertIn(words, self.refusal("cost", *arguments, status=2))

    def test_bad_packages(self):
        self.assertIn("none.kones does not exist", self.refusal("cost", "none.kones"))
        (self.folder / "bad.kones").write_bytes(b"not a package")
        self.assertIn("bad.kones", self.refusal("cost", "bad.kones"))


if __name__ == "__main__":
    program.main()
