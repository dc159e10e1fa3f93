"""The measured areas as tables in Markdown, and as JSON."""

import os
import re

from units import catalogue, synthesis

# Compared areas. A multiplication by a weight of few bits stands in for a multiplier of x by x, as the paper compares;
# with the bits that its code takes in memory it could also be one of x by as many.
_WIDTHS = (8, 12, 16, 32)
_STORED_BITS = {"lightnn-2-exact": 8, "lightnn-2-truncated": 8, "lightnn-2-carry": 8, "lightnn-1-exact": 4,
                "lightnn-1-truncated": 4, "lightnn-1-carry": 4, "3-ones-exact": 16, "4-ones-exact": 16,
                "power-of-two-exact": 4, "power-of-two-truncated": 4, "ternary": 2, "binary-multiply": 1}
_FLOAT = ("fp32-lightnn-2", "fp32-lightnn-2-fused", "fp32-lightnn-1", "fp32-add")


def processor():
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            found = re.search(r"model name\s*:\s*(.+)", file.read())
    except OSError:
        found = None
    return f"{found.group(1) if found else 'unknown'}, {os.cpu_count()} cores"


def _table(headings, rows):
    alignment = ["---"] + ["---:"] * (len(headings) - 1)
    return "\n".join("| " + " | ".join(row) + " |" for row in [headings, alignment] + rows) + "\n"


def areas(results):
    """A row a unit; the flows side by side."""
    flows = [flow for flow in synthesis.FLOWS if any(result.flow == flow for result in results)]
    headings = ["unit", "size"]
    for flow in flows:
        headings += [f"{flow}: um2", "NAND2", "cells", "path", "ns"]
    rows = []
    for unit in dict.fromkeys(result.unit for result in results):
        row = [catalogue.FAMILIES[unit.family], unit.size]
        for flow in flows:
            found = next((each for each in results if each.unit == unit and each.flow == flow), None)
            row += [f"{found.area:.0f}", f"{found.gates:.0f}", str(found.cell_count), str(found.path_cells),
                    f"{found.path_ns:.2f}"] if found else [""] * 5
        rows.append(row)
    return _table(headings, rows)


def change(results, flow, name, reference):
    """By how many percent the area of `name` differs from that of `reference`; None if not both are there."""
    area = {result.unit.name: result.area for result in results if result.flow == flow}
    if name not in area or reference not in area:
        return None
    return 100 * (area[name] / area[reference] - 1)


def _cells(results, name, references):
    row = []
    for flow in synthesis.FLOWS:
        for reference in references:
            percent = change(results, flow, name, reference)
            row.append("" if percent is None else f"{percent:+.1f} %")
    return row


def comparisons(results):
    """Areas against multipliers of x's own width and of the code's, and against the fp32 multiplier."""
    headings = ["area against", "bits"] + [
        f"{flow}: {reference}" for flow in synthesis.FLOWS
        for reference in ("Baugh-Wooley", "Booth", "Baugh-Wooley, x by stored bits")]
    rows = []
    for family, stored in _STORED_BITS.items():
        for x in _WIDTHS:
            cells = _cells(results, f"{family}-{x}",
                           (f"baugh-wooley-{x}x{x}", f"booth-{x}x{x}", f"baugh-wooley-{x}x{stored}"))
            if any(cells):
                rows.append([catalogue.FAMILIES[family], str(x)] + cells)
    text = _table(headings, rows) if rows else ""
    rows = [[catalogue.FAMILIES[name]] + cells for name in _FLOAT
            if any(cells := _cells(results, name, ("fp32-multiply",)))]
    if rows:
        text += "\n" * bool(text) + _table(["area against the fp32 multiplier"] + list(synthesis.FLOWS), rows)
    return text


def markdown(results):
    cells = ", ".join(f"{cell} {synthesis.cell_area(cell):.0f}" for cell in ("NAND2X1", "FAX1", "DFFPOSX1"))
    flows = "; ".join(f"{flow}: {synthesis.FLOWS[flow]}" for flow in synthesis.FLOWS)
    text = (f"Tools: {', '.join(synthesis.tool_versions())}.\nProcessor: {processor()}.\nFlows: {flows}.\n"
            f"Areas of cells in um2: {cells}. path: cells on the longest path; ns: its delay without wires.\n\n")
    compared = comparisons(results)
    return text + areas(results) + (f"\n{compared}" if compared else "")


def as_json(results):
    return {
        "tools": synthesis.tool_versions(),
        "processor": processor(),
        "nand2_um2": synthesis.cell_area("NAND2X1"),
        "results": [{
            "unit": result.unit.name,
            "module": result.unit.module,
            "parameters": result.unit.parameters,
            "flow": result.flow,
            "um2": result.area,
            "nand2": round(result.gates, 2),
            "cells": result.cells,
            "path_cells": result.path_cells,
            "path_ns": result.path_ns,
        } for result in results],
    }
