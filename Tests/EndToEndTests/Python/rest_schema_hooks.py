"""What schemathesis does beside its own rules in rest_schema.py."""

import re

import schemathesis


@schemathesis.hook
def before_call(context, case, kwargs):
    """Makes a valid timeout one that no call exceeds: 504 is what the others are to be answered, and no failure."""
    timeout = (case.headers or {}).get("Grpc-Timeout")
    if isinstance(timeout, str) and re.fullmatch("[0-9]{1,8}[HMSmun]", timeout):
        case.headers["Grpc-Timeout"] = "20S"
