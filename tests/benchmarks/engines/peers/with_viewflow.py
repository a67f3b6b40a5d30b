# ruff: noqa: E402 - Django is set up before its models are imported
"""Process P in viewflow, without its pages: what a view would do when a person submits it."""

from __future__ import annotations

import sys
from types import ModuleType
from urllib.parse import unquote, urlsplit

import django
from django.conf import settings

from tests.benchmarks.engines.peers import database, serve

parts = urlsplit(database())
query = dict(each.split("=", 1) for each in parts.query.split("&"))
settings.configure(
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "viewflow", "viewflow.workflow", "benchmark"],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": parts.path.lstrip("/"),
            "USER": parts.username,
            "PASSWORD": parts.password,
            "HOST": unquote(query["host"]),
            "CONN_MAX_AGE": None,
        }
    },
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    USE_TZ=True,
    SECRET_KEY="of a benchmark",
)
# viewflow stores a flow by the application and the module in which it stands.
application, flows = ModuleType("benchmark"), ModuleType("benchmark.flows")
application.__path__ = []
application.__file__ = __file__
sys.modules |= {"benchmark": application, "benchmark.flows": flows}
django.setup()

from django.contrib.auth.models import User
from django.core.management import call_command
from viewflow import this
from viewflow.workflow import flow
from viewflow.workflow.flow import Flow
from viewflow.workflow.models import Process, Task


def note(activation) -> None:
    """The service task."""
    activation.process.data = {**(activation.process.data or {}), activation.flow_task.name: {"said": "one"}}
    activation.process.save()


class ProcessP(Flow):
    """Start, service task, user task, exclusive gateway, service task, end."""

    __module__ = "benchmark.flows"
    process_class = Process
    start = flow.StartHandle().Next(this.first)
    first = flow.Function(note).Next(this.decide)
    decide = flow.View(lambda request: None).Next(this.approved)
    approved = (
        flow.If(lambda activation: activation.process.data["decided"] == "approve").Then(this.second).Else(this.refused)
    )
    second = flow.Function(note).Next(this.end)
    end = flow.End()
    refused = flow.End()


flows.ProcessP = ProcessP  # type: ignore[attr-defined]


def one() -> None:
    """Start a P and complete its task."""
    process = ProcessP.start.run()
    process = process if isinstance(process, Process) else process.process
    task = Task.objects.get(process=process, flow_task=ProcessP.decide)
    with task.activation() as activation:
        activation.assign(ada)
        activation.start(None)
        activation.process.data = {**activation.process.data, "decided": "approve"}
        activation.process.save()
        activation.execute()
    process.refresh_from_db()
    assert process.status == "DONE", process.status


if __name__ == "__main__":
    call_command("migrate", verbosity=0)
    ada, _ = User.objects.get_or_create(username="ada")
    serve(one)
