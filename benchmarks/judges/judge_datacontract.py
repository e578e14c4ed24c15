"""datacontract-cli: its command `datacontract`, with the arguments of that.

Its results are read from S3 by pyarrow's own client, which unlike boto3 cannot be told of another endpoint from
outside. That is all that is changed.
"""

import os
from functools import partial

from datacontract.cli import main
from pyarrow import fs

if __name__ == "__main__":
    fs.S3FileSystem = partial(fs.S3FileSystem, endpoint_override=os.environ["AWS_ENDPOINT_URL"])
    main()
