"""boto3 and the AWS CLI, used as they are, on every operation of Step Functions that the stack serves.

Called with the endpoint's URL, by local/stack/tests/boto.rs and by hand:

    python3 local/stack/tests/boto/stepfunctions.py http://127.0.0.1:4566

Prints one line for each check and ends with 1 when one fails. botocore parses every answer by AWS's own
model of the service, so a field of the wrong type shows here.
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
FAIL = {"StartAt": "No", "States": {"No": {"Type": "Fail", "Error": "Refused", "Cause": "as told"}}}
SLOW = {"StartAt": "Rest", "States": {"Rest": {"Type": "Wait", "Seconds": 3600, "End": True}}}
ASK = {"StartAt": "Ask", "States": {"Ask": {
    "Type": "Task",
    "Resource": "arn:aws:states:::aws-sdk:dynamodb:putItem.waitForTaskToken",
    "HeartbeatSeconds": 600,
    "Parameters": {"TableName": f"boto-{RUN}", "Item": {
        "id": {"S.$": "$$.Execution.Name"}, "token": {"S.$": "$$.Task.Token"}}},
    "End": True}}}

failures = []


def check(what, held, detail=""):
    print(f"{'ok  ' if held else 'FAIL'} {what}{'' if held else f': {detail!r}'}")
    if not held:
        failures.append(what)


def equal(what, found, expected):
    check(what, found == expected, (found, expected))


def refused(what, code, call, **request):
    """The call is refused with this code; gives the message."""
    try:
        answer = call(**request)
    except ClientError as error:
        equal(f"{what} is refused with {code}", error.response["Error"]["Code"], code)
        return error.response["Error"]["Message"]
    check(f"{what} is refused with {code}", False, answer)
    return ""


def create(name, definition, **more):
    body = {"name": f"{name}-{RUN}", "definition": json.dumps(definition), "roleArn": ROLE, **more}
    return sfn.create_state_machine(**body)


def ended(arn):
    """Describes an execution once it has ended."""
    limit = time.monotonic() + 20
    while time.monotonic() < limit:
        about = sfn.describe_execution(executionArn=arn)
        if about["status"] != "RUNNING":
            return about
        time.sleep(0.02)
    raise TimeoutError(arn)


def asked(name):
    """Starts an execution that asks, and gives its ARN and its token."""
    arn = sfn.start_execution(stateMachineArn=ask, name=name)["executionArn"]
    limit = time.monotonic() + 20
    while time.monotonic() < limit:
        found = dynamodb.get_item(TableName=f"boto-{RUN}", Key={"id": {"S": name}}, ConsistentRead=True)
        types = [e["type"] for e in sfn.get_execution_history(executionArn=arn)["events"]]
        if "Item" in found and "TaskSubmitted" in types:
            return arn, found["Item"]["token"]["S"]
        time.sleep(0.02)
    raise TimeoutError(name)


def machines():
    created = create("pass", PASS)
    arn = created["stateMachineArn"]
    equal("CreateStateMachine names the machine", arn, f"{PREFIX}:stateMachine:pass-{RUN}")
    check("its creation date is a time", isinstance(created["creationDate"], datetime.datetime))
    equal("the same again is the same", create("pass", PASS)["creationDate"], created["creationDate"])
    message = refused("another of that name", "StateMachineAlreadyExists", create, name="pass", definition=FAIL)
    equal("in AWS's words", message, f"State Machine Already Exists: '{arn}'")
    refused("a definition without states", "InvalidDefinition", create, name="bad", definition={"StartAt": "A"})
    refused("a name with a space", "InvalidName", create, name="a b", definition=PASS)
    refused("a type that there is not", "ValidationException", create, name="t", definition=PASS, type="QUICK")

    about = sfn.describe_state_machine(stateMachineArn=arn)
    equal("DescribeStateMachine gives the definition", json.loads(about["definition"]), PASS)
    equal("its type and status", (about["type"], about["status"]), ("STANDARD", "ACTIVE"))
    equal("its logging", about["loggingConfiguration"]["level"], "OFF")
    refused("an ARN that is none", "InvalidArn", sfn.describe_state_machine, stateMachineArn="nonsense")
    message = refused("a machine that is not there", "StateMachineDoesNotExist",
                      sfn.describe_state_machine, stateMachineArn=f"{PREFIX}:stateMachine:none")
    equal("in AWS's words", message, f"State Machine Does Not Exist: '{PREFIX}:stateMachine:none'")

    for name in "xyz":
        create(name, PASS)
    pages = sfn.get_paginator("list_state_machines").paginate(PaginationConfig={"PageSize": 2})
    listed = [machine["name"] for page in pages for machine in page["stateMachines"]]
    check("ListStateMachines pages through all", {f"{n}-{RUN}" for n in ["pass", *"xyz"]} <= set(listed), listed)
    refused("a page token that is none", "InvalidToken", sfn.list_state_machines, nextToken="nonsense")

    updated = sfn.update_state_machine(stateMachineArn=arn, definition=json.dumps(FAIL), publish=True,
                                       versionDescription="the first")
    check("UpdateStateMachine makes a revision", updated["revisionId"])
    equal("and publishes it", updated["stateMachineVersionArn"], f"{arn}:1")
    about = sfn.describe_state_machine(stateMachineArn=f"{arn}:1")
    equal("a version is described", (about["description"], json.loads(about["definition"])), ("the first", FAIL))
    refused("an update of nothing", "MissingRequiredParameter", sfn.update_state_machine, stateMachineArn=arn)
    versions = sfn.list_state_machine_versions(stateMachineArn=arn)["stateMachineVersions"]
    equal("ListStateMachineVersions", [v["stateMachineVersionArn"] for v in versions], [f"{arn}:1"])
    again = sfn.publish_state_machine_version(stateMachineArn=arn)
    equal("PublishStateMachineVersion: one revision, one version", again["stateMachineVersionArn"], f"{arn}:1")
    alias = sfn.create_state_machine_alias(name="live", routingConfiguration=[
        {"stateMachineVersionArn": f"{arn}:1", "weight": 100}])["stateMachineAliasArn"]
    equal("CreateStateMachineAlias", alias, f"{arn}:live")
    about = sfn.describe_state_machine_alias(stateMachineAliasArn=alias)
    equal("DescribeStateMachineAlias", about["routingConfiguration"][0]["weight"], 100)
    sfn.update_state_machine_alias(stateMachineAliasArn=alias, description="now")
    about = sfn.describe_state_machine_alias(stateMachineAliasArn=alias)
    equal("UpdateStateMachineAlias", about["description"], "now")
    aliases = sfn.list_state_machine_aliases(stateMachineArn=arn)["stateMachineAliases"]
    equal("ListStateMachineAliases", [a["stateMachineAliasArn"] for a in aliases], [alias])

    refused("a version that an alias leads to", "ConflictException",
            sfn.delete_state_machine_version, stateMachineVersionArn=f"{arn}:1")
    sfn.delete_state_machine_alias(stateMachineAliasArn=alias)
    refused("a deleted alias", "ResourceNotFound", sfn.describe_state_machine_alias, stateMachineAliasArn=alias)
    sfn.delete_state_machine_version(stateMachineVersionArn=f"{arn}:1")
    equal("a deleted version", sfn.list_state_machine_versions(stateMachineArn=arn)["stateMachineVersions"], [])

    judged = sfn.validate_state_machine_definition(definition=json.dumps(PASS))
    equal("ValidateStateMachineDefinition finds nothing", (judged["result"], judged["diagnostics"]), ("OK", []))
    judged = sfn.validate_state_machine_definition(definition='{"StartAt": "A", "States": {}}')
    equal("and says what is wrong", judged["result"], "FAIL")
    check("with a code and a place", judged["diagnostics"][0]["location"] == "/StartAt", judged)

    gone = create("gone", PASS)["stateMachineArn"]
    sfn.delete_state_machine(stateMachineArn=gone)
    refused("a deleted machine", "StateMachineDoesNotExist", sfn.describe_state_machine, stateMachineArn=gone)
    sfn.delete_state_machine(stateMachineArn=gone)
    check("DeleteStateMachine of what is gone is no error", True)


def executions():
    machine = create("say", PASS)["stateMachineArn"]
    begun = sfn.start_execution(stateMachineArn=machine, name="one", input='{"a": 1}')
    arn = begun["executionArn"]
    equal("StartExecution names the execution", arn, f"{PREFIX}:execution:say-{RUN}:one")
    about = ended(arn)
    equal("DescribeExecution", (about["status"], about["output"], about["input"]), ("SUCCEEDED", '"hello"', '{"a": 1}'))
    equal("what is included", (about["inputDetails"], about["outputDetails"]), ({"included": True},) * 2)
    equal("its redrive", (about["redriveCount"], about["redriveStatus"]), (0, "NOT_REDRIVABLE"))
    about = sfn.describe_execution(executionArn=arn, includedData="METADATA_ONLY")
    check("without its data", "input" not in about and "output" not in about, about)
    message = refused("a second one of that name", "ExecutionAlreadyExists", sfn.start_execution,
                      stateMachineArn=machine, name="one", input='{"a": 1}')
    equal("in AWS's words", message, f"Execution Already Exists: '{arn}'")
    refused("an input that is no JSON", "InvalidExecutionInput", sfn.start_execution,
            stateMachineArn=machine, input="{")
    refused("an execution of nobody", "ExecutionDoesNotExist", sfn.describe_execution,
            executionArn=f"{PREFIX}:execution:say-{RUN}:none")
    of = sfn.describe_state_machine_for_execution(executionArn=arn)
    equal("DescribeStateMachineForExecution", json.loads(of["definition"]), PASS)

    slow = create("slow", SLOW)["stateMachineArn"]
    first = sfn.start_execution(stateMachineArn=slow, name="same")
    second = sfn.start_execution(stateMachineArn=slow, name="same")
    equal("StartExecution again while it runs", first["startDate"], second["startDate"])
    stopped = sfn.stop_execution(executionArn=first["executionArn"], error="Enough", cause="by hand")
    about = sfn.describe_execution(executionArn=first["executionArn"])
    equal("StopExecution", (about["status"], about["error"], about["cause"]), ("ABORTED", "Enough", "by hand"))
    equal("its stop date", stopped["stopDate"], about["stopDate"])

    for number in range(4):
        ended(sfn.start_execution(stateMachineArn=machine, name=f"n{number}")["executionArn"])
    pages = sfn.get_paginator("list_executions").paginate(
        stateMachineArn=machine, PaginationConfig={"PageSize": 2})
    names = [e["name"] for page in pages for e in page["executions"]]
    equal("ListExecutions pages, newest first", names, ["n3", "n2", "n1", "n0", "one"])
    running = sfn.list_executions(stateMachineArn=machine, statusFilter="RUNNING")["executions"]
    equal("ListExecutions by status", running, [])
    message = refused("a status that there is not", "ValidationException", sfn.list_executions,
                      stateMachineArn=machine, statusFilter="succeeded")
    check("in AWS's words", message.startswith("1 validation error detected: Value 'succeeded' at 'statusFilter'"))


def histories():
    machine = create("no", FAIL)["stateMachineArn"]
    arn = sfn.start_execution(stateMachineArn=machine, name="one", input='{"a": 1}')["executionArn"]
    equal("a Fail state's error", ended(arn)["error"], "Refused")
    events = sfn.get_execution_history(executionArn=arn)["events"]
    equal("GetExecutionHistory", [e["type"] for e in events],
          ["ExecutionStarted", "FailStateEntered", "ExecutionFailed"])
    equal("ids and previous ids", [(e["id"], e["previousEventId"]) for e in events], [(1, 0), (2, 0), (3, 2)])
    equal("details", events[0]["executionStartedEventDetails"]["input"], '{"a": 1}')
    reverse = sfn.get_execution_history(executionArn=arn, reverseOrder=True, maxResults=1)
    equal("reversed", [e["id"] for e in reverse["events"]], [3])
    pages = sfn.get_paginator("get_execution_history").paginate(
        executionArn=arn, PaginationConfig={"PageSize": 1})
    equal("by pages", [e["id"] for page in pages for e in page["events"]], [1, 2, 3])
    bare = sfn.get_execution_history(executionArn=arn, includeExecutionData=False)["events"]
    check("without its data", "input" not in bare[0]["executionStartedEventDetails"], bare[0])
    refused("too large a page", "ValidationException", sfn.get_execution_history,
            executionArn=arn, maxResults=1001)

    redriven = sfn.redrive_execution(executionArn=arn)
    check("RedriveExecution", isinstance(redriven["redriveDate"], datetime.datetime))
    about = ended(arn)
    equal("it fails again", (about["status"], about["redriveCount"]), ("FAILED", 1))
    say = create("fine", PASS)["stateMachineArn"]
    fine = sfn.start_execution(stateMachineArn=say, name="one")["executionArn"]
    ended(fine)
    refused("a redrive of a success", "ExecutionNotRedrivable", sfn.redrive_execution, executionArn=fine)


def answers():
    arn, token = asked("success")
    equal("SendTaskHeartbeat", sfn.send_task_heartbeat(taskToken=token)["ResponseMetadata"]["HTTPStatusCode"], 200)
    refused("an output that is no JSON", "InvalidOutput", sfn.send_task_success, taskToken=token, output="{")
    sfn.send_task_success(taskToken=token, output='{"approved": true}')
    equal("SendTaskSuccess", json.loads(ended(arn)["output"]), {"approved": True})
    message = refused("a second answer", "TaskTimedOut", sfn.send_task_success, taskToken=token, output="{}")
    equal("in AWS's words", message, "Task Timed Out: 'Provided task does not exist anymore'")
    refused("a heartbeat after the answer", "TaskTimedOut", sfn.send_task_heartbeat, taskToken=token)
    message = refused("a token of nobody", "InvalidToken", sfn.send_task_failure, taskToken="nonsense")
    equal("in AWS's words", message, "Invalid Token: 'Invalid token'")
    arn, token = asked("failure")
    sfn.send_task_failure(taskToken=token, error="Rejected", cause="no")
    about = ended(arn)
    equal("SendTaskFailure", (about["error"], about["cause"]), ("Rejected", "no"))


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
    _, begun, _ = cli("start-execution", "--state-machine-arn", created["stateMachineArn"], "--name", "one")
    ended(begun["executionArn"])
    _, about, _ = cli("describe-execution", "--execution-arn", begun["executionArn"])
    equal("aws describe-execution", about["status"], "SUCCEEDED")
    _, history, _ = cli("get-execution-history", "--execution-arn", begun["executionArn"], "--page-size", "2")
    equal("aws get-execution-history", [e["id"] for e in history["events"]], [1, 2, 3, 4])
    _, listed, _ = cli("list-executions", "--state-machine-arn", created["stateMachineArn"])
    equal("aws list-executions", [e["name"] for e in listed["executions"]], ["one"])
    code, _, error = cli("describe-execution", "--execution-arn", "nonsense")
    check("aws shows a refusal", code == 254 or "InvalidArn" in error, error)


dynamodb.create_table(TableName=f"boto-{RUN}", BillingMode="PAY_PER_REQUEST",
                      AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
                      KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}])
ask = create("ask", ASK)["stateMachineArn"]
for part in (machines, executions, histories, answers, command_line):
    part()
print(f"{len(failures)} failed")
sys.exit(1 if failures else 0)
