"""Images: content-addressed, immutable where asked, fetched by their layers, replicated once."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from sandbox import images
from sandbox.registry import unpack
from tests.sandbox_core.helpers import MIB, refused

DEV, QA = "111111111111", "222222222222"
TYPE = "application/vnd.oci.image.manifest.v1+json"


def digest_of(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def tar(files: Mapping[str, bytes | tuple[str, str]]) -> bytes:
    """Make a tar: bytes are files, ("link", target) symbolic links, ("hard", target) hard ones, ("dir", "") folders."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.mode = 0o755
            if isinstance(content, bytes):
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))
            else:
                kinds = {"link": tarfile.SYMTYPE, "hard": tarfile.LNKTYPE, "dir": tarfile.DIRTYPE}
                entry.type, entry.linkname = kinds[content[0]], content[1]
                archive.addfile(entry)
    return out.getvalue()


def push_blob(ecr: Any, repository: str, data: bytes) -> str:
    digest = digest_of(data)
    have = ecr.batch_check_layer_availability(repositoryName=repository, layerDigests=[digest])
    if have["layers"]:
        return digest
    upload = ecr.initiate_layer_upload(repositoryName=repository)
    size = upload["partSize"]
    for start in range(0, len(data), size):
        part = data[start : start + size]
        ecr.upload_layer_part(
            repositoryName=repository,
            uploadId=upload["uploadId"],
            partFirstByte=start,
            partLastByte=start + len(part) - 1,
            layerPartBlob=part,
        )
    ecr.complete_layer_upload(repositoryName=repository, uploadId=upload["uploadId"], layerDigests=[digest])
    return digest


def manifest_of(ecr: Any, repository: str, layers: list[bytes], *, note: str = "") -> str:
    """Push layers and config; return the manifest's text, indented so that its bytes matter."""
    config = json.dumps(
        {"rootfs": {"type": "layers", "diff_ids": [digest_of(one) for one in layers]}, "config": {"Env": [note]}}
    ).encode()
    zipped = [gzip.compress(one, mtime=0) for one in layers]
    descriptors = [{"digest": push_blob(ecr, repository, one), "size": len(one)} for one in zipped]
    document = {
        "schemaVersion": 2,
        "mediaType": TYPE,
        "config": {"digest": push_blob(ecr, repository, config), "size": len(config)},
        "layers": descriptors,
    }
    return json.dumps(document, indent=3)


@pytest.fixture(scope="module")
def ecr(client: Callable[..., Any]) -> Any:
    made = client("ecr")
    made.create_repository(repositoryName="slipway/ranker", imageTagMutability="IMMUTABLE")
    made.create_repository(repositoryName="slipway/moving")
    return made


def test_the_digest_is_the_sha256_of_the_manifest_as_it_was_sent(ecr: Any) -> None:
    # https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutImage.html
    manifest = manifest_of(ecr, "slipway/ranker", [tar({"a": b"1"})], note="first")
    put = ecr.put_image(repositoryName="slipway/ranker", imageManifest=manifest, imageTag="r1")["image"]
    assert put["imageId"] == {"imageDigest": digest_of(manifest.encode()), "imageTag": "r1"}
    got = ecr.batch_get_image(repositoryName="slipway/ranker", imageIds=[{"imageTag": "r1"}, {"imageTag": "none"}])
    assert got["images"][0]["imageManifest"] == manifest
    assert [failure["failureCode"] for failure in got["failures"]] == ["ImageNotFound"]
    other = manifest_of(ecr, "slipway/ranker", [tar({"a": b"2"})])
    wrong = {"repositoryName": "slipway/ranker", "imageManifest": other, "imageDigest": digest_of(b"")}
    assert refused(ecr.put_image, **wrong)[0] == "ImageDigestDoesNotMatchException"


def test_layers_are_verified_and_in_order(ecr: Any) -> None:
    # https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CompleteLayerUpload.html
    name = {"repositoryName": "slipway/moving"}
    upload = ecr.initiate_layer_upload(**name)["uploadId"]
    complete = {**name, "uploadId": upload, "layerDigests": [digest_of(b"data")]}
    assert refused(ecr.complete_layer_upload, **complete)[0] == "EmptyUploadException"
    part = {**name, "uploadId": upload, "layerPartBlob": b"jata"}
    assert refused(ecr.upload_layer_part, **part, partFirstByte=1, partLastByte=4)[0] == "InvalidLayerPartException"
    ecr.upload_layer_part(**part, partFirstByte=0, partLastByte=3)
    assert refused(ecr.complete_layer_upload, **complete)[0] == "InvalidLayerException"
    ecr.upload_layer_part(**part, partFirstByte=4, partLastByte=7)
    assert refused(ecr.complete_layer_upload, **complete)[0] == "LayerPartTooSmallException"
    push_blob(ecr, "slipway/moving", b"data")
    again = ecr.initiate_layer_upload(**name)["uploadId"]
    ecr.upload_layer_part(**{**part, "uploadId": again, "layerPartBlob": b"data"}, partFirstByte=0, partLastByte=3)
    assert refused(ecr.complete_layer_upload, **{**complete, "uploadId": again})[0] == "LayerAlreadyExistsException"


def test_an_image_needs_its_layers(ecr: Any) -> None:
    known = manifest_of(ecr, "slipway/ranker", [tar({"b": b"1"})])
    missing = known.replace(json.loads(known)["layers"][0]["digest"], digest_of(b"nowhere"))
    call = {"repositoryName": "slipway/ranker", "imageManifest": missing}
    assert refused(ecr.put_image, **call)[0] == "LayersNotFoundException"
    assert refused(ecr.put_image, **{**call, "imageManifest": "{"})[0] == "InvalidParameterException"


def test_immutable_tags_stay_and_mutable_ones_move(ecr: Any) -> None:
    # https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-tag-mutability.html
    for name, code in (("slipway/ranker", "ImageTagAlreadyExistsException"), ("slipway/moving", None)):
        one = manifest_of(ecr, name, [tar({"c": b"1"})])
        two = manifest_of(ecr, name, [tar({"c": b"2"})])
        ecr.put_image(repositoryName=name, imageManifest=one, imageTag="t")
        same = {"repositoryName": name, "imageManifest": one, "imageTag": "t"}
        assert refused(ecr.put_image, **same)[0] == "ImageAlreadyExistsException"
        moved = {"repositoryName": name, "imageManifest": two, "imageTag": "t"}
        if code:
            assert refused(ecr.put_image, **moved)[0] == code
        else:
            ecr.put_image(**moved)
            found = ecr.describe_images(repositoryName=name, imageIds=[{"imageDigest": digest_of(one.encode())}])
            assert "imageTags" not in found["imageDetails"][0]


def test_deleting_tags_and_images(ecr: Any) -> None:
    # https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_BatchDeleteImage.html
    manifest = manifest_of(ecr, "slipway/ranker", [tar({"d": b"1"})])
    name = {"repositoryName": "slipway/ranker"}
    for tag in ("d1", "d2"):
        ecr.put_image(**name, imageManifest=manifest, imageTag=tag)
    digest = {"imageDigest": digest_of(manifest.encode())}
    assert ecr.batch_delete_image(**name, imageIds=[{"imageTag": "d1"}])["imageIds"] == [{**digest, "imageTag": "d1"}]
    assert ecr.describe_images(**name, imageIds=[digest])["imageDetails"][0]["imageTags"] == ["d2"]
    ecr.batch_delete_image(**name, imageIds=[{"imageTag": "d2"}])
    assert refused(ecr.describe_images, **name, imageIds=[digest])[0] == "ImageNotFoundException"
    failures = ecr.batch_delete_image(**name, imageIds=[digest])["failures"]
    assert [failure["failureCode"] for failure in failures] == ["ImageNotFound"]
    assert refused(ecr.delete_repository, **name)[0] == "RepositoryNotEmptyException"


def test_listing_by_pages_and_tags(ecr: Any) -> None:
    ecr.create_repository(repositoryName="slipway/listed")
    for index in range(3):
        manifest = manifest_of(ecr, "slipway/listed", [tar({"e": bytes([index])})])
        ecr.put_image(repositoryName="slipway/listed", imageManifest=manifest, **({"imageTag": "x"} if index else {}))
    name = {"repositoryName": "slipway/listed"}
    pages = ecr.get_paginator("list_images").paginate(**name, PaginationConfig={"PageSize": 2})
    assert [len(page["imageIds"]) for page in pages] == [2, 1]
    tagged = ecr.list_images(**name, filter={"tagStatus": "TAGGED"})["imageIds"]
    assert [one["imageTag"] for one in tagged] == ["x"]
    assert len(ecr.describe_images(**name, filter={"tagStatus": "UNTAGGED"})["imageDetails"]) == 2


def test_a_layer_can_be_fetched_by_its_address(ecr: Any) -> None:
    data = b"l" * (21 * MIB)  # two parts
    digest = push_blob(ecr, "slipway/moving", data)
    url = ecr.get_download_url_for_layer(repositoryName="slipway/moving", layerDigest=digest)["downloadUrl"]
    with urllib.request.urlopen(url) as answer:  # noqa: S310
        assert answer.read() == data
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(url[:-1] + ("0" if url[-1] != "0" else "1"))  # noqa: S310
    with caught.value as error:
        assert error.code == 403
    missing = {"repositoryName": "slipway/moving", "layerDigest": digest_of(b"none")}
    assert refused(ecr.get_download_url_for_layer, **missing)[0] == "LayersNotFoundException"


def test_a_token_is_good_for_twelve_hours(ecr: Any) -> None:
    data = ecr.get_authorization_token()["authorizationData"][0]
    assert data["proxyEndpoint"] == f"https://{DEV}.dkr.ecr.eu-west-1.amazonaws.com"
    assert 11.9 * 3600 < data["expiresAt"].timestamp() - time.time() <= 12 * 3600


def statuses(ecr: Any, repository: str, digest: str) -> dict[str, str]:
    deadline = time.monotonic() + 10
    while True:
        answer = ecr.describe_image_replication_status(repositoryName=repository, imageId={"imageDigest": digest})
        found = {one["registryId"]: one["status"] for one in answer["replicationStatuses"]}
        if "IN_PROGRESS" not in found.values() or time.monotonic() > deadline:
            return found
        time.sleep(0.05)


def test_replication_happens_once_where_it_is_allowed(client: Callable[..., Any], ecr: Any) -> None:
    # https://docs.aws.amazon.com/AmazonECR/latest/userguide/replication.html
    qa, production = client("ecr", "qa"), client("ecr", "production")
    statement = {
        "Sid": "Replicate",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{DEV}:root"},
        "Action": ["ecr:ReplicateImage", "ecr:CreateRepository"],
        "Resource": [f"arn:aws:ecr:eu-west-1:{QA}:repository/slipway/*"],
    }
    qa.put_registry_policy(policyText=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    before = manifest_of(ecr, "slipway/ranker", [tar({"f": b"before"})])
    ecr.put_image(repositoryName="slipway/ranker", imageManifest=before, imageTag="before")
    places = [{"region": "eu-west-1", "registryId": account} for account in (QA, "333333333333")]
    filters = [{"filter": "slipway/", "filterType": "PREFIX_MATCH"}]
    rules = {"rules": [{"destinations": places, "repositoryFilters": filters}]}
    ecr.put_replication_configuration(replicationConfiguration=rules)
    onwards = {"rules": [{"destinations": [places[1]], "repositoryFilters": filters}]}
    qa.put_replication_configuration(replicationConfiguration=onwards)
    manifest = manifest_of(ecr, "slipway/ranker", [tar({"f": b"after"})])
    digest = ecr.put_image(repositoryName="slipway/ranker", imageManifest=manifest, imageTag="after")["image"][
        "imageId"
    ]["imageDigest"]
    assert statuses(ecr, "slipway/ranker", digest) == {QA: "COMPLETE", "333333333333": "FAILED"}
    found = qa.describe_images(repositoryName="slipway/ranker")["imageDetails"]
    assert [(one["imageDigest"], one["imageTags"]) for one in found] == [(digest, ["after"])]
    assert refused(production.describe_images, repositoryName="slipway/ranker")[0] == "RepositoryNotFoundException"
    layer = json.loads(manifest)["layers"][0]["digest"]
    assert qa.get_download_url_for_layer(repositoryName="slipway/ranker", layerDigest=layer)["layerDigest"] == layer
    assert ecr.describe_registry()["replicationConfiguration"] == rules
    ecr.put_replication_configuration(replicationConfiguration={"rules": []})


def push(ecr: Any, layers: list[bytes]) -> str:
    manifest = manifest_of(ecr, "slipway/ranker", layers)
    put = ecr.put_image(repositoryName="slipway/ranker", imageManifest=manifest)["image"]["imageId"]["imageDigest"]
    return f"{DEV}.dkr.ecr.eu-west-1.amazonaws.com/slipway/ranker@{put}"


def test_the_files_of_an_image(ecr: Any) -> None:
    lower = {"opt/program/bin/serve": b"#!serve", "opt/program/old.py": b"old", "data/a": b"1", "data/b": b"2"}
    upper = {"./opt/program/.wh.old.py": b"", "data/.wh..wh..opq": b"", "data/c": b"3", "hard": ("hard", "data/c")}
    uri = push(ecr, [tar(lower), tar(upper)])
    root = images.rootfs(DEV, "eu-west-1", uri)
    found = sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())
    assert found == ["data/c", "hard", "opt/program/bin/serve"]
    assert (root / "opt/program/bin/serve").stat().st_mode & 0o111
    assert images.rootfs(DEV, "eu-west-1", uri) == root
    assert images.config(DEV, "eu-west-1", uri)["config"] == {"Env": [""]}


def test_no_layer_reaches_outside_its_image(ecr: Any, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("kept")
    hostile = {
        "/absolute": b"inside",
        "out": ("link", str(outside)),
        "out/written": b"through the link",
        "up": ("link", "../../../../../../../.." + str(outside)),
        "up/written": b"through the climbing link",
        "etc/passwd": ("link", "/opt/passwd"),
    }
    root = images.rootfs(DEV, "eu-west-1", push(ecr, [tar(hostile)]))
    assert (root / "absolute").read_bytes() == b"inside"
    assert [path.name for path in outside.iterdir()] == ["secret"]
    for link in (path for path in root.rglob("*") if path.is_symlink()):
        assert Path(link.parent.resolve() / link.readlink()).resolve().is_relative_to(root.resolve()), link
    for files in ({"../climbs": b"x"}, {"h": ("hard", "../../etc/passwd")}, {"a": ("link", "a"), "a/b": b"x"}):
        with pytest.raises(LookupError):
            images.rootfs(DEV, "eu-west-1", push(ecr, [tar(files)]))


def test_what_is_not_an_image_is_a_lookup_error(ecr: Any) -> None:
    uri = push(ecr, [b"this is no tar"])
    other = uri.replace("eu-west-1", "us-east-1")
    for wrong in (uri, other, uri[:-3] + "000", "ranker:latest", f"{DEV}.dkr.ecr.eu-west-1.amazonaws.com/none:t"):
        with pytest.raises(LookupError):
            images.rootfs(DEV, "eu-west-1", wrong)


def test_the_content_must_be_what_the_config_says(tmp_path: Path) -> None:
    blob = tmp_path / "blob"
    blob.write_bytes(gzip.compress(tar({"a": b"1"})))
    (tmp_path / "root").mkdir()
    with pytest.raises(unpack.UnpackError, match="config says"):
        unpack.layer(tmp_path / "root", blob, diff_id=digest_of(b"other"))


def test_a_blob_that_was_changed_on_disk_is_noticed(ecr: Any) -> None:
    layer = tar({"changed": b"1"})
    uri = push(ecr, [layer])
    path = images._current[0].blobs.path(digest_of(gzip.compress(layer, mtime=0)))
    path.write_bytes(b"something else")
    with pytest.raises(LookupError, match="changed on disk"):
        images.rootfs(DEV, "eu-west-1", uri)
