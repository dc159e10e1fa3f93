"""A tier's object files define no symbol that another file's could be taken for, and that runs their instructions.

usage: tier_objects_test.py NM TIER OBJECT... Meant to catch an inline function that is not always inlined.
"""

import re
import subprocess
import sys

nm, tier, *paths = sys.argv[1:]
for path in paths:
    listing = subprocess.run([nm, "--defined-only", "--extern-only", path], check=True, capture_output=True, text=True)
    symbols = [line.split()[-1] for line in listing.stdout.splitlines() if line.strip()]
    names = "channelwise|elementwise|integer|signs|tiles|xnor"
    tables = [symbol for symbol in symbols if re.search(rf"\d({names})_{tier}E?$", symbol)]
    if len(tables) != 1 or len(symbols) != 1:
        sys.exit(f"{path} defines {symbols}, not its table alone")
