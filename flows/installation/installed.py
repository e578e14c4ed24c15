"""The contracts that the settings of this process name."""

from functools import cache
from typing import Any

from acceptance.contract.contract import Contract
from acceptance.errors import PointerRefused
from acceptance.messages.languages import Language
from blocks.settings import read_settings
from flows.installation.clients import load_clients
from flows.installation.contracts import contract_variables
from flows.installation.current_contracts import CurrentContracts, read_current


def read_installed() -> CurrentContracts:
    """Read the contracts as they are now. `${LANDING_BUCKET}` is the bucket of the landing block."""
    return read_current(read_settings().contracts, contract_variables(load_clients().landing.bucket_name))


@cache
def installed_contracts() -> tuple[Contract, ...]:
    """Return the watched contracts that can be used. A process that judges is replaced when one of them changes."""
    return read_installed().usable


def language_of(contract: Contract) -> Language:
    """Return the language in which people are told of a dataset."""
    return contract.language or read_settings().language


def warm_up() -> None:
    """Load what the first run of a process would otherwise wait for: contracts and boto3's service models."""
    installed_contracts()
    clients = load_clients()
    session: Any = clients.session()
    for service in ("s3", "ssm", "glue"):
        clients.of(service)
    for service in ("lambda", "glue", "athena"):
        session.client(service, endpoint_url=clients.endpoint_url)


def contract_of(dataset: str) -> Contract:
    """Return the dataset's contract. Raise PointerRefused if there is none: a pointer named it."""
    contracts = {contract.dataset: contract for contract in installed_contracts()}
    if dataset not in contracts:
        raise PointerRefused(
            f"no contract of dataset {dataset!r} in {read_settings().contracts} (there are: {', '.join(contracts)}): "
            f"{read_installed().why_held_back(dataset)}"
        )
    return contracts[dataset]
