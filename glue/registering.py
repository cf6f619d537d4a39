"""The model registry: a package for each release, with its lineage. Nothing here needs Terraform's files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from glue.core.release import Release

if TYPE_CHECKING:
    from glue.aws.session import Session


def registered(session: Session, release: Release) -> str:
    """Return the ARN of a release's package, registered as waiting for approval unless it was there."""
    group = session.parameters.foundation(session.environment).model(release.model).model_package_group
    package = session.sagemaker.find_package(group, release.release)
    return package.arn if package else register_package(session, release)


def register_package(session: Session, release: Release, *, promoted_from: str = "") -> str:
    """Register a release in an environment's model registry, with its lineage, and return the package's ARN."""
    where = session.environment
    foundation = session.parameters.foundation(where)
    model = foundation.model(release.model)
    metadata = {
        "commit": release.commit,
        "created": release.created,
        "image": release.image_digest,
        "content": release.content,
        "promoted_from": promoted_from,
        **{f"metric_{name}": f"{value:g}" for name, value in release.metrics.items()},
        **{f"training_{key}": str(release.training[key]) for key in ("job", "job_name") if key in release.training},
    }
    return session.sagemaker.create_package(
        model.model_package_group,
        release=release.release,
        image_uri=f"{model.repository_url}@{release.image_digest}",
        model_data_url=release.model_data_url(foundation.artifact_bucket),
        environment=release.environment,
        metadata=metadata,
    )
