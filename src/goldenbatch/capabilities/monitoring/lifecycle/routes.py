"""Routes of the lifecycle: what a plan comes to, its indicators, and the reports that are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from goldenbatch.capabilities.monitoring._answers import GetSite, plain
from goldenbatch.capabilities.monitoring.lifecycle.commands import indicator_rows, summary
from goldenbatch.capabilities.monitoring.lifecycle.plan import read_plan
from goldenbatch.capabilities.monitoring.lifecycle.reading import gather
from goldenbatch.core.errors import BadInputError
from goldenbatch.core.lifecycle_records import LifecycleReportKept

if TYPE_CHECKING:
    from goldenbatch.core.site import Site

MOST_TEXT = 200_000


class PlanForm(BaseModel):
    """A plan as TOML."""

    model_config = ConfigDict(extra="forbid")
    plan: Annotated[str, Field(min_length=1, max_length=MOST_TEXT, pattern=r"^[^\x00]*$")]


def routes(get_site: GetSite) -> APIRouter:
    """The endpoints below `/monitoring`."""
    router = APIRouter(prefix="/lifecycle")

    @router.get("")
    def kept() -> dict[str, Any]:
        """Reports that are kept, newest first, and the products of the plant."""
        site = get_site()
        products = [
            {"code": one.code, "name": one.name,
             "attributes": [each.name for each in one.attributes]}
            for one in site.plant.products
        ]  # fmt: skip
        answer: dict[str, Any] = plain({"reports": reports(site), "products": products})
        return answer

    @router.post("")
    def look(form: PlanForm) -> dict[str, Any]:
        """What the report of a plan would come to now; nothing is kept."""
        site = get_site()
        try:
            form.plan.encode()
        except UnicodeEncodeError as error:
            raise BadInputError("the plan is no Unicode text.", key="plan") from error
        plan = read_plan(form.plan, "plan")
        found = gather(site, plan)
        answer: dict[str, Any] = plain(
            {"summary": summary(found), "indicators": indicator_rows(found),
             "open_findings": found.open_findings, "confirmed_findings": found.confirmed_findings,
             "batches": found.batches}
        )  # fmt: skip
        return answer

    return router


def reports(site: Site) -> list[dict[str, Any]]:
    """Kept reports with who signed them."""
    found = []
    for event in site.ledger.events(kinds=(LifecycleReportKept.kind,)):
        body = event.decode()
        if not isinstance(body, LifecycleReportKept):
            continue
        version = event.envelope.version
        signed = [
            {"by": row["printed_name"], "meaning": row["meaning"]}
            for row in site.ledger.select("signature", {"stream": event.stream})
            if row["signed_version"] == version
        ]
        found.append({
            "product": body.product, "page": body.page, "paper": body.paper, "plan": body.plan,
            "n_qualification": body.n_qualification, "n_verification": body.n_verification,
            "faults": body.faults, "gaps": body.gaps, "reason": body.reason, "upto": body.upto,
            "at": event.envelope.recorded_at, "by": event.envelope.actor, "version": version,
            "stream": event.stream, "record": f"{event.stream}@{version}", "signatures": signed,
            "is_newest": False,
        })  # fmt: skip
    newest = {one["stream"]: one["version"] for one in found}
    for one in found:
        one["is_newest"] = newest[one["stream"]] == one["version"]
    return found[::-1]
