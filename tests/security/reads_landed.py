"""Reads one landed file in a process of its own, and says what became of it and what that took.

python reads_landed.py FILE FORMAT COMPRESSION COLUMNS
"""

import json
import sys
import threading
import time
from pathlib import Path

import psutil

from acceptance.errors import StepFailed
from acceptance.odcs.reader import read_contract
from landed.file import read_landed

CONTRACT = """
apiVersion: v3.2.0
kind: DataContract
id: bombs
version: 1.0.0
status: active
servers:
  - server: landing
    type: s3
    location: "s3://landing/bombs/{{business_date:%Y%m%d}}/{{file}}"
    format: {format}
{compression}
  - {{server: sor, type: athena, schema: shop}}
schema:
  - name: bombs
    properties:
{properties}
"""


def main(path: Path, kind: str, compression: str, columns: str) -> None:
    properties = "\n".join(f"      - {{name: {each}, logicalType: string}}" for each in columns.split(","))
    packed = f"    customProperties: [{{property: compression, value: {compression}}}]" if compression != "none" else ""
    text = CONTRACT.format(format=kind, compression=packed, properties=properties)
    contract = read_contract(text, "bombs.odcs.yaml", {})
    assert contract is not None
    peak, done, began = [0], threading.Event(), time.process_time()

    def watch() -> None:
        process = psutil.Process()
        while not done.wait(0.005):
            peak[0] = max(peak[0], process.memory_info().rss)

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        found = read_landed(path, contract, path.parent)
        said = {"rows": found.rows, "fault_count": found.fault_count, "faults": [str(each) for each in found.faults],
                "header": sum(map(len, found.header)), "error": ""}  # fmt: skip
    except StepFailed as error:
        said = {"rows": 0, "fault_count": 0, "faults": [], "header": 0, "error": str(error)}
    finally:
        done.set()
        watching.join()
    left = sum(each.stat().st_size for each in path.parent.rglob("*") if each.is_file() and each != path)
    took = {"peak_bytes": peak[0], "cpu_s": time.process_time() - began, "left_bytes": left}
    sys.stdout.write(json.dumps(said | took))


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
