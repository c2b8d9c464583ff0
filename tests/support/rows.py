"""Invented rows, and pages of them, as the API sends them."""


def user(number, **fields):
    """Return a user."""
    return {
        "id": number,
        "email": f"user{number}@example.org",
        "is_admin": False,
        "display_name": f"User {number}",
        "waiting_room_url": None,
        "created_at": "2026-01-05T09:00:00Z",
        "updated_at": "2026-02-01T09:30:00Z",
        **fields,
    }


def call(number, **fields):
    """Return a call with one participant."""
    return {
        "id": number,
        "name": "Intake visit",
        "livekit_session_id": f"lk-{number}",
        "state": "ended",
        "has_egresses": False,
        "is_recording": False,
        "is_canvas_locked": False,
        "is_ended": True,
        "created_at": "2026-02-03T15:00:00Z",
        "updated_at": "2026-02-03T15:20:00Z",
        "participants": [{"id": number * 10, "participant_type": "Recipient", "name": "Guest One"}],
        **fields,
    }


def egress(number, **fields):
    """Return a recording of a call, with its presigned link."""
    return {
        "id": number,
        "egress_id": f"EG_{number}",
        "status": "egress_ended",
        "error": None,
        "is_stopped": True,
        "ended_at": "2026-02-02T15:44:00Z",
        "created_at": "2026-02-02T15:01:00Z",
        "updated_at": "2026-02-02T15:44:00Z",
        "url": "https://recordings.example.org/secret",
        **fields,
    }


def waiting_room(number, **fields):
    """Return a waiting room of user 11."""
    return {
        "id": number,
        "user_id": 11,
        "slug": f"room-{number}",
        "theme": "ocean",
        "is_active": True,
        "user": {"display_name": "Ada Ferris"},
        "created_at": "2026-01-05T09:00:00Z",
        "updated_at": "2026-01-05T09:00:00Z",
        **fields,
    }


def invite(number, **fields):
    """Return an expired invite. Neither ``roles`` nor ``is_admin`` is set: it depends on the server's version."""
    return {
        "id": number,
        "email": "dee.park@example.org",
        "display_name": None,
        "organization_id": 5,
        "organization_name": "Clinic",
        "expires_at": "2026-03-15T00:00:00Z",
        "used_at": None,
        "created_at": "2026-02-13T00:00:00Z",
        "updated_at": "2026-02-13T00:00:00Z",
        **fields,
    }


def role(number, **fields):
    """Return a role."""
    return {"id": number, "name": "provider", "description": None, **fields}


def daily_figures(**maps):
    """Return the four maps of call metrics, empty unless they are given."""
    names = ("total_calls", "average_duration", "call_fail_rate", "average_wait_time")
    return {name: {} for name in names} | maps


def page_of(rows, query, *, envelope="organization_users", **pagination):
    """Return the body of the page of ``rows`` that the query asks for; ``pagination`` overwrites its counts."""
    page, size = int(query.get("page", 1)), int(query.get("per_page", 25))
    counts = {
        "current_page": page,
        "per_page": size,
        "total_pages": -(-len(rows) // size),
        "total_count": len(rows),
        **pagination,
    }
    return {envelope: rows[(page - 1) * size : page * size], "pagination": counts}
