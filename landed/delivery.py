"""Read the landed files of a delivery one by one, so that only one is on the disk at a time, and state the facts."""

import threading
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from acceptance.contract.contract import Contract
from acceptance.counted import counted
from acceptance.deliveries.delivery import Delivery, LandingObject
from acceptance.errors import StepFailed
from acceptance.evidence.evidence import LandedFaultRecord, LandedRecord, Member
from acceptance.judging.findings import LandedFacts
from acceptance.proof.fingerprint import Fingerprint
from acceptance.queries.difference_query import BucketRow, BucketRows, first_rows
from aws.calls import Client
from aws.s3.objects import Downloaded, download
from landed.file import LandedFile, bucket_sums, read_landed, rows_of_buckets
from landed.reading.bounds import refuse_full_disk, scratch_folder
from landed.reading.faults import KEPT_FAULTS, LandedFault


@dataclass(frozen=True, slots=True)
class LandedMember:
    """One landed object after reading. `sha256` is the hexadecimal digest of its bytes."""

    landed: LandingObject
    file: LandedFile
    sha256: str
    version_id: str | None


def read_members(s3: Client, delivery: Delivery, contract: Contract) -> tuple[LandedMember, ...]:
    """Read every member of the delivery to its end, in the order of the keys, whatever the others hold.

    Raises:
        ContractError: as `read_landed`.
        ObjectReplaced, ObjectDeleted: somebody did that to a member since it was listed.
        MachineTrouble: as `read_landed`.
        StepFailed: S3 does not return it.
    """
    read = tuple(_read(s3, landed, contract) for landed in sorted(delivery.members))
    for member in read:
        _remember(member, contract)
    return read


def read_objects(s3: Client, objects: Iterable[LandingObject], contract: Contract) -> tuple[LandedMember, ...]:
    """Read the landed objects of other deliveries, without their headers and faults.

    Each of n deliveries of a date is compared with the files of all, which would read n x n files. So this process
    remembers every object version that it has read and downloads each file once.
    """
    return tuple(
        _known.get(_reading(landed, contract)) or _remember(_read(s3, landed, contract), contract) for landed in objects
    )


def _read(s3: Client, landed: LandingObject, contract: Contract) -> LandedMember:
    with _fetched(s3, landed) as copy:
        file = read_landed(copy.path, contract, copy.path.parent)
    return LandedMember(landed, file, copy.sha256, copy.version_id)


_MOST_KNOWN = 10_000
_known: dict[object, LandedMember] = {}  # the last object versions read, 1 kB each
_changing_known = threading.Lock()  # a run reads its deliveries in several threads


def _remember(member: LandedMember, contract: Contract) -> LandedMember:
    """Remember the member without its header and faults, and return that."""
    remembered = replace(member, file=replace(member.file, header=(), faults=()))
    with _changing_known:
        _known[_reading(member.landed, contract)] = remembered
        if len(_known) > _MOST_KNOWN:
            del _known[next(iter(_known))]
    return remembered


def _reading(landed: LandingObject, contract: Contract) -> object:
    """Return a key for an object version and the contract's rules of reading it."""
    return landed, contract.landing, contract.landed_columns, contract.compared_columns


def sums_by_bucket(s3: Client, objects: Iterable[LandingObject], contract: Contract, buckets: int) -> Mapping[int, int]:
    """Return `bucket_sums` of all these files together; they have no faults. Raises StepFailed as `read_members`."""
    sums: Counter[int] = Counter()
    for landed in objects:
        with _fetched(s3, landed) as copy:
            sums.update(bucket_sums(copy.path, contract, copy.path.parent, buckets))
    return sums


def rows_in(
    s3: Client, objects: Iterable[LandingObject], contract: Contract, buckets: int, wanted: Collection[int]
) -> BucketRows:
    """Return the rows of all these files that are in the wanted buckets, as many as `rows_of_buckets` of one file.

    Raises StepFailed as `read_members`.
    """
    rows: Counter[BucketRow] = Counter()
    for landed in objects:
        with _fetched(s3, landed) as copy:
            rows.update(rows_of_buckets(copy.path, contract, copy.path.parent, buckets, wanted))
        rows = Counter(first_rows(contract, rows))
    return dict(rows)


@contextmanager
def _fetched(s3: Client, landed: LandingObject) -> Iterator[Downloaded]:
    """Download the object to a temporary folder that is deleted afterwards."""
    with scratch_folder() as folder:
        refuse_full_disk(folder, landed.size)
        copy = download(s3, landed, folder / "landed")
        try:
            yield copy
        except StepFailed as error:
            raise type(error)(f"{landed.uri}: {error}") from error


def combine(delivery: Delivery, read: Sequence[LandedMember]) -> LandedFile:
    """Combine all files into one: add rows, bytes, faults and fingerprints; each fault names its file.

    The header has the names of all files' headers. Each file with faults contributes an equal share of those shown.
    """
    if len(read) == 1:
        return read[0].file
    files = [member.file for member in read]
    fingerprints = [file.fingerprint for file in files]
    header = dict.fromkeys(name for file in files for name in file.header)
    cell_faults: Counter[str] = Counter()
    for file in files:
        cell_faults.update(file.cell_faults)
    return LandedFile(
        rows=sum(file.rows for file in files),
        header=tuple(header),
        size_bytes=sum(file.size_bytes for file in files),
        faults=_shown(delivery, read),
        fault_count=sum(file.fault_count for file in files),
        cell_faults=dict(cell_faults),
        fingerprint=None if None in fingerprints else sum(filter(None, fingerprints), Fingerprint(0, 0, 0)),
    )


def _shown(delivery: Delivery, read: Sequence[LandedMember]) -> tuple[LandedFault, ...]:
    faulty = [member for member in read if member.file.faults][:KEPT_FAULTS]
    return tuple(
        replace(fault, file=delivery.name_of(member.landed))
        for member in faulty
        for fault in member.file.faults[: KEPT_FAULTS // len(faulty)]
    )


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
    summary = first or f"{counted(file.rows, 'row')}, {counted(file.size_bytes, 'byte')}{files}"
    return Landed(facts, record, tuple(read), summary)


def landed_without(fault: str) -> Landed:
    """Return what is known of a delivery of which a file is gone, or belongs elsewhere: a fault, which rejects it."""
    record = LandedRecord(fault_count=1, faults=(LandedFaultRecord(line=1, column=None, message=fault),))
    return Landed(LandedFacts(0, None, 1, fault), record, (), fault)


def landed_by_athena(contract: Contract, facts: LandedFacts) -> Landed:
    """Return the same for files that Athena read: nothing is known of the single files."""
    record = LandedRecord(
        rows=facts.rows,
        columns=tuple(column.landed for column in contract.landed_columns),
        fingerprint=str(facts.fingerprint) if facts.fingerprint else None,
        fault_count=facts.fault_count,
    )
    return Landed(facts, record, (), facts.first_fault or counted(facts.rows, "row"))
