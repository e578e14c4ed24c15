"""Great Expectations: the 17 rules of judgement.py as expectations, through SQLAlchemy and PyAthena.

    python judge_great_expectations.py [--result-format SUMMARY]

SUMMARY, its default, also fetches examples. Exit code 0 if all expectations are met.
"""

import sys

import great_expectations as gx
import great_expectations.expectations as gxe

ATHENA = "awsathena+rest://:@athena.us-east-1.amazonaws.com:443/database_sor?s3_staging_dir=s3%3A%2F%2Fresults%2F"
COLUMNS = (
    "movieid", "movietitle", "movieyear", "movieurl", "movierank", "critic_score", "audience_score", "anomesdia",
)  # fmt: skip
NEVER_NULL = ("movieid", "movietitle", "movieyear", "movieurl", "movierank", "anomesdia")
RANGES = {"movieyear": (1888, 2030), "movierank": (1, 250), "critic_score": (0, 10), "audience_score": (0, 100)}
ADDRESS = r"^https://www\.imdb\.com/title/tt[0-9]+/$"
OTHER_ID = "movieurl NOT LIKE concat('%/tt', lpad(CAST(movieid AS varchar), 7, '0'), '/')"


def main(result_format: str) -> int:
    context = gx.get_context(mode="ephemeral")
    source = context.data_sources.add_or_update_sql("athena", connection_string=ATHENA)
    batch = source.add_table_asset("movies_table", table_name="movies_table").add_batch_definition_whole_table("all")
    suite = gx.ExpectationSuite("movies", expectations=expectations())
    validation = gx.ValidationDefinition(name="movies", data=batch, suite=suite)
    for made, kind in ((suite, context.suites), (validation, context.validation_definitions)):
        kind.add(made)
    answer = validation.run(result_format=result_format)
    for result in answer.results:
        if not result.success:
            print(result.expectation_config.type, result.exception_info or result.result)
    met = answer.statistics["successful_expectations"]
    print(f"{met} of {len(suite.expectations)} met")
    return 0 if answer.success and met == 17 else 1


def expectations() -> list[gxe.Expectation]:
    return [
        gxe.ExpectTableRowCountToBeBetween(min_value=1),
        gxe.ExpectTableColumnsToMatchSet(column_set=list(COLUMNS), exact_match=True),
        *(gxe.ExpectColumnValuesToNotBeNull(column=column) for column in NEVER_NULL),
        gxe.ExpectColumnValuesToNotBeNull(column="critic_score", mostly=0.95),
        gxe.ExpectColumnValueLengthsToBeBetween(column="movietitle", min_value=1, max_value=300),
        _none(f"NOT regexp_like(movieurl, '{ADDRESS}')"),  # ExpectColumnValuesToMatchRegex does not support Athena
        *(gxe.ExpectColumnValuesToBeBetween(column=c, min_value=low, max_value=up) for c, (low, up) in RANGES.items()),
        gxe.ExpectCompoundColumnsToBeUnique(column_list=["movieid", "anomesdia"]),
        _none(OTHER_ID),
    ]


def _none(where: str) -> gxe.Expectation:
    return gxe.UnexpectedRowsExpectation(unexpected_rows_query=f"SELECT * FROM {{batch}} WHERE {where}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[sys.argv.index("--result-format") + 1] if "--result-format" in sys.argv else "SUMMARY"))
