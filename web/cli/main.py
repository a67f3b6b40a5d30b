"""The entry point of the console script, and how every command fails: in one line."""

from __future__ import annotations

import gc
import os
import sys
import traceback
from importlib.metadata import version
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from engine.errors import GatewrightError
from web.cli import (
    alert,
    audit,
    batch,
    db,
    demo,
    feed,
    handler,
    house,
    inference,
    instance,
    model,
    monitors,
    process,
    schedule,
    task,
    user,
)

#: shows the whole way to an unexpected error
_TRACEBACK = "GATEWRIGHT_TRACEBACK"


class _Commands(TyperGroup):
    """The commands; an error of theirs is one line on the standard error, and the exit code 1, of the words given 2."""

    def main(self, *args: Any, standalone_mode: bool = True, **extra: Any) -> Any:
        """Run as a program; what is wrong with the words given is told in one line, and not in a box."""
        if not standalone_mode:
            return super().main(*args, standalone_mode=False, **extra)
        try:
            code = super().main(*args, standalone_mode=False, **extra)
        except typer.Abort:
            _tell("[aborted] Nothing was done: the question was not answered with yes.")
            sys.exit(1)
        except Exception as wrong:
            if not hasattr(wrong, "format_message"):
                raise
            if not wrong.format_message():  # no word was given where some are needed: the help says which
                wrong.show()
            else:
                of = wrong.ctx.command_path if getattr(wrong, "ctx", None) else "gatewright"
                _tell(f"[usage] {wrong.format_message().rstrip('.')}. See `{of} --help`.")
            sys.exit(wrong.exit_code)
        sys.exit(code if isinstance(code, int) else 0)

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except GatewrightError as refused:
            _fail(str(refused))
        except BrokenPipeError:
            raise  # whoever read the output has read enough
        except (OSError, UnicodeError) as trouble:
            _fail(f"[system] {trouble}. The file or the address is named above: look whether it is there and yours.")
        except Exception as unexpected:
            if os.environ.get(_TRACEBACK) or type(unexpected).__module__.startswith(("click", "typer")):
                raise
            last = traceback.extract_tb(unexpected.__traceback__)[-1]
            what = " ".join(str(unexpected).split())[:300] or "no word"
            _fail(
                f"[unexpected] {type(unexpected).__name__}: {what} At {last.filename}:{last.lineno}. "
                f"Set {_TRACEBACK}=1 and run it again to see the whole way."
            )


def _fail(line: str) -> None:
    _tell(line)
    raise typer.Exit(1)


def _tell(line: str) -> None:
    typer.echo(" ".join(line.split()), err=True)


app = typer.Typer(
    cls=_Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
for module in (house, demo):
    module.add_to(app)
for name, group in (
    ("db", db.app),
    ("process", process.app),
    ("instance", instance.app),
    ("task", task.app),
    ("model", model.app),
    ("inference", inference.app),
    ("monitor", monitors.app),
    ("batch", batch.app),
    ("schedule", schedule.app),
    ("feed", feed.app),
    ("handler", handler.app),
    ("alert", alert.app),
    ("audit", audit.app),
    ("user", user.app),
):
    app.add_typer(group, name=name)


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"gatewright {version('gatewright')}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def gatewright(
    show_version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Model life cycles drawn as BPMN, executed, gated and proven."""


def refuse_intruder() -> None:
    """End with one line where engine, web and processes do not come from one folder: somebody else took a name."""
    import engine
    import processes
    import web

    homes = {each.__name__: os.path.dirname(os.path.dirname(str(each.__file__))) for each in (engine, processes, web)}
    ours = homes["web"]
    for name, home in homes.items():
        if home != ours:
            _end(f"[intruder] The package `{name}` comes from {home}, and Gatewright lives in {ours}.", home)


def _end(line: str, home: str) -> None:
    print(f"{line} Remove it from the Python path, or run in another folder than {home}.", file=sys.stderr)
    raise SystemExit(1)


def run() -> None:
    """Run the command named on the command line."""
    # What is imported stays: to look for garbage among it time and again takes a seventh of a process's start.
    gc.set_threshold(20_000)
    refuse_intruder()
    app(prog_name="gatewright")
