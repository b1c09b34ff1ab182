"""`python -m experiments`: see `experiments.command`."""

if __name__ == "__main__":
    try:
        import matplotlib  # noqa: F401 - before an experiment has run for a minute

        from experiments.command import main
    except ModuleNotFoundError as error:
        raise SystemExit(f"{error.name} is not installed: pip install 'sampledsoftmax[cli,plot]'") from None
    main(prog_name="python -m experiments")
