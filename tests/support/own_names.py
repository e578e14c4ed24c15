"""Names and texts that the SQL of Aceite or its sandbox, or one of the engines, uses for something of its own."""

NAMES = (
    "$digest", "digest", "delivered", "judged", "numbered", "hashed", "texts", "sums", "landed", "cells", "both_sides",
    "referred", "rows", "bucket", "half", "text", "n", "n0", "c0", "c1", "t0", "t1", "v0", "v1", "line", "place",
    "fingerprint_high", "landed_times", "table_times", "cell 0", "cell 1", "aceite rules", "aceite rule",
    "aceite number", "broken rule", "broken", "filename", "file_row_number", "file_index", "rowid", "select", 'a"b',
)  # fmt: skip
TEXTS = (
    "null", "NULL", "\\N", "None", "\u2022\u2022\u2022", "\ue000null", "\x1e", "\x1f", "\x1es", "\x1ee", "\x1ees",
    "__HIVE_DEFAULT_PARTITION__", "{object}", "aceite_delivered_rows_object", "\ufffd", "\x01", "NaN", "?", "x",
    "d41d8cd98f00b204e9800998ecf8427e",
)  # fmt: skip
