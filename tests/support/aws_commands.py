"""Commands of AWS's command line, held against AWS's own models without running them. For tests."""

from __future__ import annotations

from botocore import xform_name
from botocore.session import Session


def check_aws_command(command: list[str]) -> None:
    """That it names an operation, its region, all arguments that are required, and none that are unknown."""
    program, *words = command
    assert program == "aws"
    service, name, *arguments = words
    model = Session().get_service_model(service)
    operation = model.operation_model(
        next(each for each in model.operation_names if xform_name(each, "-") == name)
    )
    given = {word.removeprefix("--") for word in arguments if word.startswith("--")} - {"region"}
    known = {xform_name(member, "-"): shape for member, shape in operation.input_shape.members.items()}
    known |= {"type": known["template-type"]} if "template-type" in known else {}
    given = {each if each in known else each.removeprefix("no-") for each in given}
    assert given <= set(known)
    assert {xform_name(each, "-") for each in operation.input_shape.required_members} <= given
    assert "--region" in arguments
