"""`constraints.txt` names one version of every package that any system needs: an install by it takes nothing else."""

from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from repository import ROOT

PYTHONS = ("3.11.2", "3.11.9", "3.12.1", "3.13.0", "3.14.0")
SYSTEMS = {
    "win32": {"sys_platform": "win32", "platform_system": "Windows", "os_name": "nt", "platform_machine": "AMD64"},
    "linux": {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix", "platform_machine": "x86_64"},
    "darwin": {"sys_platform": "darwin", "platform_system": "Darwin", "os_name": "posix", "platform_machine": "arm64"},
}


def pins() -> list[Requirement]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return [Requirement(line) for line in lines if not line.startswith("#")]


def needed(environment: dict[str, str], name: str, extras: frozenset[str], seen: set[str]) -> Iterator[str]:
    """Yield what is needed in that environment, as far as the packages that are installed here tell."""
    try:
        requirements = [Requirement(text) for text in distribution(name).requires or ()]
    except PackageNotFoundError:  # a package of another system, of which the name is all that is known here
        return
    for requirement in requirements:
        marker = requirement.marker
        if marker and not any(marker.evaluate({**environment, "extra": extra}) for extra in ("", *extras)):
            continue
        wanted = canonicalize_name(requirement.name)
        key = f"{wanted}[{','.join(sorted(requirement.extras))}]"
        if key not in seen:
            seen.add(key)
            yield wanted
            yield from needed(environment, wanted, frozenset(requirement.extras), seen)


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("python", PYTHONS)
def test_each_package_that_a_system_needs_has_one_exact_version(system, python):
    environment = {
        **SYSTEMS[system],
        "python_version": python.rpartition(".")[0],
        "python_full_version": python,
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
    }
    pinned = [canonicalize_name(pin.name) for pin in pins() if pin.marker is None or pin.marker.evaluate(environment)]
    assert len(pinned) == len(set(pinned))
    wanted = set(needed(environment, "aceite", frozenset({"test", "postgres"}), set())) - {"aceite"}
    assert "prefect" in wanted
    assert wanted - set(pinned) == set()


def test_a_constraint_is_one_exact_version():
    assert [str(pin) for pin in pins() if [each.operator for each in pin.specifier] != ["=="]] == []
