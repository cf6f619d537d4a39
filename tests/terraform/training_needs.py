"""What Terraform asks of AWS to refresh and to make a training queue, as the permissions that the requests need.

Taken from a sandbox's request log. https://docs.aws.amazon.com/service-authorization/latest/reference/
"""

ACCOUNT = "111111111111"
HERE = f"eu-west-1:{ACCOUNT}"
QUEUE = "slipway-dev-training"
ALARM = f"arn:aws:cloudwatch:{HERE}:alarm:{QUEUE}-oldest-due"
DASHBOARD = f"arn:aws:cloudwatch::{ACCOUNT}:dashboard/{QUEUE}"
FUNCTION = f"arn:aws:lambda:{HERE}:function:{QUEUE}-submit"
GROUP = f"arn:aws:scheduler:{HERE}:schedule-group/{QUEUE}"
KEY = f"arn:aws:kms:{HERE}:key/00000000-0000-4000-8000-000000000001"
LOGS = f"arn:aws:logs:{HERE}:log-group:/aws/lambda/{QUEUE}-submit"
MAPPING = f"arn:aws:lambda:{HERE}:event-source-mapping:00000000-0000-4000-8000-000000000002"
MESSAGES = f"arn:aws:sqs:{HERE}:{QUEUE}-events"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/{QUEUE}-launch"
RULE = f"arn:aws:events:{HERE}:rule/{QUEUE}-events"
SCHEDULE = f"arn:aws:scheduler:{HERE}:schedule/{QUEUE}/launch"
TABLE = f"arn:aws:dynamodb:{HERE}:table/{QUEUE}"
TOPIC = f"arn:aws:sns:{HERE}:{QUEUE}"


def each(service: str, resource: str, actions: str) -> list[tuple[str, str]]:
    """Return needs: a service's actions, blank between them, on a resource."""
    return [(f"{service}:{action}", resource) for action in actions.split()]


READS = [
    *each("dynamodb", TABLE, "DescribeContinuousBackups DescribeTable DescribeTimeToLive ListTagsOfResource"),
    *each("events", RULE, "DescribeRule ListTagsForResource ListTargetsByRule"),
    *each("iam", ROLE, "GetRole GetRolePolicy ListAttachedRolePolicies ListRolePolicies"),
    *each("lambda", FUNCTION, "GetAlias GetFunction GetFunctionCodeSigningConfig GetFunctionConcurrency"),
    *each("lambda", FUNCTION, "GetFunctionEventInvokeConfig GetFunctionUrlConfig ListTags ListVersionsByFunction"),
    *each("lambda", MAPPING, "GetEventSourceMapping ListTags"),
    *each("logs", LOGS, "ListTagsForResource"),
    *each("scheduler", GROUP, "GetScheduleGroup ListTagsForResource"),
    *each("scheduler", SCHEDULE, "GetSchedule"),
    *each("sns", TOPIC, "GetTopicAttributes ListTagsForResource"),
    *each("sqs", MESSAGES, "GetQueueAttributes ListQueueTags"),
    *each("cloudwatch", ALARM, "DescribeAlarms ListTagsForResource"),
    *each("cloudwatch", DASHBOARD, "GetDashboard"),
    *each("kms", KEY, "DescribeKey GetKeyPolicy GetKeyRotationStatus ListResourceTags"),
    ("lambda:ListEventSourceMappings", "*"),
    ("logs:DescribeLogGroups", "*"),
    ("kms:ListAliases", "*"),
]
KEYS = [
    *each("kms", KEY, "CreateAlias CreateGrant EnableKeyRotation PutKeyPolicy TagResource"),
    *each("kms", f"arn:aws:kms:{HERE}:alias/{QUEUE}", "CreateAlias"),
    *each("kms", f"arn:aws:kms:{HERE}:alias/{QUEUE}-table", "CreateAlias"),
]
WRITES = [
    *each("cloudwatch", ALARM, "DeleteAlarms PutMetricAlarm TagResource"),
    *each("cloudwatch", DASHBOARD, "DeleteDashboards PutDashboard"),
    *each("dynamodb", TABLE, "CreateTable TagResource UpdateContinuousBackups UpdateTable UpdateTimeToLive"),
    *each("events", RULE, "DeleteRule PutRule PutTargets RemoveTargets TagResource"),
    *each("iam", ROLE, "CreateRole DeleteRole DeleteRolePolicy PassRole PutRolePolicy TagRole"),
    *each("lambda", FUNCTION, "CreateAlias CreateFunction CreateFunctionUrlConfig DeleteFunction"),
    *each("lambda", FUNCTION, "PutFunctionConcurrency PutFunctionEventInvokeConfig TagResource"),
    *each("lambda", FUNCTION, "UpdateAlias UpdateFunctionCode UpdateFunctionConfiguration"),
    *each("lambda", MAPPING, "DeleteEventSourceMapping TagResource UpdateEventSourceMapping"),
    ("lambda:CreateEventSourceMapping", "*"),
    *each("logs", LOGS, "CreateLogGroup DeleteLogGroup PutRetentionPolicy TagResource"),
    *each("scheduler", GROUP, "CreateScheduleGroup TagResource"),
    *each("scheduler", SCHEDULE, "CreateSchedule DeleteSchedule UpdateSchedule"),
    *each("sns", TOPIC, "CreateTopic SetTopicAttributes TagResource"),
    *each("sqs", MESSAGES, "CreateQueue SetQueueAttributes TagQueue"),
]
