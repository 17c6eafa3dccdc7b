"""`python -m vatwatch` and the console script. Nothing may be imported before the patching."""

from gevent import monkey

monkey.patch_all()

from vatwatch.cli import main  # noqa: E402

if __name__ == "__main__":
    main()
