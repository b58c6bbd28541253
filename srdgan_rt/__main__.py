"""The program ``srdgan-rt``, also ``python -m srdgan_rt`` where its script is not on the path."""

from srdgan_rt.signals import end_while_loading


def main() -> None:
    """Runs the command line, see :func:`srdgan_rt.cli.main`."""
    end_while_loading()
    from srdgan_rt.cli import main as run

    run()


if __name__ == "__main__":
    main()
