"""The copy engine on the latency model: the calls that it makes, how many at once, and what the model proves of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bench import contenders, copies, processes
from bench.contenders import Task
from bench.copies import Scenario
from bench.processes import Remote
from glue.core.release import MODEL_ARCHIVE
from glue.errors import RefusedError, SlipwayError

pytestmark = pytest.mark.slow

FILES = 12


@pytest.fixture(scope="module")
def remote() -> Iterator[Remote]:
    with processes.latency_s3() as found:
        yield found


@pytest.fixture
def task(remote: Remote, monkeypatch: pytest.MonkeyPatch) -> Task:
    """A release of three parts and eleven small files, of which the target has nothing."""
    for name, value in processes.environment(AWS_ENDPOINT_URL_S3=remote.url).items():
        if name.startswith(("AWS_", "NO_PROXY", "no_proxy")):
            monkeypatch.setenv(name, value)
    remote.ask("pace", call_s=0.02, bytes_per_s=1e15)
    remote.ask("clear", bucket=copies.SOURCE)
    remote.ask("clear", bucket=copies.TARGET)
    files = {MODEL_ARCHIVE: 150 * 1024**2, **{f"part/{n}.json": 10 for n in range(FILES - 1)}}
    return copies.furnish(remote, Scenario("test", "test", files))


def test_the_engine_makes_the_calls_that_the_documentation_says(remote: Remote, task: Task) -> None:
    remote.ask("pace", call_s=0.15, bytes_per_s=1e15)  # long enough for a busy machine to have all calls under way
    contenders.slipway(task)
    assert copies.different(remote, task.keys) == []
    report = remote.ask("report")
    assert report["calls"] == {
        "ListObjectsV2": 2,
        "GetObject": 1,
        "HeadObject": 2 * FILES + 1,  # the manifest of the source was read whole
        "ListMultipartUploads": 1,
        "GetObjectTagging": FILES + 1,
        "CreateMultipartUpload": FILES + 1,
        "UploadPartCopy": FILES + 3,
        "CompleteMultipartUpload": FILES + 1,
    }
    assert report["copied_bytes"] == sum(one["size"] for one in remote.ask("objects", bucket=copies.TARGET).values())
    assert report["most_in_flight"] >= FILES  # reads, copies and completions of all files go side by side


def test_an_archive_of_many_parts_is_copied_with_all_parts_in_flight(remote: Remote, task: Task) -> None:
    remote.ask("clear", bucket=copies.SOURCE)
    large = copies.furnish(remote, Scenario("large", "large", {MODEL_ARCHIVE: 100 * contenders.PART}))
    remote.ask("pace", call_s=0.0, bytes_per_s=contenders.PART / 0.6)  # a part takes 0.6 s
    contenders.slipway(large)
    assert remote.ask("report")["most_in_flight"] > 60


def test_the_model_catches_an_engine_that_would_not_check(remote: Remote, task: Task) -> None:
    remote.ask("corrupt")
    with pytest.raises(SlipwayError, match="the manifest says"):
        contenders.slipway(task)
    assert MODEL_ARCHIVE not in "".join(remote.ask("objects", bucket=copies.TARGET))
    remote.ask("clear", bucket=copies.TARGET)
    remote.ask("corrupt")
    contenders.plain_boto3(task)  # sees nothing, and the model does
    assert len(copies.different(remote, task.keys)) == 1


def test_an_abandoned_upload_is_gone_on_with(remote: Remote, task: Task) -> None:
    key = task.prefix + MODEL_ARCHIVE
    remote.ask("abandon", bucket=copies.TARGET, source=copies.SOURCE, key=key, part_size=contenders.PART)
    contenders.slipway(task)
    assert remote.ask("report")["calls"]["UploadPartCopy"] == FILES + 1
    assert copies.different(remote, task.keys) == []


def test_what_lies_at_the_target_stays(remote: Remote, task: Task) -> None:
    key = task.prefix + MODEL_ARCHIVE
    remote.ask("put", bucket=copies.TARGET, key=key, size=0, part_size=contenders.PART, tags={}, text="theirs")
    with pytest.raises(RefusedError, match="never overwritten"):
        contenders.slipway(task)
    contenders.tuned_boto3(task)
    assert copies.different(remote, task.keys) == []
