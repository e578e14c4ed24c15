"""Puts, seals, reads and audits the evidence that `acceptance.evidence` describes."""
