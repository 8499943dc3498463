"""What schemathesis may say in a form: texts and files. Loaded by SCHEMATHESIS_HOOKS.

A form has no numbers, lists or null: sent as one, 0 is the text "0" and an empty list nothing at
all, and to accept those is right. So bodies whose fields are of another type are not wrong ones.
"""

import schemathesis

_NOT_OF_A_FORM = (bool, int, float, list, dict, type(None))


@schemathesis.hook
def filter_body(context, body):
    """Keep a body unless it says what a form cannot say."""
    if context.operation.path != "/v1/uploads" or not isinstance(body, dict):
        return True
    return not any(isinstance(value, _NOT_OF_A_FORM) for value in body.values())
