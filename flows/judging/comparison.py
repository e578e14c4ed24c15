"""Compare landed rows with the table: which files the proof covers, and where the two sides differ."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from acceptance.contract.contract import Contract
from acceptance.contract.landing_format import Engine, PartitionHolds
from acceptance.deliveries.delivery import Delivery, LandingObject
from acceptance.judging.findings import Findings
from acceptance.proof.differences import Differences, together
from acceptance.proof.partition_rows import OtherFile, expected, files_named, total, undecided
from acceptance.queries.difference_query import (
    buckets_for,
    dealt_by_rows,
    difference_query,
    differences,
    in_parts,
    read_table_rows,
)
from acceptance.queries.landed_query import both_sides_query, read_both_sides
from flows.steps.landed import read_differing, read_others, sum_by_bucket
from flows.steps.timeline import StepStopped, Timeline


@dataclass
class Comparison:
    """`ask` puts a query to Athena, by name and purpose, and records it. `others` are files of the same partition."""

    contract: Contract
    delivery: Delivery
    partition: dict[str, str]
    timeline: Timeline
    ask: Callable[[str, str, str], Any]
    others: tuple[OtherFile, ...] = ()

    def read_others(self) -> None:
        """Read the other files before the table is measured, so that every row that the table then holds has landed."""
        if self.contract.partition_holds is PartitionHolds.ALL_DELIVERIES:
            self.others = self.timeline.perform(
                "read the other files of the partition", read_others, self.delivery, self.contract
            )

    def conclude(self, findings: Findings) -> Findings:
        """Return the findings with the landed rows that the partition must hold. Nothing is asked."""
        if (
            not findings.landed
            or not findings.table
            or not findings.landed.fingerprint
            or not findings.table.fingerprint
        ):
            return findings
        own, in_table = findings.landed.fingerprint, findings.table.fingerprint
        others = expected(own, self.others, in_table)
        if others is None:
            return replace(findings, undecided=undecided(self.others))
        self.others = others
        held = total(own, self.others)
        return replace(findings, landed=replace(findings.landed, rows=held.rows, fingerprint=held))

    def locate(self, findings: Findings, usable: frozenset[str]) -> Findings:
        """Find where the sides differ, if they do. A failure here changes no verdict and is on record."""
        landed, table = findings.landed, findings.table
        if findings.undecided or not landed or not table or not landed.fingerprint or not table.fingerprint:
            return findings
        rows = landed.rows
        if landed.fingerprint == table.fingerprint:
            return findings
        with suppress(StepStopped):
            if self.contract.engine is Engine.ATHENA:
                return replace(
                    findings, differences=together([self._of_athena(*part, usable) for part in self._parts()])
                )
            found = together([self._compare(part, rows, usable, number) for number, part in self._parts()])
            by_rows = dealt_by_rows(self.contract)
            if not found.rows and by_rows is not None:
                found = self._compare(by_rows, rows, usable)
            return replace(findings, differences=found)
        return findings

    def _parts(self) -> list[tuple[str, Contract]]:
        """Return the contracts by which a wide table is compared part by part, and what tells their steps apart."""
        parts = in_parts(self.contract)
        return [(f", part {number}" if len(parts) > 1 else "", part) for number, part in enumerate(parts, 1)]

    def _of_athena(self, number: str, contract: Contract, usable: frozenset[str]) -> Differences:
        uris = [landed.uri for landed in self._objects()]
        sql = both_sides_query(contract, self.partition, usable, files_named(contract, self.delivery), uris)
        return read_both_sides(contract, self.ask(f"find where the sides differ{number}", "differences", sql).rows)

    def _compare(self, contract: Contract, rows: int, usable: frozenset[str], number: str = "") -> Differences:
        """Compare the buckets that differ. The contract deals the rows by its key.

        Raises:
            StepStopped: a side cannot be read.
        """
        objects, buckets = self._objects(), buckets_for(rows)
        sums = self.timeline.perform(f"sum what landed by bucket{number}", sum_by_bucket, objects, contract, buckets)
        sql = difference_query(contract, self.partition, usable, files_named(contract, self.delivery), sums, rows)
        table = read_table_rows(self.ask(f"find where the table differs{number}", "differences", sql).rows)
        landed = self.timeline.perform(
            f"read the landed rows that differ{number}", read_differing, objects, contract, buckets, table.looked_into
        )
        return differences(contract, rows, landed, table, contract if number else self.contract)

    def _objects(self) -> tuple[LandingObject, ...]:
        return (*sorted(self.delivery.members), *(other.landed for other in self.others))
