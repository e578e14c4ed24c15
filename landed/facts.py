"""The facts about a landed delivery that a run has after reading it."""

from collections.abc import Sequence
from dataclasses import dataclass

from acceptance.contract.contract import Contract
from acceptance.deliveries.delivery import Delivery
from acceptance.evidence.evidence import LandedFaultRecord, LandedRecord, Member
from acceptance.judging.findings import LandedFacts
from landed.delivery import LandedMember, combine


@dataclass(frozen=True, slots=True)
class Landed:
    """A landed delivery after reading: facts for the judge, the evidence record, each file, and one line for people."""

    facts: LandedFacts
    record: LandedRecord
    members: tuple[LandedMember, ...]
    summary: str

    @property
    def member_records(self) -> tuple[Member, ...]:
        return tuple(
            Member.of(member.landed, version_id=member.version_id, sha256=member.sha256, rows=member.file.rows)
            for member in self.members
        )


def landed_facts(delivery: Delivery, read: Sequence[LandedMember]) -> Landed:
    file = combine(delivery, read)
    faults = tuple(
        LandedFaultRecord(line=f.line, column=f.column, message=f.message, file=f.file or None) for f in file.faults
    )
    first = ""
    if file.faults:
        first = str(file.faults[0]) + (f" (and {file.fault_count - 1} more)" if file.fault_count > 1 else "")
    record = LandedRecord(
        rows=file.rows,
        columns=tuple(file.header),
        fingerprint=str(file.fingerprint) if file.fingerprint else None,
        fault_count=file.fault_count,
        faults=faults,
    )
    facts = LandedFacts(file.rows, file.fingerprint, file.fault_count, first)
    files = f" in {len(read)} files" if len(read) > 1 else ""
    summary = first or f"{file.rows} rows, {file.size_bytes} bytes{files}"
    return Landed(facts, record, tuple(read), summary)


def landed_by_athena(contract: Contract, facts: LandedFacts) -> Landed:
    """Return the same for files that Athena read: nothing is known of the single files."""
    record = LandedRecord(
        rows=facts.rows,
        columns=tuple(column.landed for column in contract.landed_columns),
        fingerprint=str(facts.fingerprint) if facts.fingerprint else None,
        fault_count=facts.fault_count,
    )
    return Landed(facts, record, (), facts.first_fault or f"{facts.rows} rows")
