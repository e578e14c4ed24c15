"""An EventBridge whose rules also call Lambda functions and start state machines."""

import json
import uuid
from copy import copy
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from moto.awslambda.models import lambda_backends
from moto.events import urls
from moto.events.models import EventsBackend, Rule
from moto.stepfunctions.responses import get_backend


class StartingRule(Rule):
    """A rule that also knows the targets that moto lacks. They get the whole event, or the constant of the target."""

    def send_to_targets(self, original_event: Any, transform_input: bool = True) -> None:
        if self.state == "DISABLED":
            return
        ours = {each["Id"]: _STARTS.get(each["Arn"].split(":")[2]) for each in self.targets}
        others = copy(self)
        others.targets = [each for each in self.targets if ours[each["Id"]] is None]
        Rule.send_to_targets(others, original_event, transform_input)
        if not self.event_pattern.matches_event(original_event):
            return
        time = datetime.fromtimestamp(float(original_event["time"]), UTC)
        event = json.dumps({**original_event, "time": f"{time:%Y-%m-%dT%H:%M:%SZ}"})
        for target in self.targets:
            if start := ours[target["Id"]]:
                start(self, target["Arn"], target.get("Input") or event)


def _call(rule: Rule, arn: str, event: str) -> None:
    function = lambda_backends[rule.account_id][rule.region_name].get_function(arn)
    function.invoke(event, {"X-Amz-Invocation-Type": "Event"}, {})


def _start(rule: Rule, arn: str, event: str) -> None:
    name = f"{json.loads(event).get('id', 'constant')}_{uuid.uuid4()}"
    get_backend(rule.account_id, rule.region_name).start_execution(arn, name, event)


_STARTS = {"lambda": _call, "states": _start}
"""The start of a target by a rule, by the service in its ARN."""


class StartingEvents(EventsBackend):
    def put_rule(self, *described: Any, **more: Any) -> Rule:
        rule = super().put_rule(*described, **more)
        # moto fixes the class where it makes the rule; this is the same object with another `send_to_targets`.
        rule.__class__ = StartingRule
        return rule

    @property
    def _url_module(self) -> Any:
        return SimpleNamespace(url_bases=urls.url_bases, url_paths=urls.url_paths)
