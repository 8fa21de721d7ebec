"""What the database itself refuses of closed rooms, whoever asks: a page, a script, an administrator's console.

recording   no row for a room that is not monitored, and none is moved to another room
seat        no officer's seat in an unmonitored room; a seat never changes its role or its room
room        is as closed as its sitting, never becomes more open, never another's
sitting     never becomes more open
"""

_RANK = (
    "CASE {} WHEN 'monitored' THEN 0 WHEN 'officer_present' THEN 1 WHEN 'visual_only' THEN 2 "
    "WHEN 'unmonitored' THEN 3 ELSE -1 END"
)
_OPENS_UP = f"{_RANK.format('NEW.confidentiality')} < {_RANK.format('OLD.confidentiality')}"

# name, when, table, condition, what is said. `IS DISTINCT FROM` is understood by both databases.
_GUARDS = (
    (
        "recording_of_closed_room",
        "INSERT",
        "recording",
        "EXISTS (SELECT 1 FROM room WHERE room.id = NEW.room_id AND room.confidentiality <> 'monitored')",
        "a closed room is never recorded",
    ),
    (
        "recording_moved",
        "UPDATE",
        "recording",
        "NEW.room_id <> OLD.room_id",
        "a recording belongs to its room",
    ),
    (
        "seat_in_closed_room",
        "INSERT",
        "seat",
        (
            "NEW.role = 'monitor' AND "
            "EXISTS (SELECT 1 FROM room WHERE room.id = NEW.room_id AND room.confidentiality = 'unmonitored')"
        ),
        "there is no officer in an unmonitored room",
    ),
    (
        "seat_moved",
        "UPDATE",
        "seat",
        "NEW.role <> OLD.role OR NEW.room_id <> OLD.room_id",
        "a seat keeps its role and its room",
    ),
    (
        "room_more_open_than_agreed",
        "INSERT",
        "room",
        (
            "EXISTS (SELECT 1 FROM sitting WHERE sitting.id = NEW.sitting_id "
            "AND sitting.confidentiality <> NEW.confidentiality)"
        ),
        "a room is as closed as what was agreed",
    ),
    (
        "room_moved",
        "UPDATE",
        "room",
        "NEW.sitting_id IS DISTINCT FROM OLD.sitting_id OR NEW.booking_id IS DISTINCT FROM OLD.booking_id",
        "a room belongs to what it was opened for",
    ),
    ("room_opens_up", "UPDATE", "room", _OPENS_UP, "a room never becomes more open"),
    ("sitting_opens_up", "UPDATE", "sitting", _OPENS_UP, "a sitting never becomes more open"),
)

SQLITE_TRIGGERS = tuple(
    f"CREATE TRIGGER {name} BEFORE {when} ON {table} WHEN {condition} BEGIN SELECT RAISE(ABORT, '{words}'); END"
    for name, when, table, condition, words in _GUARDS
)


def _postgresql() -> tuple[str, ...]:
    statements = []
    for name, when, table, condition, words in _GUARDS:
        statements += [
            (
                f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS "
                f"$$ BEGIN IF ({condition}) THEN RAISE EXCEPTION '{words}'; END IF; RETURN NEW; END $$"
            ),
            f"CREATE TRIGGER {name} BEFORE {when} ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()",
        ]
    return tuple(statements)


POSTGRESQL_TRIGGERS = _postgresql()
