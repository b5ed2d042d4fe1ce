"""Checks every Step Functions operation of the stack with unmodified boto3 and the AWS CLI.

local/stack/tests/boto.rs runs it with the endpoint's URL. To run it by hand:

    python3 local/stack/tests/boto/stepfunctions.py http://127.0.0.1:4566

Prints one line per check and exits with 1 if a check fails. botocore parses every response with AWS's own
model of the service, so a field of the wrong type fails a check.
"""
import datetime
import json
import os
import shutil
import subprocess
import sys
import time
import uuid

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

ENDPOINT = sys.argv[1]
PREFIX = "arn:aws:states:us-east-1:000000000000"
ROLE = "arn:aws:iam::000000000000:role/any"
RUN = uuid.uuid4().hex[:8]
SETTINGS = {"endpoint_url": ENDPOINT, "region_name": "us-east-1",
            "aws_access_key_id": "any", "aws_secret_access_key": "any"}
sfn = boto3.client("stepfunctions", config=Config(retries={"total_max_attempts": 1}), **SETTINGS)
dynamodb = boto3.client("dynamodb", **SETTINGS)

PASS = {"StartAt": "Say", "States": {"Say": {"Type": "Pass", "Result": "hello", "End": True}}}
FAIL = {"StartAt": "No", "States": {"No": {"Type": "Fail", "Error": "Refused", "Cause": "because"}}}
SLOW = {"StartAt": "Rest", "States": {"Rest": {"Type": "Wait", "Seconds": 3600, "End": True}}}
WAIT_FOR_TOKEN = {"StartAt": "Wait", "States": {"Wait": {
    "Type": "Task",
    "Resource": "arn:aws:states:::aws-sdk:dynamodb:putItem.waitForTaskToken",
    "HeartbeatSeconds": 600,
    "Parameters": {"TableName": f"boto-{RUN}", "Item": {
        "id": {"S.$": "$$.Execution.Name"}, "token": {"S.$": "$$.Task.Token"}}},
    "End": True}}}

failures = []


def check(name, passed, detail=""):
    print(f"{'ok  ' if passed else 'FAIL'} {name}{'' if passed else f': {detail!r}'}")
    if not passed:
        failures.append(name)


def equal(name, actual, expected):
    check(name, actual == expected, (actual, expected))


def rejected(name, code, call, /, **request):
    """Checks that the call fails with this code; returns the message."""
    try:
        response = call(**request)
    except ClientError as error:
        equal(f"{name} is rejected with {code}", error.response["Error"]["Code"], code)
        return error.response["Error"]["Message"]
    check(f"{name} is rejected with {code}", False, response)
    return ""


def create(name, definition, **more):
    body = {"name": f"{name}-{RUN}", "definition": json.dumps(definition), "roleArn": ROLE, **more}
    return sfn.create_state_machine(**body)


def ended(arn):
    """Waits for the end of an execution and returns its description."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        description = sfn.describe_execution(executionArn=arn)
        if description["status"] != "RUNNING":
            return description
        time.sleep(0.02)
    raise TimeoutError(arn)


def start_waiting(name):
    """Starts an execution that waits for its task token; returns its ARN and the token."""
    arn = sfn.start_execution(stateMachineArn=waiting_machine, name=name)["executionArn"]
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        found = dynamodb.get_item(TableName=f"boto-{RUN}", Key={"id": {"S": name}}, ConsistentRead=True)
        types = [e["type"] for e in sfn.get_execution_history(executionArn=arn)["events"]]
        if "Item" in found and "TaskSubmitted" in types:
            return arn, found["Item"]["token"]["S"]
        time.sleep(0.02)
    raise TimeoutError(name)


def state_machines():
    created = create("pass", PASS)
    arn = created["stateMachineArn"]
    equal("CreateStateMachine returns the ARN", arn, f"{PREFIX}:stateMachine:pass-{RUN}")
    check("the creation date is a time", isinstance(created["creationDate"], datetime.datetime))
    equal("a repeated request succeeds", create("pass", PASS)["creationDate"], created["creationDate"])
    message = rejected("a different state machine of that name", "StateMachineAlreadyExists",
                       create, name="pass", definition=FAIL)
    equal("with AWS's message", message, f"State Machine Already Exists: '{arn}'")
    rejected("a definition without states", "InvalidDefinition", create, name="bad", definition={"StartAt": "A"})
    rejected("a name with a space", "InvalidName", create, name="a b", definition=PASS)
    rejected("an unknown type", "ValidationException", create, name="t", definition=PASS, type="QUICK")

    description = sfn.describe_state_machine(stateMachineArn=arn)
    equal("DescribeStateMachine returns the definition", json.loads(description["definition"]), PASS)
    equal("type and status", (description["type"], description["status"]), ("STANDARD", "ACTIVE"))
    equal("logging configuration", description["loggingConfiguration"]["level"], "OFF")
    rejected("an invalid ARN", "InvalidArn", sfn.describe_state_machine, stateMachineArn="nonsense")
    message = rejected("an unknown state machine", "StateMachineDoesNotExist",
                      sfn.describe_state_machine, stateMachineArn=f"{PREFIX}:stateMachine:none")
    equal("with AWS's message", message, f"State Machine Does Not Exist: '{PREFIX}:stateMachine:none'")

    for name in "xyz":
        create(name, PASS)
    pages = sfn.get_paginator("list_state_machines").paginate(PaginationConfig={"PageSize": 2})
    listed = [machine["name"] for page in pages for machine in page["stateMachines"]]
    check("ListStateMachines returns all in pages", {f"{n}-{RUN}" for n in ["pass", *"xyz"]} <= set(listed), listed)
    rejected("an invalid page token", "InvalidToken", sfn.list_state_machines, nextToken="nonsense")

    updated = sfn.update_state_machine(stateMachineArn=arn, definition=json.dumps(FAIL), publish=True,
                                       versionDescription="the first")
    check("UpdateStateMachine creates a revision", updated["revisionId"])
    equal("and publishes a version", updated["stateMachineVersionArn"], f"{arn}:1")
    description = sfn.describe_state_machine(stateMachineArn=f"{arn}:1")
    equal("DescribeStateMachine of a version",
          (description["description"], json.loads(description["definition"])), ("the first", FAIL))
    rejected("an empty update", "MissingRequiredParameter", sfn.update_state_machine, stateMachineArn=arn)
    versions = sfn.list_state_machine_versions(stateMachineArn=arn)["stateMachineVersions"]
    equal("ListStateMachineVersions", [v["stateMachineVersionArn"] for v in versions], [f"{arn}:1"])
    repeated = sfn.publish_state_machine_version(stateMachineArn=arn)
    equal("PublishStateMachineVersion: one revision, one version", repeated["stateMachineVersionArn"], f"{arn}:1")
    alias = sfn.create_state_machine_alias(name="live", routingConfiguration=[
        {"stateMachineVersionArn": f"{arn}:1", "weight": 100}])["stateMachineAliasArn"]
    equal("CreateStateMachineAlias", alias, f"{arn}:live")
    description = sfn.describe_state_machine_alias(stateMachineAliasArn=alias)
    equal("DescribeStateMachineAlias", description["routingConfiguration"][0]["weight"], 100)
    sfn.update_state_machine_alias(stateMachineAliasArn=alias, description="now")
    description = sfn.describe_state_machine_alias(stateMachineAliasArn=alias)
    equal("UpdateStateMachineAlias", description["description"], "now")
    aliases = sfn.list_state_machine_aliases(stateMachineArn=arn)["stateMachineAliases"]
    equal("ListStateMachineAliases", [a["stateMachineAliasArn"] for a in aliases], [alias])

    rejected("deleting a version that an alias routes to", "ConflictException",
            sfn.delete_state_machine_version, stateMachineVersionArn=f"{arn}:1")
    sfn.delete_state_machine_alias(stateMachineAliasArn=alias)
    rejected("a deleted alias", "ResourceNotFound", sfn.describe_state_machine_alias, stateMachineAliasArn=alias)
    sfn.delete_state_machine_version(stateMachineVersionArn=f"{arn}:1")
    equal("a deleted version", sfn.list_state_machine_versions(stateMachineArn=arn)["stateMachineVersions"], [])

    result = sfn.validate_state_machine_definition(definition=json.dumps(PASS))
    equal("ValidateStateMachineDefinition accepts a valid definition",
          (result["result"], result["diagnostics"]), ("OK", []))
    result = sfn.validate_state_machine_definition(definition='{"StartAt": "A", "States": {}}')
    equal("and rejects an invalid definition", result["result"], "FAIL")
    check("with a location", result["diagnostics"][0]["location"] == "/StartAt", result)

    gone = create("gone", PASS)["stateMachineArn"]
    sfn.delete_state_machine(stateMachineArn=gone)
    rejected("a deleted machine", "StateMachineDoesNotExist", sfn.describe_state_machine, stateMachineArn=gone)
    sfn.delete_state_machine(stateMachineArn=gone)
    check("deleting a deleted state machine succeeds", True)


def executions():
    machine = create("say", PASS)["stateMachineArn"]
    started = sfn.start_execution(stateMachineArn=machine, name="one", input='{"a": 1}')
    arn = started["executionArn"]
    equal("StartExecution returns the ARN", arn, f"{PREFIX}:execution:say-{RUN}:one")
    description = ended(arn)
    equal("DescribeExecution", (description["status"], description["output"], description["input"]),
          ("SUCCEEDED", '"hello"', '{"a": 1}'))
    equal("inputDetails and outputDetails",
          (description["inputDetails"], description["outputDetails"]), ({"included": True},) * 2)
    equal("redrive count and status",
          (description["redriveCount"], description["redriveStatus"]), (0, "NOT_REDRIVABLE"))
    description = sfn.describe_execution(executionArn=arn, includedData="METADATA_ONLY")
    check("without execution data", "input" not in description and "output" not in description, description)
    message = rejected("a second execution of that name", "ExecutionAlreadyExists", sfn.start_execution,
                      stateMachineArn=machine, name="one", input='{"a": 1}')
    equal("with AWS's message", message, f"Execution Already Exists: '{arn}'")
    rejected("an input that is not JSON", "InvalidExecutionInput", sfn.start_execution,
            stateMachineArn=machine, input="{")
    rejected("an unknown execution", "ExecutionDoesNotExist", sfn.describe_execution,
            executionArn=f"{PREFIX}:execution:say-{RUN}:none")
    description = sfn.describe_state_machine_for_execution(executionArn=arn)
    equal("DescribeStateMachineForExecution", json.loads(description["definition"]), PASS)

    slow = create("slow", SLOW)["stateMachineArn"]
    first = sfn.start_execution(stateMachineArn=slow, name="same")
    second = sfn.start_execution(stateMachineArn=slow, name="same")
    equal("a repeated StartExecution while it runs", first["startDate"], second["startDate"])
    stopped = sfn.stop_execution(executionArn=first["executionArn"], error="Enough", cause="by hand")
    description = sfn.describe_execution(executionArn=first["executionArn"])
    equal("StopExecution", (description["status"], description["error"], description["cause"]),
          ("ABORTED", "Enough", "by hand"))
    equal("the stop date", stopped["stopDate"], description["stopDate"])

    for number in range(4):
        ended(sfn.start_execution(stateMachineArn=machine, name=f"n{number}")["executionArn"])
    pages = sfn.get_paginator("list_executions").paginate(
        stateMachineArn=machine, PaginationConfig={"PageSize": 2})
    names = [e["name"] for page in pages for e in page["executions"]]
    equal("ListExecutions returns pages, newest first", names, ["n3", "n2", "n1", "n0", "one"])
    running = sfn.list_executions(stateMachineArn=machine, statusFilter="RUNNING")["executions"]
    equal("ListExecutions by status", running, [])
    message = rejected("an unknown status", "ValidationException", sfn.list_executions,
                      stateMachineArn=machine, statusFilter="succeeded")
    check("with AWS's message", message.startswith("1 validation error detected: Value 'succeeded' at 'statusFilter'"))


def histories():
    machine = create("no", FAIL)["stateMachineArn"]
    arn = sfn.start_execution(stateMachineArn=machine, name="one", input='{"a": 1}')["executionArn"]
    equal("a Fail state's error", ended(arn)["error"], "Refused")
    events = sfn.get_execution_history(executionArn=arn)["events"]
    equal("GetExecutionHistory", [e["type"] for e in events],
          ["ExecutionStarted", "FailStateEntered", "ExecutionFailed"])
    equal("ids and previous ids", [(e["id"], e["previousEventId"]) for e in events], [(1, 0), (2, 0), (3, 2)])
    equal("event details", events[0]["executionStartedEventDetails"]["input"], '{"a": 1}')
    reverse = sfn.get_execution_history(executionArn=arn, reverseOrder=True, maxResults=1)
    equal("reverse order", [e["id"] for e in reverse["events"]], [3])
    pages = sfn.get_paginator("get_execution_history").paginate(
        executionArn=arn, PaginationConfig={"PageSize": 1})
    equal("in pages", [e["id"] for page in pages for e in page["events"]], [1, 2, 3])
    bare = sfn.get_execution_history(executionArn=arn, includeExecutionData=False)["events"]
    check("without execution data", "input" not in bare[0]["executionStartedEventDetails"], bare[0])
    rejected("a page size over the limit", "ValidationException", sfn.get_execution_history,
            executionArn=arn, maxResults=1001)

    redriven = sfn.redrive_execution(executionArn=arn)
    check("RedriveExecution", isinstance(redriven["redriveDate"], datetime.datetime))
    description = ended(arn)
    equal("the redriven execution fails again", (description["status"], description["redriveCount"]), ("FAILED", 1))
    say = create("fine", PASS)["stateMachineArn"]
    fine = sfn.start_execution(stateMachineArn=say, name="one")["executionArn"]
    ended(fine)
    rejected("redriving a successful execution", "ExecutionNotRedrivable", sfn.redrive_execution, executionArn=fine)


def task_tokens():
    arn, token = start_waiting("success")
    equal("SendTaskHeartbeat", sfn.send_task_heartbeat(taskToken=token)["ResponseMetadata"]["HTTPStatusCode"], 200)
    rejected("an output that is not JSON", "InvalidOutput", sfn.send_task_success, taskToken=token, output="{")
    sfn.send_task_success(taskToken=token, output='{"approved": true}')
    equal("SendTaskSuccess", json.loads(ended(arn)["output"]), {"approved": True})
    message = rejected("a second result", "TaskTimedOut", sfn.send_task_success, taskToken=token, output="{}")
    equal("with AWS's message", message, "Task Timed Out: 'Provided task does not exist anymore'")
    rejected("a heartbeat after the result", "TaskTimedOut", sfn.send_task_heartbeat, taskToken=token)
    message = rejected("an unknown token", "InvalidToken", sfn.send_task_failure, taskToken="nonsense")
    equal("with AWS's message", message, "Invalid Token: 'Invalid token'")
    arn, token = start_waiting("failure")
    sfn.send_task_failure(taskToken=token, error="Rejected", cause="no")
    description = ended(arn)
    equal("SendTaskFailure", (description["error"], description["cause"]), ("Rejected", "no"))


def cli(*arguments):
    environment = {**os.environ, "AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "any",
                   "AWS_DEFAULT_REGION": "us-east-1", "AWS_PAGER": ""}
    command = ["aws", "--endpoint-url", ENDPOINT, "--output", "json", "stepfunctions", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    return done.returncode, json.loads(done.stdout) if done.stdout.strip() else {}, done.stderr


def command_line():
    if shutil.which("aws") is None or subprocess.run(["aws", "--version"], capture_output=True, check=False).returncode:
        print("skipped: the AWS CLI is not installed")
        return
    code, created, _ = cli("create-state-machine", "--name", f"cli-{RUN}", "--definition", json.dumps(PASS),
                           "--role-arn", ROLE)
    equal("aws create-state-machine", code, 0)
    _, started, _ = cli("start-execution", "--state-machine-arn", created["stateMachineArn"], "--name", "one")
    ended(started["executionArn"])
    _, description, _ = cli("describe-execution", "--execution-arn", started["executionArn"])
    equal("aws describe-execution", description["status"], "SUCCEEDED")
    _, history, _ = cli("get-execution-history", "--execution-arn", started["executionArn"], "--page-size", "2")
    equal("aws get-execution-history", [e["id"] for e in history["events"]], [1, 2, 3, 4])
    _, listed, _ = cli("list-executions", "--state-machine-arn", created["stateMachineArn"])
    equal("aws list-executions", [e["name"] for e in listed["executions"]], ["one"])
    code, _, error = cli("describe-execution", "--execution-arn", "nonsense")
    check("aws shows the error", code == 254 or "InvalidArn" in error, error)


dynamodb.create_table(TableName=f"boto-{RUN}", BillingMode="PAY_PER_REQUEST",
                      AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
                      KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}])
waiting_machine = create("token", WAIT_FOR_TOKEN)["stateMachineArn"]
for group in (state_machines, executions, histories, task_tokens, command_line):
    group()
print(f"{len(failures)} failed")
sys.exit(1 if failures else 0)
