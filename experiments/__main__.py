"""`python -m experiments`: see `experiments.command`."""

if __name__ == "__main__":
    try:
        from experiments.command import main  # imports matplotlib now, not after an experiment has run for a minute
    except ModuleNotFoundError as error:
        missing = str(error.name).split(".")[0]
        raise SystemExit(f"{missing} is not installed: pip install 'sampledsoftmax[cli,plot]'") from None
    main(prog_name="python -m experiments")
