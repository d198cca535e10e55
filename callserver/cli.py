"""The command line: `callserver serve`, `demo`, `check-config`, `user`, `site`, `recording`, `bench`, `drill` …"""

import argparse
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from callserver import __version__, config

EXIT_CONFIG = 2
"""What argparse, too, exits with for a wrong command line."""

Command = Callable[[argparse.Namespace], int]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code."""
    options = build_parser().parse_args(arguments)
    command: Command = options.command
    try:
        return command(options)
    except config.ConfigError as error:
        print("callserver: these settings cannot be used:", file=sys.stderr)
        for problem in error.problems:
            print(f"  {problem}", file=sys.stderr)
        return EXIT_CONFIG
    except KeyboardInterrupt:
        return 130


def build_parser() -> argparse.ArgumentParser:
    """All commands with their help."""
    parser = argparse.ArgumentParser(
        prog="callserver", description="Self-hosted voice and video support calls that survive bad networks."
    )
    parser.add_argument("--version", action="version", version=f"callserver {__version__}")
    parser.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help="settings in TOML (default: callserver.toml in this directory, if it is there)",
    )
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    _add_running(commands)
    _add_accounts(commands)
    check = commands.add_parser(
        "check-config",
        help="show the settings in force, or what is wrong with them",
        description="Read settings as `serve` would and print each with its value; secrets are masked.",
    )
    check.add_argument("--table", action="store_true", help="print all settings with meaning as a Markdown table")
    check.set_defaults(command=_check_config)
    _add_measuring(commands)
    return parser


def _add_measuring(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    names = ("recordings.cli", "bench.cli", "drill.cli", "doctor.cli", "compiled.build")
    for name in (f"callserver.{part}" for part in names):
        if find_spec(name) is not None:
            import_module(name).add_parser(commands)


def _add_running(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    serve = commands.add_parser(
        "serve",
        help="run the server",
        description="Run the control process and the media workers until SIGTERM or Ctrl-C; calls in progress are "
        "given drain_timeout seconds to end.",
    )
    serve.set_defaults(command=_serve)
    demo = commands.add_parser(
        "demo",
        help="run a demo: a store with the button, an agent console, two agents",
        description="Set up a demo site and agents in ./data/demo and serve on http://localhost:8080 and, for phones "
        "on the same network, https on port 8443 with a certificate of its own.",
    )
    demo.add_argument("--port", type=int, default=8080, help="http port on this machine (default: %(default)s)")
    demo.add_argument("--https-port", type=int, default=8443, help="https port for phones (default: %(default)s)")
    demo.add_argument("--data-dir", type=Path, default=Path("data/demo"), help="default: %(default)s")
    demo.set_defaults(command=_demo)
    # Started by `serve`; hidden from the list of commands.
    control = commands.add_parser("control", description="The control process alone, as `serve` starts it.")
    control.set_defaults(command=_control)
    worker = commands.add_parser("worker", description="One media worker, as `serve` starts it.")
    worker.add_argument("--socket", type=Path, required=True, help="Unix socket on which the control process finds it")
    worker.add_argument("--profile", type=Path, metavar="FILE", help="write a cProfile of the worker there at its end")
    worker.set_defaults(command=_worker)


def _add_accounts(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    user = commands.add_parser("user", help="agents who may log in to the console").add_subparsers(
        title="what to do", required=True, metavar="ACTION"
    )
    add = user.add_parser("add", help="add an agent; the password is asked for, or made with --generate")
    add.add_argument("login", help="what the agent types, e.g. an e-mail address")
    add.add_argument("--name", help="shown to customers (default: the login)")
    add.add_argument("--role", choices=("agent", "operator"), default="agent", help="default: %(default)s")
    add.add_argument("--site", action="append", default=[], metavar="ID", help="only this shop's calls; repeatable")
    add.add_argument("--language", action="append", default=[], metavar="TAG", help="speaks it, e.g. de; repeatable")
    add.add_argument("--skill", action="append", default=[], metavar="NAME", help="repeatable")
    add.add_argument("--generate", action="store_true", help="make a password and print it")
    add.set_defaults(command=_account("add_user"))
    user.add_parser("list", help="print all agents").set_defaults(command=_account("list_users"))
    password = user.add_parser("passwd", help="set an agent's password; signs them out everywhere")
    password.add_argument("login")
    password.add_argument("--generate", action="store_true", help="make a password and print it")
    password.set_defaults(command=_account("set_password"))
    site = commands.add_parser("site", help="shops that may show the button").add_subparsers(
        title="what to do", required=True, metavar="ACTION"
    )
    add = site.add_parser("add", help="add a shop; prints its API key and identity secret, this once")
    add.add_argument("id", help="short name in the script tag: letters, digits, - and _")
    add.add_argument("--name", help="shown to customers and agents (default: the id)")
    add.add_argument(
        "--origin", action="append", default=[], metavar="URL", help="e.g. https://shop.example; repeatable"
    )
    add.add_argument("--language", default="en", metavar="TAG", help="default: %(default)s")
    add.set_defaults(command=_account("add_site"))
    change = site.add_parser("set", help="set a shop's recording, consent, retention, music; prints them")
    change.add_argument("id")
    change.add_argument("--recording", choices=("off", "agent", "always"))
    change.add_argument("--consent", choices=("notice", "ask"))
    for name, meaning in (
        ("announce", "say it, too, when a recording begins or a call is held"),
        ("audio-only", "record voices without pictures"),
        ("waiting-music", "music, a word and a ringing tone for customers who wait"),
    ):
        change.add_argument(f"--{name}", choices=("yes", "no"), help=meaning)
    change.add_argument("--retention-days", type=float, metavar="DAYS")
    change.add_argument("--default", action="store_true", help="no policy of its own: as the server's settings say")
    change.set_defaults(command=_account("set_site"))
    site.add_parser("list", help="print all shops").set_defaults(command=_account("list_sites"))


def _account(action: str) -> Command:
    def run(options: argparse.Namespace) -> int:
        from callserver import accounts

        return accounts.run(action, config.load(options.config), options)

    return run


def _serve(options: argparse.Namespace) -> int:
    from callserver.supervise import serve

    return serve(config.load(options.config), options.config)


def _demo(options: argparse.Namespace) -> int:
    from callserver.demo import run

    return run(options)


def _control(options: argparse.Namespace) -> int:
    from callserver.supervise import exit_with_parent

    exit_with_parent()
    settings = config.load(options.config)
    if settings.media.compiled:
        import_module("callserver.compiled").use()
    from callserver.app import run_control

    return run_control(settings, options.config)


def _worker(options: argparse.Namespace) -> int:
    from callserver.supervise import run_worker

    return run_worker(config.load(options.config), options)


def _check_config(options: argparse.Namespace) -> int:
    if options.table:
        print(config.table(), end="")
        return 0
    for option, value in config.shown(config.load(options.config)):
        print(f"{option.name} = {value or '(empty)'}")
    return 0
