"""Compares the roles of the translated template with the policies of template.yaml.

The local stack evaluates the `Policies` of template.yaml (`--enforce-policies`). This
check translates the template with the SAM translator and fails unless each role has
exactly those statements, and beside them only the managed policies listed here.

Needs aws-sam-translator, which aws-sam-cli installs.
"""

import pathlib
import sys
from unittest import mock

from samtranslator.translator.translator import Translator
from samtranslator.parser.parser import Parser
from samtranslator.yaml_helper import yaml_parse

ROOT = pathlib.Path(__file__).resolve().parent.parent
# What the translator attaches by itself: writing logs, and traces where they are on.
# The local stack has neither service.
MANAGED = {
    "service-role/AWSLambdaBasicExecutionRole",
    "AWSXrayWriteOnlyAccess",
    "AWSXRayDaemonWriteAccess",
}
# The statement that it adds for events that a function failed to handle: Lambda sends
# them to the queue in the name of the role, which the local stack does not do.
ADDED = {"sqs:SendMessage"}


def translate(template):
    """Translates the template without calling AWS. Files of code are not uploaded."""
    for resource in template["Resources"].values():
        properties = resource.get("Properties", {})
        if resource["Type"] == "AWS::Serverless::Function":
            properties["CodeUri"] = "s3://bucket/key"
        if resource["Type"] == "AWS::Serverless::StateMachine":
            properties["DefinitionUri"] = "s3://bucket/key"
    with mock.patch("boto3.session.Session.region_name", "us-east-1"):
        translator = Translator(managed_policy_map={}, sam_parser=Parser())
        return translator.translate(template, parameter_values={})


def is_added(document):
    actions = [statement["Action"] for statement in document["Statement"]]
    return all(isinstance(action, str) and action in ADDED for action in actions)


def documents(policies):
    """The policy documents of a resource of template.yaml."""
    return policies if isinstance(policies, list) else [policies] if policies else []


def main():
    text = (ROOT / "template.yaml").read_text()
    source, translated = yaml_parse(text), translate(yaml_parse(text))
    wrong, statements, checked = [], 0, 0
    for name, resource in source["Resources"].items():
        if resource["Type"] not in ("AWS::Serverless::Function", "AWS::Serverless::StateMachine"):
            continue
        checked += 1
        role = translated["Resources"].get(f"{name}Role", {}).get("Properties")
        if role is None:
            wrong.append(f"{name} has no role {name}Role")
            continue
        expected = documents(resource["Properties"].get("Policies"))
        found = [policy["PolicyDocument"] for policy in role.get("Policies", [])]
        found = [document for document in found if not is_added(document)]
        if found != expected:
            wrong.append(f"{name}Role: expected {expected}, found {found}")
        statements += sum(len(document["Statement"]) for document in found)
        for managed in role.get("ManagedPolicyArns", []):
            # An ARN, or `Fn::Sub` of one.
            if str(managed).split(":policy/")[-1].strip("'}") not in MANAGED:
                wrong.append(f"{name}Role has the managed policy {managed}")
    if wrong:
        sys.exit("\n".join(wrong))
    assert checked >= 6, checked
    print(f"{checked} roles with {statements} statements are translated unchanged")


main()
