"""The kinds of endpoints, real-time, serverless and asynchronous: their limits, and what SageMaker refuses together."""

from __future__ import annotations

from collections.abc import Iterator

from glue.core.serving import EndpointSettings

# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ProductionVariantServerlessConfig.html
MEMORY_SIZES_MB = range(1024, 6145, 1024)
MOST_CONCURRENT = 200
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_AsyncInferenceClientConfig.html
MOST_ASYNCHRONOUS = 1000

Problem = tuple[str, str]  # the key in the endpoint's file, and what is wrong with it


def problems(settings: EndpointSettings) -> Iterator[Problem]:
    """Yield what SageMaker would refuse in an endpoint's settings, before anything is made of them."""
    yield from _serverless(settings)
    if settings.asynchronous is not None:
        yield from _asynchronous(settings)
    elif any(bounds.minimum == 0 for bounds in settings.autoscaling.values()):
        names = ", ".join(sorted(name for name, bounds in settings.autoscaling.items() if bounds.minimum == 0))
        yield f"autoscaling.{names}", "only an asynchronous endpoint goes down to 0 instances; give 1 <= min <= max"


def _serverless(settings: EndpointSettings) -> Iterator[Problem]:
    """https://docs.aws.amazon.com/sagemaker/latest/dg/serverless-endpoints.html (feature exclusions)."""
    everything = {**settings.variants, **settings.shadow_variants}
    found = {name: entry.serverless for name, entry in everything.items() if entry.serverless is not None}
    for name, serverless in found.items():
        key = f"serving.variants.{name}.serverless"
        if serverless.memory_size_in_mb not in MEMORY_SIZES_MB:
            yield f"{key}.memory_size_in_mb", "give 1024 to 6144 in steps of 1024"
        if not 1 <= serverless.max_concurrency <= MOST_CONCURRENT:
            yield f"{key}.max_concurrency", f"give 1 to {MOST_CONCURRENT}"
        kept = serverless.provisioned_concurrency
        if kept is not None and not 1 <= kept <= serverless.max_concurrency:
            yield f"{key}.provisioned_concurrency", f"give 1 to max_concurrency ({serverless.max_concurrency}), or null"
        if name in settings.autoscaling:
            yield f"autoscaling.{name}", "a serverless variant has no instances to scale"
    if not found:
        return
    beside = {
        "other variants": len(everything) > 1,
        "data_capture": settings.data_capture is not None,
        "network": settings.network is not None,
    }
    if refused := [name for name, there in beside.items() if there]:
        yield "serving", f"SageMaker refuses {', '.join(refused)} beside serverless; remove them, or use instances"


def _asynchronous(settings: EndpointSettings) -> Iterator[Problem]:
    """https://docs.aws.amazon.com/sagemaker/latest/dg/shadow-tests-exclusions.html.

    Requests that lie in S3 are there already, and SageMaker captures none of them.
    """
    wanted = settings.asynchronous
    most = wanted.max_concurrent_invocations_per_instance if wanted else None
    key = "serving.asynchronous"
    if most is not None and not 1 <= most <= MOST_ASYNCHRONOUS:
        yield f"{key}.max_concurrent_invocations_per_instance", f"give 1 to {MOST_ASYNCHRONOUS}, or null"
    for name in ("success_topic_arn", "error_topic_arn"):
        arn = getattr(wanted, name)
        if arn is not None and not (arn.startswith("arn:") and ":sns:" in arn):
            yield f"{key}.{name}", "give the ARN of an SNS topic, or null"
    beside = {
        "several variants": len(settings.variants) > 1,
        "serverless": any(entry.serverless is not None for entry in settings.variants.values()),
        "shadow_variants": bool(settings.shadow_variants),
        "data_capture": settings.data_capture is not None,
    }
    if refused := [name for name, there in beside.items() if there]:
        yield key, f"an asynchronous endpoint takes no {', '.join(refused)}; remove them, or set it to null"
