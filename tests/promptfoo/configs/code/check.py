LONG = 5


def get_assert(output, context):
    return len(output) > context["vars"]["least"]


def strict(output, context):
    return {"pass": True, "score": min(1, len(output) / (LONG + context["config"]["limit"])), "reason": "length"}
