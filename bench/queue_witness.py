"""What became of each job, from AWS's own records: the table's stream, SageMaker's list, the access log, S3."""

from __future__ import annotations

import json
import time
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

from bench.queue_estate import Estate

TERMINAL = frozenset({"Completed", "Failed", "Stopped"})
LISTS = frozenset({"ListTrainingJobs", "ListProcessingJobs", "ListHyperParameterTuningJobs"})
MOST_LISTS = 2  # a second
WRITES = 3  # of a job's life: put, claimed, ended
SHOWN = 20  # violations of a kind
Changes = Mapping[str, list[tuple[str, int]]]  # by job: each written status, and the attempt


def calm(estate: Estate) -> dict[str, Any]:
    """Return what jobs cost on a good day; under `violations` any description, and jobs of more or fewer writes."""
    lines = requests(estate)
    changes = history(estate)
    writes = Counter(len(found) for found in changes.values())
    described = sum(1 for line in lines if line["service"] == "sagemaker" and line["operation"].startswith("Describe"))
    violations = [f"{count} jobs cost {number} writes" for number, count in writes.items() if number != WRITES]
    violations += [f"{described} descriptions on a good day"] if described else []
    return {
        "jobs": len(changes),
        "ended": dict(Counter(found[-1][0] for found in changes.values())),
        "writes": dict(writes),
        "descriptions": described,
        "violations": violations,
    }


def testify(estate: Estate, wanted: Mapping[str, str]) -> dict[str, Any]:
    """Return counts, and under `violations` a sentence for each thing that must not have happened."""
    everything = history(estate)
    changes = {job: found for job, found in everything.items() if job in wanted}
    lines = requests(estate)
    made = created(estate)
    lists = busiest_second(lines)
    records = stored(estate, str(estate.queue["history_prefix"]))
    writes = Counter(len(changes[job]) - 2 * (changes[job][-1][1] - 1) for job in changes)
    violations = [
        *judged(changes, wanted),
        *launched(everything, made, accepted(lines)),
        *([f"{lists} list calls within one second"] if lists > MOST_LISTS else []),
        *(f"{job} has no history record" for job in sorted(set(wanted) - records)[:SHOWN]),
    ]
    return {
        "ended": dict(Counter(changes[job][-1][0] for job in changes)),
        "attempts": dict(sorted(Counter(changes[job][-1][1] for job in changes).items())),
        "writes": dict(sorted(Counter(len(found) for found in changes.values()).items())),
        "writes_beyond_two_for_each_further_attempt": dict(sorted(writes.items())),
        "calls": dict(calls(lines).most_common()),
        "most_lists_a_second": lists,
        "launches": accepted(lines),
        "history_records": len(records & set(wanted)),
        "violations": violations,
    }


def judged(changes: Changes, wanted: Mapping[str, str]) -> list[str]:
    """Return what is wrong with the lives of jobs: lost, ended twice, ended otherwise than its program does."""
    found = [f"{job} was lost" for job in sorted(set(wanted) - set(changes))[:SHOWN]]
    for job, end in wanted.items():
        states = [state for state, _ in changes.get(job, [])]
        ends = [state for state in states if state in TERMINAL]
        if len(ends) != 1 or states[-1] not in TERMINAL:
            found.append(f"{job} ended {len(ends)} times: {' '.join(states)}")
        elif ends[0] != end:
            found.append(f"{job} is {ends[0]}, its program ends {end}")
    return found


def launched(changes: Changes, made: Collection[str], accepted: int) -> list[str]:
    """Return what is wrong with launches: each attempt of a job has exactly one SageMaker job, and no other exists.

    SageMaker gives each name out once; so no attempt was launched twice when it accepted no more than there are names.
    """
    names = {f"{job}-{attempt}" for job, found in changes.items() for attempt in range(1, found[-1][1] + 1)}
    return [
        *(f"{name} was never launched" for name in sorted(names - set(made))),
        *(f"{name} was launched for no attempt" for name in sorted(set(made) - names)),
        *([f"{accepted} launches for {len(made)} names"] if accepted > len(made) else []),
    ]


def history(estate: Estate) -> Changes:
    """Return each job's written states in their order, from the table's stream: every write that changed an item."""
    streams = estate.client("dynamodbstreams")
    (stream,) = streams.list_streams(TableName=estate.queue["table"])["Streams"]
    found: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for shard in streams.describe_stream(StreamArn=stream["StreamArn"])["StreamDescription"]["Shards"]:
        start = streams.get_shard_iterator(
            StreamArn=stream["StreamArn"], ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )
        iterator = start["ShardIterator"]
        while iterator:
            page = streams.get_records(ShardIterator=iterator, Limit=1000)
            for record in page["Records"]:
                image = record["dynamodb"].get("NewImage")
                if image and not image["JobId"]["S"].startswith("_"):
                    state = (image["JobStatus"]["S"], int(image.get("attempt", {"N": "0"})["N"]))
                    found[image["JobId"]["S"]].append(state)
            iterator = page.get("NextShardIterator") if page["Records"] else None
    return found


def created(estate: Estate) -> set[str]:
    """Return the names of all training jobs that SageMaker has, at the pace of its lists."""
    sagemaker = estate.client("sagemaker")
    found: set[str] = set()
    more: dict[str, str] = {}
    while True:
        page = sagemaker.list_training_jobs(MaxResults=100, **more)
        found |= {one["TrainingJobName"] for one in page["TrainingJobSummaries"]}
        if not page.get("NextToken"):
            return found
        more = {"NextToken": page["NextToken"]}
        time.sleep(1 / MOST_LISTS + 0.1)


def accepted(lines: Iterable[Mapping[str, Any]]) -> int:
    """Return how many CreateTrainingJob SageMaker answered well."""
    return sum(1 for line in lines if line["operation"] == "CreateTrainingJob" and int(line["status"]) == 200)


def requests(estate: Estate) -> list[dict[str, Any]]:
    """Return the requests of the queue's functions, from the access log."""
    functions = f":assumed-role/{estate.queue['name']}-"
    with estate.requests.open() as log:
        return [line for line in map(json.loads, log) if functions in str(line.get("principal"))]


def calls(lines: Iterable[Mapping[str, Any]]) -> Counter[str]:
    """Return calls by operation."""
    return Counter(f"{line['service']}:{line['operation']}" for line in lines)


def busiest_second(lines: Iterable[Mapping[str, Any]]) -> int:
    """Return the most list calls of SageMaker within any one second."""
    times = sorted(datetime.fromisoformat(line["time"]).timestamp() for line in lines if line["operation"] in LISTS)
    most = first = 0
    for last, moment in enumerate(times):
        while moment - times[first] >= 1:
            first += 1
        most = max(most, last - first + 1)
    return most


def stored(estate: Estate, prefix: str) -> set[str]:
    """Return the jobs that have a history record in the artifact store."""
    bucket = json.loads(_parameter(estate))["artifact_bucket"]
    pages = estate.client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    keys = [entry["Key"] for page in pages for entry in page.get("Contents", [])]
    return {key.rpartition("/")[2].removesuffix(".json") for key in keys}


def _parameter(estate: Estate) -> str:
    return str(estate.client("ssm").get_parameter(Name="/slipway/dev/foundation")["Parameter"]["Value"])
