"""The faults that the sandbox's pipeline can be asked for, by user metadata on the landed object."""

from sandbox.pipeline.faults import FAULTS, METADATA_KEY

__all__ = ["FAULTS", "METADATA_KEY"]
