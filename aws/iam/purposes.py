"""The purposes of permissions: each is one statement of the policy with its actions.

Athena acts with the caller's permissions; its documentation lists the actions:
https://docs.aws.amazon.com/athena/latest/ug/fine-grained-access-to-glue-resources.html
https://docs.aws.amazon.com/athena/latest/ug/s3-permissions.html
"""

from aws.iam.statements import Purpose

LIST_LANDING = Purpose("ListLanding", "list what landed", ("s3:ListBucket",), lists=True)
VERIFY_MANIFESTS = Purpose(
    "VerifyManifests", "read manifests, and the files whose digests they state", ("s3:GetObject",)
)
LIST_UPLOADS = Purpose(
    "ListUploads", "list uploads in progress: a delivery with one is not quiet yet", ("s3:ListBucketMultipartUploads",)
)
RECEIVE_HINTS = Purpose(
    "ReceiveHints", "receive S3 event notifications from the queue", ("sqs:ReceiveMessage", "sqs:DeleteMessage")
)

LIST_EVIDENCE = Purpose(
    "ListEvidence", "list evidence, and get 404 instead of 403 for a missing object", ("s3:ListBucket",)
)
KEEP_EVIDENCE = Purpose("KeepEvidence", "claim deliveries, put evidence, seal it", ("s3:GetObject", "s3:PutObject"))
READ_OBJECT_LOCK = Purpose(
    "ReadObjectLock", "read the bucket's default retention", ("s3:GetBucketObjectLockConfiguration",)
)
LOCK_EVIDENCE = Purpose("LockEvidence", "lock evidence for the configured retention", ("s3:PutObjectRetention",))

PUBLISH_REPORTS = Purpose("PublishReports", "publish the pages over all datasets", ("s3:PutObject",))

READ_LANDED = Purpose("ReadLanded", "read the landed files, to prove that the table holds them", ("s3:GetObject",))
OVERRIDE_PARAMETERS = Purpose(
    "OverrideParameters",
    "override parameters for a run, and restore them",
    ("ssm:GetParameter", "ssm:GetParameterHistory", "ssm:PutParameter", "ssm:DeleteParameter"),
)
NOTE_OVERRIDES = Purpose(
    "NoteOverrides",
    "record which parameters are overridden, and restore what a dead run left",
    ("s3:GetObject", "s3:PutObject"),
)
COPY_PARAMETERS = Purpose(
    "CopyParameters",
    "read the parameters that overrides copy",
    ("ssm:GetParameter", "ssm:GetParameterHistory"),
)
INVOKE_FUNCTIONS = Purpose("InvokeFunctions", "invoke the pipeline's functions", ("lambda:InvokeFunction",))
AWAIT_JOBS = Purpose(
    "AwaitJobs",
    "find the job runs that functions start, await their turn, their end and their retries, and stop late ones",
    ("glue:GetJob", "glue:GetJobRuns", "glue:GetJobRun", "glue:BatchStopJobRun"),
)
FOLLOW_JOBS = Purpose(
    "FollowJobs",
    "find the job runs that somebody else starts, await their end and their retries",
    ("glue:GetJob", "glue:GetJobRuns", "glue:GetJobRun"),
)
RUN_JOBS = Purpose(
    "RunJobs",
    "start Glue jobs, await them and their retries, and stop late ones",
    ("glue:StartJobRun", "glue:GetJob", "glue:GetJobRuns", "glue:GetJobRun", "glue:BatchStopJobRun"),
)
RUN_CRAWLERS = Purpose(
    "RunCrawlers",
    "run crawlers, await their ends, and stop late ones",
    ("glue:StartCrawler", "glue:GetCrawler", "glue:StopCrawler"),
)
START_EXECUTIONS = Purpose(
    "StartExecutions", "start executions of state machines", ("states:StartExecution", "states:DescribeStateMachine")
)
FIND_EXECUTIONS = Purpose("FindExecutions", "find the executions that somebody else starts", ("states:ListExecutions",))
FOLLOW_EXECUTIONS = Purpose(
    "FollowExecutions",
    "await the executions that somebody else starts, and say where they failed",
    ("states:DescribeExecution", "states:GetExecutionHistory"),
)
AWAIT_EXECUTIONS = Purpose(
    "AwaitExecutions",
    "await executions, say where they failed, and stop late ones",
    ("states:DescribeExecution", "states:GetExecutionHistory", "states:StopExecution"),
)
RUN_WORKFLOWS = Purpose(
    "RunWorkflows",
    "run Glue workflows, await their ends, and stop late ones",
    ("glue:StartWorkflowRun", "glue:GetWorkflowRun", "glue:GetWorkflowRuns", "glue:StopWorkflowRun"),
)
PUT_EVENTS = Purpose("PutEvents", "put the events that start pipelines", ("events:PutEvents",))
LIST_AWAITED = Purpose("ListAwaited", "list the objects that a step awaits", ("s3:ListBucket",), lists=True)
AWAIT_OBJECTS = Purpose("AwaitObjects", "look for an awaited object", ("s3:GetObject",))

READ_CATALOG = Purpose(
    "ReadCatalog",
    "read the tables and their partitions",
    ("glue:GetDatabase", "glue:GetTable", "glue:GetPartition", "glue:GetPartitions", "glue:BatchGetPartition"),
)
READ_DEFAULT_DATABASE = Purpose(
    "ReadDefaultDatabase", "let Athena read the default database, as it does for each query", ("glue:GetDatabase",)
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
GET_DATA_ACCESS = Purpose(
    "GetDataAccess", "let Lake Formation give out the files of tables that it governs", ("lakeformation:GetDataAccess",)
)
FIND_RESULTS = Purpose(
    "FindResults",
    "let Athena find the bucket of query results",
    ("s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"),
)
KEEP_RESULTS = Purpose(
    "KeepResults",
    "let Athena write query results, and read them",
    ("s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"),
)
LIST_TABLES = Purpose("ListTables", "find the files of the tables", ("s3:ListBucket",), lists=True)
READ_TABLES = Purpose("ReadTables", "read the files of the tables", ("s3:GetObject",))
USE_KEYS = Purpose(
    "UseKeys",
    "decrypt and encrypt with your KMS keys",
    ("kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"),
    through=("s3", "ssm", "glue", "sqs"),
)

SIGN_EVIDENCE = Purpose("SignEvidence", "sign what seals the evidence", ("kms:Sign", "kms:GetPublicKey"))

LOOK_AT_WORKGROUPS = Purpose("LookAtWorkgroups", "read where workgroups put results", ("athena:GetWorkGroup",))
LOOK_AT_EVIDENCE_BUCKET = Purpose(
    "LookAtEvidenceBucket",
    "check whether the bucket can lock evidence",
    ("s3:GetBucketVersioning", "s3:GetBucketObjectLockConfiguration"),
)
SIMULATE_POLICIES = Purpose(
    "SimulatePolicies", "ask IAM what its own policies allow", ("iam:SimulatePrincipalPolicy", "iam:GetRole")
)
LOOK_AT_BUSES = Purpose("LookAtBuses", "check that the event buses exist", ("events:DescribeEventBus",))
LOOK_AT_MACHINES = Purpose(
    "LookAtMachines", "check the state machines that somebody else starts", ("states:DescribeStateMachine",)
)
LOOK_AT_QUEUE = Purpose("LookAtQueue", "check that the queue exists", ("sqs:GetQueueAttributes",))
