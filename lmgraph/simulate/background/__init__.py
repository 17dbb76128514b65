"""Everything that is no attack, day by day."""

from __future__ import annotations

from lmgraph.simulate.background import administration, deployment, errands, jobs, machines, people
from lmgraph.simulate.times import moment
from lmgraph.simulate.world import World


def write(world: World, day: int) -> None:
    """The background of one day; the ledger learns of it."""
    machines.begin(world, day)
    people.write(world, day)
    administration.write(world, day)
    errands.write(world, day)
    deployment.write(world, day)
    jobs.write(world, day)
    machines.write(world, day)
    world.ledger.forget(moment(day, 0))
