from evidence_builder import MEMBER, accepted, rejected
from html_page import Page
from markdown_it import MarkdownIt
from test_junit import suite_of

from acceptance.evidence.evidence import Evidence, LandedFaultRecord, LandedRecord
from acceptance.evidence.reports.delivery_page import evidence_html
from acceptance.evidence.reports.markdown import MOST_FILES, markdown_summary

FOLDER = "business/nycflights/20130101/flights/"


def of_files(*names: str, faulty: bool = False) -> Evidence:
    members = tuple(
        MEMBER.model_copy(update={"key": FOLDER + name, "rows": 1000 + number, "sha256": f"{number:064x}"})
        for number, name in enumerate(names)
    )
    delivery = accepted().delivery.model_copy(update={"members": members})
    if not faulty:
        return accepted(delivery=delivery)
    fault = LandedFaultRecord(line=7, column="distance", message="'12 km' is no number", file=names[-1])
    return rejected(delivery=delivery, landed=LandedRecord(rows=9, fault_count=1, faults=(fault,)), differences=None)


def test_the_page_lists_each_file_with_its_rows_and_hash() -> None:
    page = Page(evidence_html(of_files("part-1.csv", "part-2.csv")))
    assert "2 landed files" in page.inside("h3")
    for text in ("part-1.csv", "part-2.csv", "1\u202f000", "1\u202f001", f"{0:064x}", f"{1:064x}"):
        assert text in page.text
    assert "Landed object 2 of 2" in page.inside("h3")


def test_a_fault_is_shown_with_its_file() -> None:
    evidence = of_files("part-1.csv", "part-2.csv", faulty=True)
    page = Page(evidence_html(evidence))
    assert "Faults of the landed files" in page.inside("h3")
    assert [text for tag, text in page.texts if tag == "th"][4:8] == ["File", "Line", "Column", "Fault"]
    case = suite_of(evidence).find("testcase[@name='landed_readable']/failure")
    assert case is not None
    assert "part-2.csv line 7, column distance: '12 km' is no number" in (case.text or "")


def test_the_page_of_one_file_says_nothing_of_several() -> None:
    page = Page(evidence_html(rejected()))
    assert page.with_class("files") == page.with_class("of-files") == []
    assert "landed files" not in page.text
    assert {"File", "Landed object"} <= {text.strip() for _, text in page.texts}
    assert "files" not in markdown_summary(accepted(), "s3://evidence/x/")


def test_the_summary_lists_the_files_and_how_many_more() -> None:
    names = [f"part-{number:03}.csv" for number in range(MOST_FILES + 2)]
    summary = MarkdownIt("commonmark").enable("table").render(markdown_summary(of_files(*names), "s3://evidence/x/"))
    assert f"{MOST_FILES + 2} files" in summary
    assert f"<td>part-{MOST_FILES - 1:03}.csv</td>" in summary
    assert names[MOST_FILES] not in summary
    assert "and 2 more" in summary
