"""What rights are for: each purpose is a statement of the policy, and the actions that it takes.

The actions that Athena takes in the name of whoever asks are those of its documentation:
https://docs.aws.amazon.com/athena/latest/ug/fine-grained-access-to-glue-resources.html
https://docs.aws.amazon.com/athena/latest/ug/s3-permissions.html
"""

from aws.iam.statements import Purpose

LIST_LANDING = Purpose("ListLanding", "see what has landed", ("s3:ListBucket",), lists=True)
VERIFY_MANIFESTS = Purpose(
    "VerifyManifests", "read manifests, and the files whose digests they tell", ("s3:GetObject",)
)
LIST_UPLOADS = Purpose(
    "ListUploads", "see uploads in progress, which keep a delivery from being quiet", ("s3:ListBucketMultipartUploads",)
)
RECEIVE_HINTS = Purpose(
    "ReceiveHints", "take notifications from the queue", ("sqs:ReceiveMessage", "sqs:DeleteMessage")
)

LIST_EVIDENCE = Purpose(
    "ListEvidence", "list evidence, and be told of what is not there yet that it is not", ("s3:ListBucket",)
)
KEEP_EVIDENCE = Purpose("KeepEvidence", "claim deliveries, put evidence, seal it", ("s3:GetObject", "s3:PutObject"))
READ_OBJECT_LOCK = Purpose(
    "ReadObjectLock", "know how long the bucket locks evidence by itself", ("s3:GetBucketObjectLockConfiguration",)
)
LOCK_EVIDENCE = Purpose("LockEvidence", "lock evidence for the retention that is set", ("s3:PutObjectRetention",))

READ_LANDED = Purpose("ReadLanded", "read what landed, to prove that the table holds it", ("s3:GetObject",))
LIST_OTHERS = Purpose(
    "ListOtherDeliveries", "find the other files whose rows the partition holds", ("s3:ListBucket",), lists=True
)
OVERRIDE_PARAMETERS = Purpose(
    "OverrideParameters",
    "set parameters for a run, and restore them",
    ("ssm:GetParameter", "ssm:GetParameterHistory", "ssm:PutParameter", "ssm:DeleteParameter"),
)
NOTE_OVERRIDES = Purpose(
    "NoteOverrides",
    "note which parameters are changed, and restore what a dead run left",
    ("s3:GetObject", "s3:PutObject"),
)
COPY_PARAMETERS = Purpose(
    "CopyParameters",
    "read the parameters that overrides are copies of",
    ("ssm:GetParameter", "ssm:GetParameterHistory"),
)
INVOKE_FUNCTIONS = Purpose("InvokeFunctions", "invoke the pipeline's functions", ("lambda:InvokeFunction",))
AWAIT_JOBS = Purpose(
    "AwaitJobs",
    "find the job runs that functions start, and stop those that take too long",
    ("glue:GetJobRuns", "glue:GetJobRun", "glue:BatchStopJobRun"),
)
RUN_JOBS = Purpose(
    "RunJobs",
    "start Glue jobs, follow them, and stop those that take too long",
    ("glue:StartJobRun", "glue:GetJobRuns", "glue:GetJobRun", "glue:BatchStopJobRun"),
)
LIST_AWAITED = Purpose("ListAwaited", "see whether what is awaited is there", ("s3:ListBucket",), lists=True)
AWAIT_OBJECTS = Purpose("AwaitObjects", "see whether an awaited object is there", ("s3:GetObject",))

READ_CATALOG = Purpose(
    "ReadCatalog",
    "look at the tables and their partitions",
    ("glue:GetDatabase", "glue:GetTable", "glue:GetPartition", "glue:GetPartitions", "glue:BatchGetPartition"),
)
READ_DEFAULT_DATABASE = Purpose(
    "ReadDefaultDatabase", "what Athena asks for in every region, whatever is queried", ("glue:GetDatabase",)
)
RUN_QUERIES = Purpose(
    "RunQueries",
    "measure the table",
    (
        "athena:StartQueryExecution",
        "athena:GetQueryExecution",
        "athena:GetQueryResults",
        "athena:StopQueryExecution",
    ),
)
USE_CATALOG = Purpose("UseCatalog", "query a catalog other than the account's own", ("athena:GetDataCatalog",))
FIND_RESULTS = Purpose(
    "FindResults",
    "have Athena find the bucket of query results",
    ("s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"),
)
KEEP_RESULTS = Purpose(
    "KeepResults",
    "have Athena keep query results, and read them",
    ("s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"),
)
LIST_TABLES = Purpose("ListTables", "find the files of the tables", ("s3:ListBucket",), lists=True)
READ_TABLES = Purpose("ReadTables", "read the files of the tables", ("s3:GetObject",))
USE_KEYS = Purpose(
    "UseKeys",
    "decrypt and encrypt under keys of yours",
    ("kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"),
    through=("s3", "ssm"),
)

LOOK_AT_WORKGROUPS = Purpose("LookAtWorkgroups", "look where workgroups put results", ("athena:GetWorkGroup",))
LOOK_AT_EVIDENCE_BUCKET = Purpose(
    "LookAtEvidenceBucket",
    "look whether evidence can be locked",
    ("s3:GetBucketVersioning", "s3:GetBucketObjectLockConfiguration"),
)
SIMULATE_POLICIES = Purpose(
    "SimulatePolicies", "ask IAM what its own policies allow", ("iam:SimulatePrincipalPolicy", "iam:GetRole")
)
LOOK_AT_QUEUE = Purpose("LookAtQueue", "look whether the queue is there", ("sqs:GetQueueAttributes",))
