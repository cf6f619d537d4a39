"""Which types of resources hold policies of IAM's kind, and which only look as if they did."""

from __future__ import annotations

# Users, groups, roles, and what is attached to them.
_IDENTITY = """
    iam_group iam_group_membership iam_group_policy iam_group_policy_attachment
    iam_group_policy_attachments_exclusive iam_policy iam_policy_attachment iam_role iam_role_policy
    iam_role_policy_attachment iam_role_policy_attachments_exclusive iam_user iam_user_group_membership
    iam_user_policy iam_user_policy_attachment iam_user_policy_attachments_exclusive
"""
IDENTITY = frozenset(f"aws_{name}" for name in _IDENTITY.split())

# Called a policy by Terraform, and none of IAM's.
_NO_IAM = """
    app_cookie_stickiness_policy appautoscaling_policy autoscaling_policy backup_plan cloudfront_cache_policy
    cloudfront_origin_request_policy cloudfront_response_headers_policy dlm_lifecycle_policy
    dms_replication_task ecr_lifecycle_policy ecrpublic_lifecycle_policy efs_backup_policy fms_policy
    imagebuilder_lifecycle_policy iot_policy_attachment lb_ssl_negotiation_policy load_balancer_policy
    networkfirewall_firewall_policy s3_bucket_lifecycle_configuration sesv2_email_identity_feedback_attributes
    wafv2_web_acl
"""
NO_IAM = frozenset(f"aws_{name}" for name in _NO_IAM.split())

# These have a policy of IAM's kind; a text there that is none is a mistake.
_TYPES = """
    acmpca_policy api_gateway_rest_api_policy backup_vault_policy cloudwatch_event_bus_policy
    cloudwatch_log_destination_policy cloudwatch_log_resource_policy codeartifact_domain_permissions_policy
    codeartifact_repository_permissions_policy codebuild_resource_policy dynamodb_resource_policy
    ecr_registry_policy ecr_repository_policy ecrpublic_repository_policy efs_file_system_policy
    elasticsearch_domain_policy glacier_vault_lock glue_resource_policy iot_policy kinesis_resource_policy
    kms_external_key kms_key kms_key_policy kms_replica_key media_store_container_policy
    opensearch_domain_policy redshift_resource_policy s3_access_point s3_bucket s3_bucket_policy
    s3control_access_point_policy s3control_bucket_policy s3control_object_lambda_access_point_policy
    sagemaker_model_package_group_policy schemas_registry_policy secretsmanager_secret
    secretsmanager_secret_policy ses_identity_policy sesv2_email_identity_policy sns_topic sns_topic_policy
    sqs_queue sqs_queue_policy ssoadmin_permission_set_inline_policy transfer_user vpc_endpoint
    vpc_endpoint_policy vpclattice_auth_policy vpclattice_resource_policy
"""
TYPES = frozenset(f"aws_{name}" for name in _TYPES.split())

# What such an attribute is called; others are known by what they hold.
_NAMES = """
    access_policies access_policy access_policy_template assume_role_policy inline_policy policy policy_document
    policy_text resource_policy source_policy
"""
NAMES = frozenset(_NAMES.split())
