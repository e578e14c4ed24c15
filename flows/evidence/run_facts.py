"""Gathers the facts of a judging run from Prefect, git and the installed packages."""

import platform
from importlib.metadata import version

from prefect.runtime import flow_run

from acceptance.contract.contract import Contract
from acceptance.evidence.assembled import RunFacts
from blocks.build import Caller
from flows.evidence.git_commit import git_commit
from flows.prefect_api.runs import triggered_by


def this_run(contract: Contract, caller: Caller) -> RunFacts:
    return run_of(contract, caller, str(flow_run.id), flow_run.name or "", flow_run.ui_url)


def run_of(contract: Contract, caller: Caller, flow_run_id: str, name: str, url: str | None) -> RunFacts:
    return RunFacts(
        id=flow_run_id,
        name=name,
        url=url,
        triggered_by=triggered_by(flow_run_id),
        aws_account=caller.account,
        aws_caller=caller.arn,
        git_commit=git_commit(contract.path, contract.sha256),
        software={
            **{name: version(name) for name in ("aceite", "prefect", "duckdb", "boto3", "sqlglot")},
            "python": platform.python_version(),
        },
    )
