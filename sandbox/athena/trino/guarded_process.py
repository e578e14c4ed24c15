"""Runs a program: `guarded_process.py PROGRAM ARGUMENT...`. The program ends when this standard input closes.

It closes when the process that started this one ends, in whatever way.
"""

import os
import subprocess
import sys
import threading


def main() -> int:
    program = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL)

    def end_with_parent() -> None:
        while os.read(0, 4096):
            pass
        program.kill()

    threading.Thread(target=end_with_parent, daemon=True).start()
    return program.wait()


if __name__ == "__main__":
    sys.exit(main())
