"""Deploys the translated template to moto with CloudFormation, and looks at what exists.

moto creates what it knows and ignores the rest without an error, so its stack status says
nothing: each resource is looked up through its own service. NOT_CREATED lists the types
that moto 5 does not create from a template; the check fails when that list is wrong, in
either direction.

Needs moto and aws-sam-cli (.ci/requirements.txt).
"""

import collections
import io
import json
import os
import re
import sys
import zipfile

os.environ.update(AWS_ACCESS_KEY_ID="local", AWS_SECRET_ACCESS_KEY="local", AWS_DEFAULT_REGION="us-east-1")

import boto3
from moto import mock_aws
from moto.cloudformation.parsing import get_model_map

from stack import ROOT
from translated import BUCKET, REQUIRED, resolve, translate

STACK = "orders"
# The types that moto 5.2 does not create from a template. What they contain is held by
# cfn-lint and by check_template.py.
NOT_CREATED = {
    "AWS::ApiGatewayV2::Api",
    "AWS::ApiGatewayV2::Integration",
    "AWS::ApiGatewayV2::Route",
    "AWS::ApiGatewayV2::Stage",
    "AWS::CloudWatch::Alarm",
    "AWS::CloudWatch::CompositeAlarm",
    "AWS::CodeDeploy::Application",
    "AWS::CodeDeploy::DeploymentGroup",
    "AWS::Cognito::UserPool",
    "AWS::Cognito::UserPoolClient",
    "AWS::Cognito::UserPoolDomain",
    "AWS::Cognito::UserPoolGroup",
    "AWS::Cognito::UserPoolResourceServer",
    "AWS::Lambda::Alias",
    "AWS::Lambda::EventInvokeConfig",
    "AWS::SQS::QueuePolicy",
    "AWS::SecretsManager::Secret",
    "AWS::StepFunctions::StateMachineAlias",
    "AWS::StepFunctions::StateMachineVersion",
}
passed = []


def check(what, ok, detail=""):
    if not ok:
        sys.exit(f"FAILED  {what}: {detail}")
    passed.append(what)
    print(f"ok  {what}", flush=True)


def package():
    """A function's package in S3, which moto reads."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("bootstrap", "")
    return archive.getvalue()


def is_created(one):
    return one["Type"] in get_model_map()


def without(value, absent):
    """Replaces each reference to an absent resource by a name."""
    if isinstance(value, list):
        return [without(item, absent) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get("Ref") in absent and value["Ref"].endswith("Aliaslive"):
        # moto needs the function of a permission to exist.
        base = value["Ref"].removesuffix("Aliaslive")
        return {"Fn::GetAtt": [base, "Arn"]} if base.endswith("Function") else {"Ref": base}
    if value.get("Ref") in absent:
        return f"arn:aws:absent:us-east-1:123456789012:{value['Ref']}"
    if "Fn::GetAtt" in value and value["Fn::GetAtt"][0] in absent:
        return f"arn:aws:absent:us-east-1:123456789012:{value['Fn::GetAtt'][0]}"
    if isinstance(value.get("Fn::Sub"), str):
        name = lambda found: found[1].split(".")[0]
        text = lambda found: name(found) if name(found) in absent else found[0]
        return {"Fn::Sub": re.sub(r"\$\{([^}]+)\}", text, value["Fn::Sub"])}
    return {name: without(item, absent) for name, item in value.items() if name != "DependsOn"}


def deploy(template):
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    for one in template["Resources"].values():
        code = one.get("Properties", {}).get("Code")
        if code:
            s3.put_object(Bucket=code["S3Bucket"], Key=code["S3Key"], Body=package())
    s3.put_object(Bucket=BUCKET, Key="template", Body=json.dumps(template))
    url = f"https://{BUCKET}.s3.amazonaws.com/template"
    cloudformation = boto3.client("cloudformation")
    cloudformation.create_stack(StackName=STACK, TemplateURL=url, Capabilities=["CAPABILITY_IAM"])
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=STACK)
    return {r["LogicalResourceId"]: r for page in pages for r in page["StackResourceSummaries"]}


def properties_by_type(template):
    of = lambda kind: {n: one["Properties"] for n, one in template["Resources"].items() if one["Type"] == kind}
    return of


def check_tables(of, physical):
    dynamodb = boto3.client("dynamodb")
    for name, wanted in of("AWS::DynamoDB::Table").items():
        table = dynamodb.describe_table(TableName=physical(name))["Table"]
        keys = lambda one: [(key["AttributeName"], key["KeyType"]) for key in one["KeySchema"]]
        indexes = lambda one: {i["IndexName"]: (keys(i), i["Projection"]) for i in one.get("GlobalSecondaryIndexes", [])}
        check(f"{name}: keys and indexes", (keys(table), indexes(table)) == (keys(wanted), indexes(wanted)), table)
        check(f"{name}: on demand", table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST")
        check(f"{name}: protection", table["DeletionProtectionEnabled"] is wanted["DeletionProtectionEnabled"])


def check_functions(of, physical):
    functions, roles = boto3.client("lambda"), boto3.client("iam")
    for name, wanted in of("AWS::Lambda::Function").items():
        found = functions.get_function_configuration(FunctionName=physical(name))
        for field in ("Runtime", "Timeout", "MemorySize", "Handler", "Architectures"):
            check(f"{name}: {field}", found[field] == wanted[field], found[field])
        variables = set(found["Environment"]["Variables"])
        check(f"{name}: environment", variables == set(wanted["Environment"]["Variables"]), variables)
        check(f"{name}: tables by name", found["Environment"]["Variables"]["ORDERS_TABLE"] == physical("Orders"))
        published = functions.list_versions_by_function(FunctionName=physical(name))["Versions"]
        check(f"{name}: a version is published", len(published) == 2, published)
    for name, wanted in of("AWS::IAM::Role").items():
        for policy in wanted.get("Policies", []):
            found = roles.get_role_policy(RoleName=physical(name), PolicyName=policy["PolicyName"])
            text = json.dumps(found["PolicyDocument"])
            check(f"{name}: {policy['PolicyName']} names resources", "absent" in text or "arn:" in text, text)


def check_rules(of, physical):
    events = boto3.client("events")
    for name, wanted in of("AWS::Events::Rule").items():
        found = events.describe_rule(Name=physical(name).split("/")[-1].split("|")[-1])
        check(f"{name}: schedule", found.get("ScheduleExpression") == wanted.get("ScheduleExpression"), found)
        if "EventPattern" in wanted:
            machine = json.loads(found["EventPattern"])["detail"]["stateMachineArn"]
            check(f"{name}: of this state machine", machine == [physical("OrderWorkflow")], machine)


def check_others(of, physical):
    machine = boto3.client("stepfunctions").describe_state_machine(stateMachineArn=physical("OrderWorkflow"))
    definition = machine["definition"]
    check("OrderWorkflow: no placeholder is left", "${" not in definition and physical("Orders") in definition, definition)
    # moto names a published version by its logical id.
    called = {one.get("Resource", "") for one in json.loads(definition)["States"].values()}
    published = set(of("AWS::Lambda::Version")) & called
    functions = set(re.findall(r"\$\{\w+FunctionArn\}", (ROOT / "statemachine.asl.json").read_text()))
    check(f"OrderWorkflow: calls {len(functions)} published versions", len(published) == len(functions), called)
    attributes = boto3.client("sqs").get_queue_attributes(QueueUrl=physical("FailedEvents"), AttributeNames=["All"])
    check("FailedEvents: 14 days", attributes["Attributes"]["MessageRetentionPeriod"] == "1209600", attributes)
    subscriptions = boto3.client("sns").list_subscriptions_by_topic(TopicArn=physical("Alarms"))["Subscriptions"]
    seen = [(one["Protocol"], one["Endpoint"]) for one in subscriptions]
    check("Alarms: the e-mail is subscribed", seen == [("email", REQUIRED["AlarmEmail"])], seen)
    groups = {one["logGroupName"]: one for one in boto3.client("logs").describe_log_groups()["logGroups"]}
    for name, wanted in of("AWS::Logs::LogGroup").items():
        found = groups.get(physical(name), {})
        check(f"{name}: retention", found.get("retentionInDays") == wanted["RetentionInDays"], found)


@mock_aws
def main():
    template = resolve(translate(), REQUIRED)
    absent = {name for name, one in template["Resources"].items() if not is_created(one)}
    kinds = {template["Resources"][name]["Type"] for name in absent}
    check("moto creates the types that it is said to create", kinds == NOT_CREATED, kinds ^ NOT_CREATED)
    reduced = {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Resources": {n: without(one, absent) for n, one in template["Resources"].items() if n not in absent},
    }
    # moto does not know DefinitionSubstitutions.
    machine = reduced["Resources"]["OrderWorkflow"]["Properties"]
    machine["DefinitionString"] = {"Fn::Sub": [machine["DefinitionString"], machine.pop("DefinitionSubstitutions")]}
    created = deploy(reduced)
    missing = set(reduced["Resources"]) - set(created)
    check(f"{len(created)} resources exist", not missing, missing)
    of = properties_by_type(reduced)
    physical = lambda name: created[name]["PhysicalResourceId"]
    for look in (check_tables, check_functions, check_rules, check_others):
        look(of, physical)
    counts = collections.Counter(template["Resources"][name]["Type"] for name in absent)
    print("not created by moto: " + ", ".join(f"{n} {kind}" for kind, n in sorted(counts.items())))
    print(f"{len(passed)} passed, 0 failed")


if __name__ == "__main__":
    main()
