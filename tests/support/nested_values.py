"""Values of nested types, as DuckDB writes them, no two of which are the same."""

STRUCT = "struct<id:bigint,n:decimal(9,2),x:double,b:boolean,d:date,at:timestamp,c:char(3)>"
DEEP = "map<string,array<struct<a:int,m:map<int,string>>>>"
VALUES = {
    "array<string>": [
        *("NULL", "[]", "[NULL]", "['']", "['null']", "['a', NULL]", "[NULL, 'a']", "['a', 'b']", "['a\",\"b']"),
        *("['a,b']", r"['\']", r"['\\']", "['\"']", "[chr(30)]", "[chr(31)]", "['é', '🦉']", "['[]']"),
    ],
    "map<string,int>": [
        *("NULL", "MAP {}", "MAP {'a': 1}", "MAP {'a': NULL}", "MAP {'a': 1, 'b': 2}", "MAP {'a': 2, 'b': 1}"),
        *("MAP {'': 1}", "MAP {'null': NULL}", "MAP {'a\":\"1': NULL}"),
    ],
    STRUCT: [
        "NULL",
        "ROW(NULL, NULL, NULL, NULL, NULL, NULL, NULL)",
        "ROW(1, 1.5, 0.1, true, DATE '2026-01-02', TIMESTAMP '2026-01-02 03:04:05.678', 'a')",
        "ROW(1, 1.5, 'NaN', true, DATE '2026-01-02', TIMESTAMP '2026-01-02 03:04:05.679', 'a')",
        "ROW(1, -0.5, 1e300, false, DATE '0001-01-01', TIMESTAMP '9999-12-31 00:00:00', '')",
    ],
    DEEP: [
        *("NULL", "MAP {}", "MAP {'k': NULL}", "MAP {'k': []}", "MAP {'k': [NULL]}", "MAP {'k': [ROW(1, NULL)]}"),
        *("MAP {'k': [ROW(NULL, MAP {})]}", "MAP {'k': [ROW(1, MAP {2: 'x', 10: 'y'})], 'j': []}"),
    ],
}
