"""The demo's figures come from the access log: what counts as an artifact's byte, and what does not."""

import json

from sandbox.demo.meter import Meter, usage


def line(operation, *, resource="", request=0, response=0, client="Boto3/1 slipway/0.1"):
    return {
        "service": "s3",
        "operation": operation,
        "resource": resource,
        "request_bytes": request,
        "response_bytes": response,
        "client": client,
    }


ARCHIVE = "bucket/releases/ranker/r/model.tar.gz"


def test_a_copy_inside_s3_moves_no_byte_through_the_client():
    assert usage([line("UploadPartCopy", resource=ARCHIVE, response=300)]).artifact_bytes == 0


def test_reading_or_writing_an_archive_counts_every_byte():
    seen = usage(
        [
            line("GetObject", resource=ARCHIVE, response=1000),
            line("UploadPart", resource=ARCHIVE, request=500),
            line("PutObject", resource=ARCHIVE, request=50),
        ]
    )
    assert seen.artifact_bytes == 1550


def test_an_endpoint_that_fetches_its_model_is_no_client():
    seen = usage(
        [line("GetObject", resource=ARCHIVE, response=1000, client="Botocore/1 md/sandbox#1 sandbox/sagemaker")]
    )
    assert (seen.calls, seen.artifact_bytes) == (0, 0)


def test_what_a_function_does_on_its_schedule_is_no_part_of_a_step():
    agent = "Boto3/1.42 md/Botocore#1.42 exec-env/AWS_Lambda_python3.11"
    assert usage([line("GetObject", resource=ARCHIVE, response=1000, client=agent)]).by_operation == {}


def test_manifests_and_training_data_are_no_archives():
    lines = [
        line("GetObject", resource="bucket/releases/ranker/r/release.json", response=900),
        line("GetObject", resource="bucket/training/job/output/model.tar.gz", response=900),
    ]
    assert usage(lines).artifact_bytes == 0


def test_calls_are_told_apart_by_client():
    seen = usage(
        [line("GetObject"), line("PutObject", client="APN/1.0 HashiCorp/1.0 Terraform/1.11.4"), line("X", client="")]
    )
    assert (seen.calls, seen.by_client) == (3, {"glue": 1, "terraform": 1, "other": 1})


def test_the_meter_reads_on_from_where_it_stood_and_leaves_half_lines(tmp_path):
    log = tmp_path / "requests.jsonl"
    log.write_text(json.dumps(line("Before")) + "\n")
    meter = Meter(log)
    with log.open("a") as out:
        out.write(json.dumps(line("First")) + "\n" + '{"service": "s3", "oper')
    assert meter.read().by_operation == {"s3:First": 1}
    with log.open("a") as out:
        out.write('ation": "Second", "client": ""}\n')
    assert meter.read().by_operation == {"s3:Second": 1}
    assert meter.read().calls == 0


def test_no_log_yet_is_no_usage(tmp_path):
    assert Meter(tmp_path / "none").read().calls == 0
