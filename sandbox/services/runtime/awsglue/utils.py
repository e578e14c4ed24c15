from collections.abc import Sequence


class GlueArgumentError(Exception):
    pass


def getResolvedOptions(args: Sequence[str], options: Sequence[str]) -> dict[str, str]:  # noqa: N802 - Glue's name
    """Return the values of `--option value` or `--option=value`. Raise GlueArgumentError if an option is missing."""
    given = {}
    for place, argument in enumerate(args):
        if argument.startswith("--"):
            name, equals, value = argument[2:].partition("=")
            given[name] = value if equals else "".join(args[place + 1 : place + 2])
    missing = [f"--{option}" for option in options if option not in given]
    if missing:
        raise GlueArgumentError(f"the following arguments are required: {', '.join(missing)}")
    return {name: given[name] for name in [*options, "JOB_NAME"] if name in given}
