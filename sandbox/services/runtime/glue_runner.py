"""Runs one Glue script as __main__: `glue_runner.py SCRIPT ERROR_FILE ARGUMENT...`.

ERROR_FILE receives type and first line of the exception, which Glue shows as the run's error message. The process ends
when its standard input closes.
"""

import os
import runpy
import sys
import threading
import traceback


def end_with_parent() -> None:
    os.read(0, 1)
    os._exit(1)


def main() -> None:
    threading.Thread(target=end_with_parent, daemon=True).start()
    script, error_file, *arguments = sys.argv[1:]
    sys.argv = [script, *arguments]
    try:
        runpy.run_path(script, run_name="__main__")
    except BaseException as error:  # noqa: BLE001 - any exception ends the run
        if isinstance(error, SystemExit) and error.code in (None, 0):
            return
        traceback.print_exc()
        with open(error_file, "w", encoding="utf-8", newline="\n") as file:  # noqa: PTH123 - the script may have changed the folder
            file.write(traceback.format_exception_only(error)[-1].splitlines()[0])
        sys.exit(1)


main()
