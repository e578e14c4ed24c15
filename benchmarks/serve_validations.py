"""The validations as Prefect's `serve` runs them: its runner starts an interpreter for each run."""

import os

from prefect import serve

from automations.deployments import deployments
from blocks.settings import read_settings

if __name__ == "__main__":
    _, *validations = deployments(read_settings())
    serve(*validations, limit=os.cpu_count() or 1)
