"""Simulates a unit with Icarus Verilog on given vectors, and counts the outputs that differ from what is expected."""

import dataclasses
import pathlib
import re
import shutil
import subprocess
import tempfile

_TESTBENCH = """\
module testbench;
  reg [{last_in}:0] in;
  reg [{last_out}:0] expected;
  wire [{last_out}:0] got;
  reg [{last}:0] vectors [0:{count}-1];
  reg clock;
  integer i, mismatches;
  {module} {parameters} unit_ ({ports});
  initial begin
    $readmemh("vectors.hex", vectors);
    mismatches = 0;
    clock = 0;
    for (i = 0; i < {count}; i = i + 1) begin
      {{in, expected}} = vectors[i];
      #1 clock = 1;
      #1 clock = 0;
      if (got !== expected) begin  // an unknown bit differs, too
        mismatches = mismatches + 1;
        if (mismatches <= 3) $display("MISMATCH in %h: got %h, expected %h", in, got, expected);
      end
    end
    $display("RESULT %0d vectors, %0d mismatches", i, mismatches);
  end
endmodule
"""


class CannotSimulate(Exception):
    """The simulator is missing or failed; the message says why."""


@dataclasses.dataclass
class Outcome:
    vectors: int
    mismatches: int
    shown: list  # the first mismatches, a line each


def _ports(case, module):
    """Connections: all inputs lie in one vector, the first port at its high end, and all outputs in another."""
    connections = []
    for name, ports in (("in", case.inputs), ("got", case.outputs)):
        low = sum(bits for _, bits in ports)
        for port, bits in ports:
            low -= bits
            connections.append(f".{port}({name}[{low + bits - 1}:{low}])")
    if case.clock:
        connections.append(f".{case.clock}(clock)")
    parameters = ", ".join(f".{name}({value})" for name, value in case.parameters.items())
    has_parameters = parameters and module == case.module
    return ", ".join(connections), f"#({parameters})" if has_parameters else ""


def _packed(values, ports):
    packed = 0
    for value, (_, bits) in zip(values, ports):
        packed = packed << bits | value % (1 << bits)
    return packed


def _run(command, folder):
    if not shutil.which(command[0]):
        raise CannotSimulate(f"{command[0]} was not found: install Debian's package iverilog")
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode != 0:
        raise CannotSimulate(f"{command[0]}: {(done.stderr + done.stdout).strip()}")
    return done.stdout


def simulate(case, sources, module=None):
    """`module` is the name that the unit has in the sources, if not its own: a netlist's, which has no parameters."""
    module = module or case.module
    in_bits, out_bits = (sum(bits for _, bits in ports) for ports in (case.inputs, case.outputs))
    ports, parameters = _ports(case, module)
    with tempfile.TemporaryDirectory(prefix="hardware_units.") as scratch:
        folder = pathlib.Path(scratch)
        digits = (in_bits + out_bits + 3) // 4
        (folder / "vectors.hex").write_text("".join(
            f"{_packed(inputs, case.inputs) << out_bits | _packed(outputs, case.outputs):0{digits}x}\n"
            for inputs, outputs in case.vectors))
        (folder / "testbench.v").write_text(_TESTBENCH.format(
            last_in=in_bits - 1, last_out=out_bits - 1, last=in_bits + out_bits - 1, count=len(case.vectors),
            module=module, parameters=parameters, ports=ports))
        _run(["iverilog", "-g2005", "-s", "testbench", "-o", "testbench.vvp", "testbench.v", *map(str, sources)],
             folder)
        output = _run(["vvp", "-n", "testbench.vvp"], folder)
    found = re.search(r"RESULT (\d+) vectors, (\d+) mismatches", output)
    if not found:
        raise CannotSimulate(f"the simulation of {module} did not end: {output.strip()[-200:]}")
    return Outcome(int(found.group(1)), int(found.group(2)),
                   [line for line in output.splitlines() if line.startswith("MISMATCH")])
