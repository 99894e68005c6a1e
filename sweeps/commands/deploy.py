"""Files that run terrasweep elsewhere, all of them written from one small file of values."""

import argparse
from pathlib import Path

from terrasweep.sweeps.commands import output
from terrasweep.sweeps.commands.options import shared, with_json

NAME = "deploy"


def add(parser: argparse.ArgumentParser) -> None:
    parts = parser.add_subparsers(dest="part", metavar="render", required=True)
    help_ = "write images, clusters, jobs and MLflow"
    render = parts.add_parser("render", help=help_, description=help_, parents=[shared()])
    render.add_argument(
        "--values", type=Path, required=True, metavar="FILE", help="YAML file of values"
    )
    render.add_argument(
        "--output", type=Path, required=True, metavar="FOLDER", help="folder to write to"
    )
    with_json(render)
    render.set_defaults(part=_render)


def run(args: argparse.Namespace) -> int:
    part: int = args.part(args)
    return part


def _render(args: argparse.Namespace) -> int:
    from terrasweep.infra.deploy import rendering  # local: the parsing of the line stays fast
    from terrasweep.infra.deploy.values import Values
    from terrasweep.sweeps.reading.value_file import read_part

    values = read_part(args.values, Values, called="values of a deployment")
    written = rendering.write(values, args.output)
    if args.json:
        output.as_json([str(path) for path in written])
    else:
        for path in written:
            output.say(str(path))
    return 0
