"""What Terraform asks of AWS to refresh and to make the foundation, as the permissions that the requests need.

Taken from a sandbox's request log. Which permission a request needs is said by the service authorization reference:
https://docs.aws.amazon.com/service-authorization/latest/reference/
"""

ACCOUNT = "222222222222"
HERE = f"eu-west-1:{ACCOUNT}"
STATES = "arn:aws:s3:::slipway-qa-tfstate-222222222222"
ARTIFACTS = "arn:aws:s3:::slipway-qa-artifacts-222222222222"
KEY = f"arn:aws:kms:{HERE}:key/00000000-0000-4000-8000-000000000001"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/slipway-qa-ranker-execution"
REPOSITORY = f"arn:aws:ecr:{HERE}:repository/slipway/ranker"
GROUP = f"arn:aws:sagemaker:{HERE}:model-package-group/slipway-qa-ranker"
TOPIC = f"arn:aws:sns:{HERE}:slipway-qa-notifications"
PARAMETER = f"arn:aws:ssm:{HERE}:parameter/slipway/qa/foundation"

READS = [
    *(
        (f"s3:{action}", ARTIFACTS)
        for action in (
            "GetAccelerateConfiguration",
            "GetBucketAcl",
            "GetBucketCORS",
            "GetBucketLogging",
            "GetBucketObjectLockConfiguration",
            "GetBucketOwnershipControls",
            "GetBucketPolicy",
            "GetBucketPublicAccessBlock",
            "GetBucketRequestPayment",
            "GetBucketTagging",
            "GetBucketVersioning",
            "GetBucketWebsite",
            "GetEncryptionConfiguration",
            "GetLifecycleConfiguration",
            "GetReplicationConfiguration",
            "ListBucket",
        )
    ),
    *((f"kms:{action}", KEY) for action in ("DescribeKey", "GetKeyPolicy", "GetKeyRotationStatus", "ListResourceTags")),
    *(
        (f"ecr:{action}", REPOSITORY)
        for action in ("DescribeRepositories", "GetLifecyclePolicy", "ListTagsForResource")
    ),
    *(
        (f"iam:{action}", ROLE)
        for action in ("GetRole", "GetRolePolicy", "ListAttachedRolePolicies", "ListRolePolicies")
    ),
    *((f"sns:{action}", TOPIC) for action in ("GetTopicAttributes", "ListTagsForResource")),
    *((f"ssm:{action}", PARAMETER) for action in ("GetParameter", "ListTagsForResource")),
    *((f"sagemaker:{action}", GROUP) for action in ("DescribeModelPackageGroup", "ListTags")),
    *(
        (action, "*")
        for action in ("ecr:DescribeRegistry", "ecr:GetRegistryPolicy", "kms:ListAliases", "ssm:DescribeParameters")
    ),
    ("s3:ListBucket", STATES),
    ("s3:GetObject", f"{STATES}/foundation.tfstate"),
    ("kms:Decrypt", KEY),
]
# what a plan that locks the state needs besides; the plan role reads without a lock
LOCKING = [
    *((f"s3:{action}", f"{STATES}/foundation.tfstate.tflock") for action in ("DeleteObject", "PutObject")),
    ("kms:GenerateDataKey", KEY),
]
WRITES = [
    *(
        (f"s3:{action}", ARTIFACTS)
        for action in (
            "CreateBucket",
            "PutBucketOwnershipControls",
            "PutBucketPolicy",
            "PutBucketPublicAccessBlock",
            "PutBucketTagging",
            "PutBucketVersioning",
            "PutEncryptionConfiguration",
            "PutLifecycleConfiguration",
        )
    ),
    ("kms:CreateKey", "*"),
    *((f"kms:{action}", KEY) for action in ("CreateAlias", "EnableKeyRotation", "PutKeyPolicy", "TagResource")),
    ("kms:CreateAlias", f"arn:aws:kms:{HERE}:alias/slipway-qa-artifacts"),
    ("kms:CreateAlias", f"arn:aws:kms:{HERE}:alias/slipway-qa-evidence"),
    ("kms:CreateAlias", f"arn:aws:kms:{HERE}:alias/slipway-qa-notifications"),
    *((f"ecr:{action}", REPOSITORY) for action in ("CreateRepository", "PutLifecyclePolicy", "TagResource")),
    ("ecr:PutRegistryPolicy", "*"),
    ("ecr:PutReplicationConfiguration", "*"),
    *((f"iam:{action}", ROLE) for action in ("CreateRole", "PutRolePolicy", "TagRole")),
    *((f"sns:{action}", TOPIC) for action in ("CreateTopic", "SetTopicAttributes", "TagResource")),
    *((f"sagemaker:{action}", GROUP) for action in ("AddTags", "CreateModelPackageGroup")),
    *((f"ssm:{action}", PARAMETER) for action in ("AddTagsToResource", "PutParameter")),
    ("s3:PutObject", f"{STATES}/foundation.tfstate"),
]

# Actions that know no resource, or policies whose resource is what they are attached to.
ANYWHERE = {
    "application-autoscaling:DescribeScalableTargets",
    "application-autoscaling:DescribeScalingActivities",
    "application-autoscaling:DescribeScalingPolicies",
    "application-autoscaling:DescribeScheduledActions",
    "application-autoscaling:ListTagsForResource",
    "cloudwatch:GetMetricData",
    "cloudwatch:PutMetricData",
    "ecr:DeleteRegistryPolicy",
    "ecr:DescribeRegistry",
    "ecr:GetAuthorizationToken",
    "ecr:GetRegistryPolicy",
    "ecr:PutRegistryPolicy",
    "ecr:PutReplicationConfiguration",
    "kms:CreateKey",
    "kms:ListAliases",
    "lambda:ListEventSourceMappings",
    "logs:DescribeLogGroups",
    "sagemaker:ListEndpointConfigs",
    "sagemaker:ListEndpoints",
    "sagemaker:ListModelPackageGroups",
    "sagemaker:ListModels",
    "sagemaker:ListTrainingJobs",
    "sns:GetSubscriptionAttributes",
    "sns:SetSubscriptionAttributes",
    "sns:Unsubscribe",
    "ssm:DescribeParameters",
}
