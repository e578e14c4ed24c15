"""The places of the repository that tests read."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
CONTRACTS = ROOT / "contracts"
"""The contracts that come with Aceite."""
