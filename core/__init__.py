"""What every package stands on: settings, database, bus, time, identifiers, errors, log."""
