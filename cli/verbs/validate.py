"""`aceite validate` judges one landed object now, without events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cli.options import Contracts, Home, Json, UsageProblem
from cli.terminal import Terminal

if TYPE_CHECKING:
    from acceptance.deliveries.delivery import Delivery


def validate(
    uri: Annotated[str, typer.Argument(metavar="s3://BUCKET/KEY", help="The landed object.", show_default=False)],
    json: Json = False,
    contracts: Contracts = None,
    home: Home = None,
) -> int:
    """Judge one landed object now, without events.

    A delivery has one verdict: if it was judged before, this verdict is printed. Exit codes as for `drop --wait`.
    """
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    if not (uri.startswith("s3://") and bucket and key):
        raise UsageProblem(f"{uri!r} is not the URI of an S3 object; write s3://bucket/key")
    from cli.serving.connection import connect, refuse_another_account

    settings = connect()
    refuse_another_account(settings)
    from blocks.build import aws_credentials, save_blocks
    from cli.verbs.landing_files import landed_delivery
    from cli.verbs.verdicts import exit_code, print_as_json, print_verdicts
    from flows.evidence.verdicts import read_verdict
    from flows.installation.contracts import contracts_of

    s3 = aws_credentials(settings).get_client("s3")
    delivery = landed_delivery(s3, bucket, key, contracts_of(settings))
    judged = read_verdict(s3, settings.evidence_bucket, delivery)
    if judged is None:
        save_blocks(settings)
        _judge(delivery)
        judged = read_verdict(s3, settings.evidence_bucket, delivery)
    verdicts = {delivery.id: judged} if judged else {}
    if json:
        print_as_json([delivery], verdicts)
    else:
        print_verdicts([delivery], verdicts, Terminal(stderr=True))
    return exit_code([delivery], verdicts)


def _judge(delivery: Delivery) -> None:
    """Run the validation in this process, and tell if it refuses the delivery: then there is no verdict."""
    from acceptance.deliveries.pointer import DeliveryPointer
    from flows.judging.states import REFUSED
    from flows.validate_delivery import validate_delivery

    state = validate_delivery(DeliveryPointer.to(delivery), return_state=True)
    if state.name == REFUSED:
        Terminal(stderr=True).print(f"refused: {state.message}", style="red", soft_wrap=True)
