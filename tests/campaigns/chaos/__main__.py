"""`python -m tests.campaigns.chaos`: the whole service under faults, and whether it kept what it promises."""

from __future__ import annotations

import math
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

import click

from infra.local.up import stop_on_sigterm
from tests.campaigns.chaos.disk import enter_namespace
from tests.campaigns.chaos.faults import Schedule
from tests.campaigns.chaos.report import table
from tests.campaigns.chaos.run import Options, run

EXIT_BROKEN = 1


@click.command()
@click.option("--seed", type=int, help="Repeat the load and the schedule of a run; otherwise by chance.")
@click.option("--media", default=200, show_default=True, help="Uploads.")
@click.option("--containers", default=40, show_default=True, help="Containers that they are spread over.")
@click.option("--workers", default=3, show_default=True)
@click.option("--over-s", default=110.0, show_default=True, help="Seconds from the first upload to the last.")
@click.option("--lease-s", default=6, show_default=True)
@click.option("--kill-every-s", type=(float, float), default=(8.0, 15.0), show_default=True)
@click.option("--freeze-every-s", type=(float, float), default=(15.0, 25.0), show_default=True)
@click.option("--outages", default=2, show_default=True, help="Restarts of storage.")
@click.option("--outage-every-s", type=(float, float), default=(30.0, 50.0), show_default=True)
@click.option("--web-restart-every-s", type=(float, float), default=(35.0, 50.0), show_default=True)
@click.option("--disk-full-every-s", type=(float, float), default=(25.0, 35.0), show_default=True)
@click.option("--child-kill-every-s", type=(float, float), default=(6.0, 12.0), show_default=True)
@click.option("--web-kill-every-s", type=(float, float), default=(30.0, 45.0), show_default=True)
@click.option("--hostile-every-s", type=(float, float), default=(4.0, 8.0), show_default=True)
@click.option("--storm-every-s", type=(float, float), default=(6.0, 12.0), show_default=True)
@click.option("--storm-s", type=(float, float), default=(2.0, 4.0), show_default=True, help="Length of a storm.")
@click.option("--storm-share", default=0.25, show_default=True, help="Share of storage's answers that it spoils.")
@click.option("--clock-step-every-s", type=(float, float), default=(8.0, 15.0), show_default=True)
@click.option("--each-at-most", default=0, help="So many faults of each kind; 0: as long as there is work.")
@click.option("--engine-faults", default=0.02, show_default=True, help="Share of runs that end in each fault.")
@click.option("--within-s", default=600.0, show_default=True, help="Seconds after which it has failed.")
def main(
    seed: int | None,
    media: int,
    containers: int,
    workers: int,
    over_s: float,
    lease_s: int,
    kill_every_s: tuple[float, float],
    freeze_every_s: tuple[float, float],
    outages: int,
    outage_every_s: tuple[float, float],
    web_restart_every_s: tuple[float, float],
    disk_full_every_s: tuple[float, float],
    child_kill_every_s: tuple[float, float],
    web_kill_every_s: tuple[float, float],
    hostile_every_s: tuple[float, float],
    storm_every_s: tuple[float, float],
    storm_s: tuple[float, float],
    storm_share: float,
    clock_step_every_s: tuple[float, float],
    each_at_most: int,
    engine_faults: float,
    within_s: float,
) -> None:
    """Upload media while everything that can fail does, and check at the end that nothing was lost or doubled.

    The seed decides the load and the schedule of the faults; what they meet is up to the machine.
    The exit code is 1 if a guarantee was broken; then the run's folder is kept, with every part's log.
    """
    stop_on_sigterm()
    own_mounts = enter_namespace(sys.argv[1:])
    seed = random.SystemRandom().randrange(2**32) if seed is None else seed
    schedule = Schedule(
        most=each_at_most or math.inf,
        kills=kill_every_s,
        freezes=freeze_every_s,
        freeze_s=(lease_s * 1.3, lease_s * 2),
        outages=outages,
        outages_apart=outage_every_s,
        outage_s=(2.0, lease_s + 2.0),
        web_restarts_apart=web_restart_every_s,
        disk_full=disk_full_every_s,
        disk_full_s=(4.0, 10.0),
        child_kills=child_kill_every_s,
        web_kills=web_kill_every_s,
        hostile=hostile_every_s,
        storms=storm_every_s,
        storm_s=storm_s,
        storm_share=storm_share,
        clock_steps=clock_step_every_s,
        full_worker=0 if own_mounts else None,
    )
    options = Options(
        seed=seed,
        media=media,
        containers=containers,
        workers=workers,
        over_s=over_s,
        lease_s=lease_s,
        engine_faults=engine_faults,
        engine_time_limit_s=10.0,
        within_s=within_s,
        schedule=schedule,
    )
    click.echo(f"seed {seed}")
    run_folder = Path(tempfile.mkdtemp(prefix="chaos-"))
    began = time.monotonic()
    outcome = run(options, run_folder, lambda text: click.echo(f"{time.monotonic() - began:6.0f} s  {text}"))
    click.echo(f"\n{table(outcome)}")
    if outcome.broken:
        click.echo(f"\nbroken, with seed {seed}; every part's log is in {run_folder / 'logs'}")
        sys.exit(EXIT_BROKEN)
    shutil.rmtree(run_folder, ignore_errors=True)
    click.echo(f"\nevery guarantee was kept, with seed {seed}")


if __name__ == "__main__":
    main()
