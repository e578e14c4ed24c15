"""`aceite validate` judges one landed object now, without events; or a delivery once more."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.options import EXIT_FAILURE, Contracts, Home, Json, UsageProblem, read_uri
from cli.terminal import Terminal

if TYPE_CHECKING:
    from prefect.client.schemas.objects import State

    from acceptance.deliveries.delivery import Delivery
    from blocks.settings import Settings

Target = Annotated[
    str,
    typer.Argument(
        metavar="s3://BUCKET/KEY|DELIVERY",
        help="The landed object; or a delivery that was judged, by its id or the s3:// prefix of its evidence.",
        show_default=False,
    ),
]
Again = Annotated[
    bool, typer.Option("--again", help="Judge a delivery that has a verdict once more, as its next revision.")
]
WithoutPipeline = Annotated[
    bool,
    typer.Option("--without-pipeline", help="With --again: run no step of the pipeline, judge the table as it is."),
]


def validate(
    target: Target,
    again: Again = False,
    without_pipeline: WithoutPipeline = False,
    json: Json = False,
    contracts: Contracts = None,
    home: Home = None,
) -> int:
    """Judge one landed object now, without events.

    A delivery has one verdict: if it was judged before, the last verdict is printed. With --again its pipeline runs
    once more and it gets a new verdict with evidence of its own; the earlier evidence stays. Exit codes as for
    `drop --wait`; 2 also if it could not be judged again.
    """
    _refuse_nonsense(target, again=again, without_pipeline=without_pipeline)
    from cli.serving.connection import connect, refuse_another_account

    settings = connect()
    refuse_another_account(settings)
    from blocks.build import aws_credentials, save_blocks
    from cli.deliveries.addresses import addresses_of
    from cli.verbs.verdicts import exit_code, print_as_json, print_verdicts
    from flows.evidence.repetitions import newest_verdict

    s3 = aws_credentials(settings).get_client("s3")
    delivery = _delivery(s3, settings, target)
    judged, is_made = newest_verdict(s3, settings.evidence_bucket, delivery), True
    if judged is None or again:
        save_blocks(settings)
        is_made = _judge(delivery, again=again, without_pipeline=without_pipeline)
        judged = newest_verdict(s3, settings.evidence_bucket, delivery)
    verdicts = {delivery.id: judged} if judged else {}
    if json:
        print_as_json([delivery], verdicts)
    else:
        print_verdicts([delivery], verdicts, Terminal(), addresses_of(settings))
    return exit_code([delivery], verdicts) if is_made or not again else EXIT_FAILURE


def _refuse_nonsense(target: str, *, again: bool, without_pipeline: bool) -> None:
    if without_pipeline and not again:
        raise UsageProblem("--without-pipeline is for a delivery that is judged again: give --again too")
    if target.startswith("s3://"):
        read_uri(target)
    elif not re.fullmatch(r"[0-9a-f]{20}", target):
        raise UsageProblem(
            f"{target!r} is neither the URI of an S3 object nor the id of a delivery; write s3://bucket/key, or the 20 "
            "digits that `aceite status s3://bucket/key` shows"
        )


def _delivery(s3: Any, settings: Settings, target: str) -> Delivery:
    """Return the delivery that the target names: by its landed object, or by its evidence."""
    from cli.verbs.evidence import prefix_of
    from cli.verbs.landing_files import judged_delivery, landed_delivery
    from flows.installation.current_contracts import usable_contracts

    bucket = settings.evidence_bucket
    if target.startswith("s3://") and not target.startswith(f"s3://{bucket}/"):
        return landed_delivery(s3, *read_uri(target), usable_contracts(settings))
    prefix = prefix_of(s3, bucket, target)
    assert prefix is not None, "the target is an id or an address"
    return judged_delivery(s3, bucket, prefix, usable_contracts(settings))


def _judge(delivery: Delivery, *, again: bool, without_pipeline: bool) -> bool:
    """Run the validation in this process. Return False, and say why, if it ends without a verdict of its own."""
    from acceptance.deliveries.pointer import DeliveryPointer
    from acceptance.judging.judge import Verdict
    from flows.prefect_api.loop import end_loop
    from flows.validate_delivery import validate_delivery

    pointer = DeliveryPointer.to(delivery)
    state: State = validate_delivery(pointer, again=again, without_pipeline=without_pipeline, return_state=True)
    end_loop()
    if (state.name or "").lower() in set(Verdict):
        return True
    said = f"{(state.name or 'no verdict').lower()}: {state.message}"
    Terminal(stderr=True).print(said, style="red", soft_wrap=True)
    return False
