"""Writes a migration: migrates an empty SQLite file to the head, compares it with the tables, writes the rest."""

import sys
import tempfile
from pathlib import Path

from alembic import command
from sqlalchemy import create_engine

from core import schema


def main(message: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        engine = create_engine(f"sqlite:///{Path(folder) / 'empty.sqlite3'}")
        with engine.begin() as connection:
            config = schema.config(connection)
            command.upgrade(config, "head")
            number = len(list((Path(__file__).parent / "versions").glob("[0-9]*.py"))) + 1
            command.revision(config, message, autogenerate=True, rev_id=f"{number:04}")


if __name__ == "__main__":
    main(" ".join(sys.argv[1:]) or "change")
