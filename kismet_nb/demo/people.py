"""Invent users, waiting rooms, substitutions, invites and roles.

The module also has the names and the seeded random numbers that calls use.
"""

from __future__ import annotations

import datetime as dt
import random
import re
import unicodedata
from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

__all__ = [
    "CLOSING_TIME",
    "FAMILY_NAMES",
    "FIRST_DAY",
    "GIVEN_NAMES",
    "Record",
    "Staff",
    "invent_invites",
    "invent_roles",
    "invent_users",
    "invent_waiting_room_subs",
    "invent_waiting_rooms",
    "isoformat",
    "seeded_rng",
]

Record = dict[str, Any]  # one JSON object of the API

GIVEN_NAMES = """Aaliyah, Ada, Agnieszka, Aïsha, Amara, Ana Lucía, André, Anh, Anneliese, Arjun, Ayşe, Beatriz, Björn,
Caoimhe, Chloé, Chinedu, Dafydd, Daniela, Darnell, Deepika, Dmitri, Élodie, Emeka, Esther, Fatima, Felipe,
François, Freya, Giulia, Grace, Hana, Håkon, Hector, Imani, Inés, Ioana, Ivy, Jamal, Jean-Luc, Jiří, José, Kaito,
Keoni, Kwame, Laila, Lars, Leilani, Łukasz, Malik, Marisol, Mei, Miriam, Nadia, Noah, Nuala, Olumide, Omar, Padraig,
Priya, Quentin, Rachel, Ravi, Renée, Rosa, Ruth, Saoirse, Søren, Sunita, Tamar, Thandiwe, Tomás, Uchenna, Victor,
Wanjiru, Ximena, Yara, Youssef, Zoë""".replace("\n", " ").split(", ")
FAMILY_NAMES = """Abdullah, Achterberg, Adeyemi, Ahmed, Almeida, Andersson, Balogun, Begum, Bianchi, Brännström,
Castillo, Chen, Choi, Dąbrowski, D'Angelo, de la Cruz, Delgado, Demir, Diaz-Romero, Dubois, Eze, Ferris, Fitzgerald,
Fofana, Gómez, Greenberg, Gutiérrez, Haddad, Hashimoto, Hernández, Horvat, Ibrahim, Iyer, Jansen, Jensen, Johnson,
Kaplan, Kaur, Kealoha, Kim, Kowalczyk, Lefèvre, López, MacDonald, Mbeki, Mensah, Müller, Nakamura, Ng, Nguyễn, Núñez,
O'Connor, O'Malley, Okonkwo, Öztürk, Park, Patel, Peña, Popescu, Quispe, Ramírez, Reyes, Rossi, Saint-Pierre, Santos,
Schröder, Sesay, Silva, Smith-Jones, Sørensen, Tanaka, Thompson, Tran, Vasquez, van der Berg, Weiß, Williams, Wójcik,
Yılmaz, Zając""".replace("\n", " ").split(", ")
# Names that software often handles incorrectly, each with the local part of its address. Every fifth user has one of
# them, until all are used.
_NOTABLE: tuple[tuple[str | None, str], ...] = (
    ("Maria Garcia", "maria.garcia"),
    ("Siobhán O'Brien", "siobhan.o'brien"),
    ("佐藤 由美子", "yumiko.sato"),
    ("محمد الهاشمي", "mohammed.alhashimi"),
    ("=Ops test account", "clinic.ops+test"),  # a spreadsheet treats this as a formula
    ("Наталія Шевченко", "nataliia.shevchenko"),
    ("अनीता शर्मा", "anita.sharma"),
    ("Ελένη Παπαδοπούλου", "eleni.papadopoulou"),
    (None, "front.desk"),
    ("יעל כהן", "yael.cohen"),
    ("Robin Okafor 🌻", "robin.okafor"),
    ('Beatriz "Bia" Moura, LCSW', "bia.moura"),
    ("김민준", "minjun.kim"),
    ("Maria Garcia", "maria.garcia"),
    ("王芳", "fang.wang"),
    ("María del Carmen Inmaculada Concepción Fernández de Córdoba y Bordiú, LMFT (Tuesdays)", "carmen.fernandez"),
    ("Zoe\u0308 Bru\u0308ck", "zoe.bruck"),  # each accent is a separate character
    ("-Locum-", "locum"),
    ("ปิยะ วงศ์สุวรรณ", "piya.wongsuwan"),
    ("Nguyễn Thị Ánh Tuyết", "tuyet.nguyen"),
    ("Null", "christopher.null"),
    ("O’Neill‑Ó Súilleabháin, Máire", "maire.oneill"),
)
FIRST_DAY = dt.datetime(2023, 1, 9, 13, tzinfo=dt.UTC)  # a Monday
CLOSING_TIME = dt.time(20)  # UTC; nothing happens later in the day
_LAST_CHANGE = dt.datetime(2026, 10, 31, tzinfo=dt.UTC)
_HIRING_DAYS = 995  # Mondays to Fridays from FIRST_DAY to _LAST_CHANGE


def seeded_rng(*seed: object) -> random.Random:
    """Return a random number generator with the same numbers for the same seed in every process."""
    return random.Random(repr(seed))  # noqa: S311 - the numbers are no secrets


def isoformat(moment: dt.datetime) -> str:
    """Return a UTC time as the API writes it."""
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def _letters(name: str) -> str:
    """Return a Latin name with only the letters a to z."""
    for letter, plain in (("ø", "o"), ("ł", "l"), ("ß", "ss"), ("ı", "i")):
        name = name.lower().replace(letter, plain)
    return re.sub("[^a-z]", "", unicodedata.normalize("NFKD", name))


def invent_users(count: int) -> Iterator[Record]:
    """Yield the initial users: the same in every process, and more of them later than earlier."""
    rng = seeded_rng("users")
    given = [(name, _letters(name)) for name in GIVEN_NAMES]
    family = [(name, _letters(name)) for name in FAMILY_NAMES]
    notable = iter(_NOTABLE)
    admins = set(rng.sample(range(count), round(count * 0.06)))
    # The API has three forms of a missing waiting room: null, an empty string, and no such field.
    no_room: tuple[Record, ...] = ({"waiting_room_url": None}, {"waiting_room_url": ""}, {})
    without_room = {user: no_room[i % 3] for i, user in enumerate(rng.sample(range(count), round(count * 0.19)))}
    seen: Counter[str] = Counter()
    user_id = 1000
    for position in range(count):
        (first, first_letters), (last, last_letters) = rng.choice(given), rng.choice(family)
        name: str | None = f"{first} {last}"
        local = f"{first_letters}.{last_letters}"
        if position % 5 == 2:
            name, local = next(notable, (name, local))
        seen[local] += 1
        if seen[local] > 1:
            local += str(seen[local])
        user_id += rng.choice((1, 1, 1, 2, 3, 7))
        hired = _HIRING_DAYS * ((position + rng.random()) / count) ** 0.65
        week, weekday = divmod(int(hired), 5)
        created = FIRST_DAY + dt.timedelta(weeks=week, days=weekday, hours=8 * (hired % 1))
        updated = created + dt.timedelta(days=max(0.0, rng.gauss(60, 90)))
        slug = re.sub("[^a-z0-9]+", "-", local)
        yield {
            "id": user_id,
            "email": f"{local}@{rng.choice(('example.org', 'example.org', 'example.com', 'example.net'))}",
            "is_admin": position in admins,
            "display_name": name,
            **without_room.get(position, {"waiting_room_url": f"https://app.example.org/meet/{slug}"}),
            "created_at": isoformat(created),
            "updated_at": isoformat(max(created, min(updated, _LAST_CHANGE))),
        }


def invent_waiting_rooms(users: Iterable[Record]) -> Iterator[Record]:
    """Yield the waiting room of each user with a link to one."""
    rng = seeded_rng("waiting rooms")
    room_id = 300
    for user in users:
        if not user.get("waiting_room_url"):
            continue
        room_id += rng.choice((1, 1, 2))
        yield {
            "id": room_id,
            "user_id": user["id"],
            "slug": user["waiting_room_url"].rpartition("/")[2],
            "theme": rng.choice(("ocean", "ocean", "forest", "forest", "meadow", "night sky", None)),
            "is_active": rng.random() > 0.1,
            "created_at": user["created_at"],
            "updated_at": user["updated_at"],
            "user": {"display_name": user["display_name"]},
        }


class Staff:
    """The users of an organization, which change from day to day.

    One user joins on each Monday, one leaves on each Friday, and the name or the admin rights of one change on each
    Monday to Friday. The changes of a day depend only on the day and on the users.

    Parameters
    ----------
    count
        Initial number of users.

    Attributes
    ----------
    everyone
        All users by id, including former ones.
    former
        The last day of each former user, by id.
    invites
        The used invites of users who joined.
    """

    def __init__(self, count: int) -> None:
        self.everyone = {user["id"]: user for user in invent_users(count)}
        self.former: dict[int, dt.date] = {}
        self.invites: list[Record] = []

    def pass_day(self, day: dt.date) -> None:
        """Simulate a day. A changed user is a new record, so earlier records stay as they are."""
        if day.weekday() > 4:
            return
        rng = seeded_rng("staff", day)
        morning = dt.datetime.combine(day, dt.time(12), tzinfo=dt.UTC)
        if day.weekday() == 0:
            self._join(rng, morning)
        # Only users created before the day, so that no user joins and leaves on the same day.
        present = [user for key, user in self.everyone.items() if key not in self.former]
        present = [user for user in present if user["created_at"] < isoformat(morning)]
        if day.weekday() == 4 and len(present) > 1:
            self.former[present.pop(rng.randrange(len(present)))["id"]] = day
        if present:
            self._change(rng, rng.choice(present), morning + dt.timedelta(minutes=rng.randrange(400)))

    def _join(self, rng: random.Random, morning: dt.datetime) -> None:
        first, last = rng.choice(GIVEN_NAMES), rng.choice(FAMILY_NAMES)
        key = max(self.everyone, default=1000) + rng.choice((1, 1, 2))
        invited = morning + dt.timedelta(minutes=60 + rng.randrange(60))
        joined = invited + dt.timedelta(minutes=rng.randrange(5, 120))
        # The id keeps addresses unique.
        email = f"{_letters(first)}.{_letters(last)}{key}@example.org"
        self.everyone[key] = {
            "id": key,
            "email": email,
            "is_admin": False,
            "display_name": f"{first} {last}",
            "waiting_room_url": f"https://app.example.org/meet/{email.partition('@')[0].replace('.', '-')}",
            "created_at": isoformat(joined),
            "updated_at": isoformat(joined),
        }
        self.invites.append(
            {
                "email": email,
                "display_name": f"{first} {last}",
                "roles": ["provider"],
                "organization_id": 5,
                "organization_name": "Harbor & Pine Family Therapy",
                "expires_at": isoformat(invited + dt.timedelta(days=30)),
                "used_at": isoformat(joined),
                "created_at": isoformat(invited),
                "updated_at": isoformat(joined),
            }
        )

    def _change(self, rng: random.Random, user: Record, moment: dt.datetime) -> None:
        changed: Record = {"is_admin": not user["is_admin"]}
        if user["display_name"] and rng.random() < 0.7:
            changed = {"display_name": f"{user['display_name'].partition(' ')[0]} {rng.choice(FAMILY_NAMES)}"}
        self.everyone[user["id"]] = user | changed | {"updated_at": isoformat(moment)}


def invent_waiting_room_subs(room: Record, rooms: Sequence[Record], today: dt.date) -> Iterator[Record]:
    """Yield the future substitutions in a room. Most rooms have none, and some have no substitute yet."""
    rng = seeded_rng("subs", room["id"])
    morning = dt.datetime.combine(today, dt.time(13), tzinfo=dt.UTC)
    for number in range(rng.choice((0, 0, 0, 0, 1, 2))):
        start = morning + dt.timedelta(days=1 + 9 * number + rng.randrange(9), hours=rng.randrange(8))
        substitute = rng.choice(rooms)
        if rng.random() < 0.4 or substitute is room:
            substitute = {"user_id": None, "slug": None}
        requested = isoformat(morning - dt.timedelta(days=rng.randrange(1, 9), minutes=rng.randrange(600)))
        yield {
            "id": room["id"] * 10 + number,
            "waiting_room_id": room["id"],
            "user_id": substitute["user_id"],
            "sub_waiting_room_slug": substitute["slug"],
            "datetime_start": isoformat(start),
            "datetime_end": isoformat(start + dt.timedelta(hours=rng.choice((1, 2, 8)))),
            "created_at": requested,
            "updated_at": requested,
        }


def invent_invites(moment: dt.datetime) -> Iterator[Record]:
    """Yield the invites of the three months up to a moment: every third was used, the others expire after 30 days."""
    rng = seeded_rng("invites")
    evening = dt.datetime.combine(moment, CLOSING_TIME, tzinfo=dt.UTC)
    if evening > moment:
        evening -= dt.timedelta(days=1)
    ages = sorted(rng.sample(range(90), 18), reverse=True)
    roles: tuple[list[str], ...]
    roles = (["provider"], ["organization_admin", "provider"], ["provider_assistant"], ["provider"], [])
    for number, age in enumerate(ages):
        first, last = rng.choice(GIVEN_NAMES), rng.choice(FAMILY_NAMES)
        created = evening - dt.timedelta(days=age, minutes=rng.randrange(400))
        used = created + (evening - created) * rng.random() * min(1, 29 / max(age, 1))
        is_used = number % 3 == 1
        yield {
            "id": 61 + 2 * number,
            "email": f"{_letters(first)}.{_letters(last)}@invited.example.org",
            "display_name": None if number == 4 else f"{first} {last}",
            "roles": roles[number % len(roles)],
            "organization_id": 5,
            "organization_name": "Harbor & Pine Family Therapy",
            "expires_at": isoformat(created + dt.timedelta(days=30)),
            "used_at": isoformat(used) if is_used else None,
            "created_at": isoformat(created),
            "updated_at": isoformat(used if is_used else created),
        }


def invent_roles() -> Iterator[Record]:
    """Yield the roles that the demo's credentials may assign."""
    yield {"id": 1, "name": "organization_admin", "description": "Manages users, rooms and invites."}
    yield {"id": 2, "name": "provider", "description": "Holds calls."}
    yield {"id": 3, "name": "provider_assistant", "description": "Prepares calls for a provider."}
    yield {"id": 6, "name": "billing", "description": None}
