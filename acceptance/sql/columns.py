"""A column that a rule's SQL names and that the delivered rows do not have.

Athena would find it only when the first delivery is judged, which is then inconclusive. So the reader of contracts
finds it, but only where it is certain: another table, a row of UNNEST or the fields of a struct may have any column.
"""

from collections.abc import Collection, Iterator

from sqlglot import exp

_SOURCES = (exp.Table, exp.Subquery, exp.CTE, exp.Unnest, exp.Values)
_LIKE_COLUMNS = {"current_date", "current_time", "current_timestamp", "current_timezone", "localtime", "localtimestamp"}
"""Functions that are written without brackets, which a version of the parser may take for columns."""


def unknown_column(query: exp.Query, rows: str, columns: Collection[str]) -> exp.Column | None:
    """Return the first column that certainly does not exist, or None.

    `rows` is the name of the delivered rows in the query, and `columns` are their columns, in lower case.
    """
    alone = _reads_only(query, rows)
    others = {*columns, *_other_names(query)}
    for column in query.find_all(exp.Column, bfs=False):
        name = column.name.lower()
        if not isinstance(column.this, exp.Identifier) or column.args.get("db") or name in columns or name[:1] == "$":
            continue  # columns that begin with $ are hidden ones of Athena
        if column.table:
            if _is_of_the_rows(query, column.table.lower(), rows) and column.table.lower() not in columns:
                return column
        elif alone and name not in others and (column.this.args.get("quoted") or name not in _LIKE_COLUMNS):
            return column
    return None


def _other_names(query: exp.Query) -> Iterator[str]:
    """Yield every name that is not a column's own: aliases, tables, parameters of lambdas, fields of rows.

    A column without a qualifier may be any of these. Where each is known is not looked at.
    """
    for node in query.find_all(exp.Identifier):
        if not (isinstance(node.parent, exp.Column) and node.parent.this is node):
            yield node.name.lower()


def _reads_only(query: exp.Query, rows: str) -> bool:
    """Return True if all that the query reads are the delivered rows, and subqueries of these."""
    if query.find(exp.Unnest, exp.Values, exp.Lateral) is not None:
        return False
    names = {each.alias_or_name.lower() for each in query.find_all(exp.Table, exp.Subquery)}
    for star in query.find_all(exp.Star):
        if isinstance(star.parent, exp.Dot) or (
            isinstance(star.parent, exp.Column) and star.parent.table.lower() not in names
        ):
            return False  # the fields of a struct, as columns
    of_query, known = query.ctes, {rows}
    if len(of_query) < sum(1 for _ in query.find_all(exp.CTE)):
        return False  # a name that is given within a subquery may be a table's elsewhere
    inner: set[int] = set()
    for cte in of_query:
        tables = list(cte.find_all(exp.Table))
        inner |= {id(table) for table in tables}
        if not all(_is_one_of(table, known) for table in tables):
            return False  # a name that is given later, or by this one, is a table's here
        known = {*known, cte.alias.lower()}
    return all(_is_one_of(table, known) for table in query.find_all(exp.Table) if id(table) not in inner)


def _is_one_of(table: exp.Table, names: Collection[str]) -> bool:
    return not table.db and table.name.lower() in names


def _is_of_the_rows(query: exp.Query, qualifier: str, rows: str) -> bool:
    """Return True if everything of this name in the query is the delivered rows, with their own columns' names."""
    named = [source for source in query.find_all(*_SOURCES) if source.alias_or_name.lower() == qualifier]
    parameters = {each.name.lower() for each in query.find_all(exp.Lambda) for each in each.expressions}
    return (
        bool(named)
        and qualifier not in parameters
        and all(
            isinstance(source, exp.Table) and _is_one_of(source, {rows}) and not source.alias_column_names
            for source in named
        )
    )
