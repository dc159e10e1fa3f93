"""A tier's object file defines no symbol that another file's could be taken for, and that runs its instructions.

usage: tier_objects_test.py NM TABLE OBJECT. Meant to catch an inline function that is not always inlined.
"""

import re
import subprocess
import sys

nm, table, path = sys.argv[1:]
listing = subprocess.run([nm, "--defined-only", "--extern-only", path], check=True, capture_output=True, text=True)
symbols = [line.split()[-1] for line in listing.stdout.splitlines() if line.strip()]
foreign = [symbol for symbol in symbols if not re.search(rf"\d{table}E?$", symbol)]
if not any(table in symbol for symbol in symbols) or foreign:
    sys.exit(f"{path} defines {foreign} beside its table {table}")
