"""boto3 and the AWS CLI against the AWS endpoint: Lambda and DynamoDB.

    python3 clients.py URL

The function behind `process-payment` is the probe of these tests.
"""

import json
import subprocess
import sys
import tempfile

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

URL = sys.argv[1]
ACCOUNT = {
    "endpoint_url": URL,
    "region_name": "us-east-1",
    "aws_access_key_id": "any",
    "aws_secret_access_key": "any",
    "config": Config(retries={"total_max_attempts": 1}),
}
ARN = "arn:aws:lambda:us-east-1:000000000000:function:process-payment"


def refused(code, call, **arguments):
    try:
        call(**arguments)
    except ClientError as error:
        assert error.response["Error"]["Code"] == code, error.response
        return error.response
    raise AssertionError(f"{code} was expected")


def lambda_is_served():
    client = boto3.client("lambda", **ACCOUNT)
    for name in ["process-payment", "ProcessPaymentFunction", ARN, ARN + ":live"]:
        answer = client.invoke(FunctionName=name, Payload=b'{"a": 1}')
        assert answer["StatusCode"] == 200, answer
        assert json.load(answer["Payload"]) == {"a": 1}
    versioned = client.invoke(FunctionName="process-payment", Qualifier="1", Payload=b"{}")
    assert versioned["ExecutedVersion"] == "1", versioned

    failed = client.invoke(FunctionName="process-payment", Payload=b'{"do": "fail"}')
    assert (failed["StatusCode"], failed["FunctionError"]) == (200, "Unhandled"), failed
    assert json.load(failed["Payload"])["errorType"] == "Asked"

    event = client.invoke(FunctionName="process-payment", InvocationType="Event", Payload=b"{}")
    assert event["StatusCode"] == 202, event
    dry = client.invoke(FunctionName="process-payment", InvocationType="DryRun", Payload=b"{}")
    assert dry["StatusCode"] == 204, dry
    refused("ResourceNotFoundException", client.invoke, FunctionName="unknown")
    refused("InvalidRequestContentException", client.invoke, FunctionName=ARN, Payload=b"{")


def dynamodb_is_served():
    client = boto3.client("dynamodb", **ACCOUNT)
    key = {"orderId": {"S": "o1"}}
    client.put_item(TableName="Orders", Item={**key, "note": {"S": "grüße"}})
    found = client.get_item(TableName="Orders", Key=key)
    assert found["Item"]["note"] == {"S": "grüße"}, found
    refused(
        "ConditionalCheckFailedException",
        client.put_item,
        TableName="Orders",
        Item=key,
        ConditionExpression="attribute_not_exists(orderId)",
    )
    absent = {"Key": {"sku": {"S": "X"}}, "TableName": "Inventory"}
    check = {"ConditionCheck": {**absent, "ConditionExpression": "attribute_exists(sku)"}}
    answer = refused(
        "TransactionCanceledException",
        client.transact_write_items,
        TransactItems=[{"Put": {"TableName": "Orders", "Item": key}}, check],
    )
    codes = [reason["Code"] for reason in answer["CancellationReasons"]]
    assert codes == ["None", "ConditionalCheckFailed"], answer
    assert client.describe_table(TableName="Orders")["Table"]["TableStatus"] == "ACTIVE"
    refused("ResourceNotFoundException", client.describe_table, TableName="Nowhere")


def cli(*arguments):
    environment = {
        "AWS_ACCESS_KEY_ID": "any",
        "AWS_SECRET_ACCESS_KEY": "any",
        "AWS_DEFAULT_REGION": "us-east-1",
        "PATH": subprocess.os.environ["PATH"],
    }
    command = ["aws", "--endpoint-url", URL, "--output", "json", *arguments]
    ran = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


def the_cli_is_served():
    found = cli("dynamodb", "get-item", "--table-name", "Orders", "--key", '{"orderId": {"S": "o1"}}')
    assert found["Item"]["note"] == {"S": "grüße"}, found
    with tempfile.NamedTemporaryFile() as out:
        payload = ["--payload", '{"do": "fail"}', "--cli-binary-format", "raw-in-base64-out"]
        version = subprocess.run(["aws", "--version"], capture_output=True, text=True, check=True)
        if version.stdout.startswith("aws-cli/1"):
            payload = payload[:2]  # Version 1 takes the payload as it is, and has no such option.
        name = ["--function-name", "process-payment"]
        answer = cli("lambda", "invoke", *name, *payload, out.name)
        assert (answer["StatusCode"], answer["FunctionError"]) == (200, "Unhandled"), answer
        assert json.load(open(out.name, encoding="utf-8"))["errorType"] == "Asked"


lambda_is_served()
dynamodb_is_served()
the_cli_is_served()
print("served")
