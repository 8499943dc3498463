"""`loa serve`, `loa worker`, `loa token`, `loa jobs`: the transcoding service."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from loa.commands.command_group import CommandGroup

if TYPE_CHECKING:
    from loa.service.settings import Settings

Config = Annotated[Path | None, typer.Option(help="SERVICE.toml; without it safe defaults.")]
Data = Annotated[Path | None, typer.Option(help="Folder of the service on this host.")]
Trusting = Annotated[
    bool, typer.Option("--without-seccomp", help="Serve although the decoder is not locked in.")
]
AsJson = Annotated[bool, typer.Option("--json", help="JSON Lines.")]
Webhooks = Annotated[
    bool, typer.Option("--webhooks", help="With a new secret that its webhooks are signed with.")
]
Processes = Annotated[int | None, typer.Option(min=1, max=256, help="Workers; one a core.")]

token = CommandGroup(
    "Make, list, rotate and revoke tokens.",
    "loa token create platform --scope submit --scope read",
)
jobs = CommandGroup(
    "Look after the jobs of a service.",
    "loa jobs list --state failed",
)


def _settings(
    config: Path | None, data: Path | None, *, trusting: bool = False, processes: int | None = None
) -> Settings:
    import dataclasses

    from loa.service.settings import load_settings

    settings = load_settings(config, data)
    if trusting:
        settings = dataclasses.replace(settings, require_isolation=False)
    if processes is not None:
        worker = dataclasses.replace(settings.worker, processes=processes)
        settings = dataclasses.replace(settings, worker=worker)
    return settings


def serve(  # noqa: PLR0913, PLR0917 - every option of a command is an argument
    config: Config = None,
    data: Data = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8080,
    ready_file: Annotated[
        Path | None, typer.Option(help="Written when ready: {url, token}.")
    ] = None,
    workers: Processes = None,
    no_workers: Annotated[
        bool, typer.Option("--no-workers", help="Only take jobs in; `loa worker` works them off.")
    ] = False,
    without_seccomp: Trusting = False,
) -> int:
    """Serve the transcoding API, with workers inside; prints where, and the first token once.

    Example: loa serve --port 8080 --data /var/lib/loa
    """
    from loa.service.serving import serve as run

    settings = _settings(config, data, trusting=without_seccomp, processes=workers)
    return run(settings, host, port, ready_file, with_workers=not no_workers)


def worker(
    config: Config = None,
    data: Data = None,
    workers: Processes = None,
    without_seccomp: Trusting = False,
) -> int:
    """Work off the jobs of a service, on this host or any other that shares its two URLs.

    Example: loa worker --config SERVICE.toml
    """
    from loa.service.serving import work

    return work(_settings(config, data, trusting=without_seccomp, processes=workers))


@token.called("create")
def create_token(  # noqa: PLR0913, PLR0917 - typer: every option is one
    owner: Annotated[str, typer.Argument(metavar="OWNER", help="Whose jobs these will be.")],
    scope: Annotated[
        list[str] | None, typer.Option(help="submit, read, manage, admin; may be repeated.")
    ] = None,
    zone: Annotated[list[str] | None, typer.Option(help="Only jobs of these zones.")] = None,
    days: Annotated[float, typer.Option(min=0, help="Good for so long.")] = 365.0,
    limit: Annotated[
        list[str] | None, typer.Option(help="NAME=VALUE, as [limits] in SERVICE.toml.")
    ] = None,
    webhooks: Webhooks = False,
    config: Config = None,
    data: Data = None,
) -> int:
    """Make a token and print it, this once.

    Example: loa token create platform --scope submit --scope read --limit upload_bytes=50000000
    """
    from loa.service.operating import create_token as run

    scopes = tuple(scope or ("submit", "read", "manage"))
    settings, zones = _settings(config, data), tuple(zone or ())
    return run(settings, owner, scopes, zones, days, limit or [], webhooks=webhooks)


@token.called("list")
def list_tokens(config: Config = None, data: Data = None, as_json: AsJson = False) -> int:
    """List the tokens, without their secrets.

    Example: loa token list
    """
    from loa.service.operating import list_tokens as run

    return run(_settings(config, data), as_json=as_json)


@token.called("rotate")
def rotate_token(
    token_id: Annotated[str, typer.Argument(metavar="ID", help="As `loa token list` shows it.")],
    grace_s: Annotated[float, typer.Option(min=0, help="The old one works so long.")] = 3600.0,
    webhooks: Webhooks = False,
    config: Config = None,
    data: Data = None,
) -> int:
    """Print a new token with the rights of an old one, which ends an hour later.

    Example: loa token rotate 4f0c2a9be1d3
    """
    from loa.service.operating import rotate_token as run

    return run(_settings(config, data), token_id, grace_s, webhooks=webhooks)


@token.called("revoke")
def revoke_token(
    token_id: Annotated[str, typer.Argument(metavar="ID", help="As `loa token list` shows it.")],
    config: Config = None,
    data: Data = None,
) -> int:
    """End a token now.

    Example: loa token revoke 4f0c2a9be1d3
    """
    from loa.service.operating import revoke_token as run

    return run(_settings(config, data), token_id)


@jobs.called("list")
def list_jobs(
    state: Annotated[
        str | None, typer.Option(help="queued, running, done, failed, cancelled.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 50,
    config: Config = None,
    data: Data = None,
    as_json: AsJson = False,
) -> int:
    """List jobs, the newest first.

    Example: loa jobs list --state failed
    """
    from loa.service.operating import list_jobs as run

    return run(_settings(config, data), state, limit, as_json=as_json)


@jobs.called("sweep")
def sweep_jobs(config: Config = None, data: Data = None) -> int:
    """Delete now what is older than the retention, and bytes that no job needs.

    Example: loa jobs sweep
    """
    from loa.service.operating import sweep as run

    return run(_settings(config, data))


@jobs.called("backup")
def back_up(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Made, or empty.")],
    config: Config = None,
    data: Data = None,
) -> int:
    """Copy the service into a folder while it runs; `loa serve --data FOLDER` serves the copy.

    Example: loa jobs backup /var/backups/loa-2026-11-24
    """
    from loa.service.operating import back_up as run

    return run(_settings(config, data), folder)


@jobs.called("audit")
def audit_jobs(config: Config = None, data: Data = None) -> int:
    """Check the chain of the audit log; exit code 1 where it is broken.

    Example: loa jobs audit
    """
    from loa.service.operating import check_audit as run

    return run(_settings(config, data))
