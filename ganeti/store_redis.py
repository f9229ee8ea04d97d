"""Snapshots in Redis: the store of production, where several machines may share one.

PREFIX heads            hash, slug: head. All pages' first read, with `news` in the same round trip
PREFIX news             hash, slug: counter, apart from the head so that no writer of heads undoes it
PREFIX counters         hash, slug: the last generation given to a writer
PREFIX generations      hash, slug: the generation that the head names
PREFIX body:SLUG:GENERATION, facts:SLUG:GENERATION, index:SLUG:GENERATION (a hash, owner: ranges)
PREFIX jobs             hash, slug: the list of its newest jobs
PREFIX watched          sorted set, slug: until when
PREFIX hurry            when somebody asked for a look at all clusters; expires
PREFIX claim:NAME       expires
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, cast

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from ganeti.inventory import StoreDown
from ganeti.store_base import RememberingStore
from ganeti.store_format import Packed
from ganeti.tags import DEFAULT_PREFIX

PATIENCE = 1.0  # seconds for any answer of Redis
REST = 1.0  # seconds for which nobody asks a Redis that was away: else every page would wait for it
UNPUBLISHED = 600  # seconds that a snapshot waits for its head: its writer may have died
HURRY = 3600  # seconds after which nobody waits any more for the look that was asked for
OUTDATED = 60  # seconds that a reader has left who holds an old head

# A generation that nobody else has: (counters; slug, at least) -> number as text
_RESERVE = """
local number = redis.call('HINCRBY', KEYS[1], ARGV[1], 1)
if number < tonumber(ARGV[2]) then
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
  return ARGV[2]
end
return string.format('%.0f', number)
"""

# (heads, generations; slug, generation, head, seconds that outdated keys live, the generation's keys without
# its number...). Does nothing when a higher generation is published.
_WRITE_HEAD = """
local published = redis.call('HGET', KEYS[2], ARGV[1])
if published and tonumber(published) > tonumber(ARGV[2]) then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
for number = 5, #ARGV do
  redis.call('PERSIST', ARGV[number] .. ARGV[2])
  if published and published ~= ARGV[2] then redis.call('EXPIRE', ARGV[number] .. published, ARGV[4]) end
end
return 1
"""

# (heads, generations, news, counters, jobs; slug, generation or '', the generation's keys without its number...)
_DROP = """
local published = redis.call('HGET', KEYS[2], ARGV[1])
if ARGV[2] ~= '' and published ~= ARGV[2] then return 0 end
redis.call('HDEL', KEYS[1], ARGV[1])
redis.call('HDEL', KEYS[2], ARGV[1])
if published then for number = 3, #ARGV do redis.call('DEL', ARGV[number] .. published) end end
if ARGV[2] == '' then
  redis.call('HDEL', KEYS[3], ARGV[1])
  redis.call('HDEL', KEYS[4], ARGV[1])
  redis.call('HDEL', KEYS[5], ARGV[1])
end
return 1
"""

# (index, body, index, body, ...; magic, owners...) -> for each pair with something to tell its number and the
# pieces; 0 instead of pieces where the index is gone, or of another format (an index has a field named by the
# magic). In Redis, because a page of a user would otherwise need one command for each cluster, or a second
# round trip, or a copy of every instance for each owner.
_OWNED = """
local answer = {}
for number = 1, #KEYS, 2 do
  local found = redis.call('HMGET', KEYS[number], unpack(ARGV))
  if not found[1] then
    table.insert(answer, {number, 0})
  else
    local pieces = {}
    for owner = 2, #ARGV do
      if found[owner] then
        for first, last in string.gmatch(found[owner], '(%d+) (%d+)') do
          pieces[#pieces + 1] = redis.call('GETRANGE', KEYS[number + 1], first, last)
        end
      end
    end
    if #pieces > 0 then table.insert(answer, {number, pieces}) end
  end
end
return answer
"""


class RedisStore(RememberingStore):
    """A `Store` in the Redis at `url`."""

    def __init__(self, url: str, prefix: str = "ganetimgr:", tag_prefix: str = DEFAULT_PREFIX, **options: Any) -> None:
        super().__init__(tag_prefix, **options)
        self.prefix = f"{prefix}inventory:"
        # No second try: the pool notices by itself which connections a restarted Redis closed, and the library's
        # own default (three, with pauses) would hold up every page of a Redis that is away.
        pool = redis.BlockingConnectionPool.from_url(
            url,
            max_connections=50,
            timeout=PATIENCE,
            socket_timeout=PATIENCE,
            socket_connect_timeout=PATIENCE,
            retry=Retry(NoBackoff(), 0),
        )
        self._redis = redis.Redis(connection_pool=pool)
        self._rest_until = 0.0

    def is_there(self) -> bool:
        self._rest_until = 0.0
        try:
            with self._asking():
                return bool(self._redis.ping())
        except StoreDown:
            return False

    def bump(self, slug: str) -> None:
        with self._asking():
            self._redis.hincrby(self._key("news"), slug, 1)

    def hurry(self, now: float) -> None:
        with self._asking():
            self._redis.set(self._key("hurry"), repr(now), ex=HURRY)

    def hurried_at(self) -> float:
        with self._asking():
            return float(self._redis.get(self._key("hurry")) or 0)

    def claim(self, name: str, seconds: float) -> bool:
        with self._asking():
            return bool(self._redis.set(self._key("claim", name), b"1", nx=True, px=max(int(seconds * 1000), 1)))

    def _read_heads(self) -> dict[str, tuple[bytes, int]]:
        with self._asking(), self._redis.pipeline(transaction=False) as pipe:
            pipe.hgetall(self._key("heads"))
            pipe.hgetall(self._key("news"))
            blobs, news = pipe.execute()
        return {slug.decode("utf-8", "replace"): (blob, _number(news.get(slug))) for slug, blob in blobs.items()}

    def _read_head(self, slug: str) -> tuple[bytes | None, int]:
        with self._asking(), self._redis.pipeline(transaction=False) as pipe:
            pipe.hget(self._key("heads"), slug)
            pipe.hget(self._key("news"), slug)
            blob, news = pipe.execute()
        return blob, _number(news)

    def _write_head(self, slug: str, blob: bytes, generation: int) -> None:
        with self._asking():
            self._redis.eval(*self._writing_of_head(slug, blob, generation))

    def _publish(self, slug: str, packed: Packed, at_least: int, head: Callable[[int], bytes]) -> int:
        with self._asking():
            generation = int(self._redis.eval(_RESERVE, 1, self._key("counters"), slug, at_least))
        body, facts, index = (self._key(part, slug, generation) for part in ("body", "facts", "index"))
        with self._asking(), self._redis.pipeline(transaction=False) as pipe:
            pipe.set(body, packed.body, ex=UNPUBLISHED)
            pipe.set(facts, packed.facts, ex=UNPUBLISHED)
            pipe.hset(
                index,
                mapping={self._format.magic: b"", **{_bytes(owner): where for owner, where in packed.owners.items()}},
            )
            pipe.expire(index, UNPUBLISHED)
            pipe.eval(*self._writing_of_head(slug, head(generation), generation))
            pipe.execute()
        return generation

    def _writing_of_head(self, slug: str, blob: bytes, generation: int) -> tuple[Any, ...]:
        keys = (self._key("heads"), self._key("generations"))
        return _WRITE_HEAD, len(keys), *keys, slug, generation, blob, OUTDATED, *self._stems(slug)

    def _read(self, slug: str, generation: int, part: str) -> bytes | None:
        with self._asking():
            return cast(bytes | None, self._redis.get(self._key(part, slug, generation)))

    def _read_owned(self, generations: Mapping[str, int], owners: frozenset[str]) -> dict[str, list[bytes] | None]:
        slugs = list(generations)
        keys = [self._key(part, slug, generations[slug]) for slug in slugs for part in ("index", "body")]
        with self._asking():
            answer = self._redis.eval(
                _OWNED, len(keys), *keys, self._format.magic, *(_bytes(owner) for owner in owners)
            )
        return {slugs[number // 2]: pieces or None for number, pieces in answer}

    def _drop(self, slug: str, generation: int | None) -> None:
        keys = [self._key(name) for name in ("heads", "generations", "news", "counters", "jobs")]
        with self._asking():
            self._redis.eval(_DROP, len(keys), *keys, slug, generation or "", *self._stems(slug))

    def _write_jobs(self, slug: str, blob: bytes) -> None:
        with self._asking():
            self._redis.hset(self._key("jobs"), slug, blob)

    def _read_jobs(self, slugs: list[str]) -> dict[str, bytes | None]:
        with self._asking():
            blobs = cast(list[bytes | None], self._redis.hmget(self._key("jobs"), slugs))
        return dict(zip(slugs, blobs, strict=True))

    def _mark(self, slugs: list[str], until: float) -> None:
        with self._asking():
            self._redis.zadd(self._key("watched"), dict.fromkeys(slugs, until), gt=True)

    def _marks(self, now: float) -> set[str]:
        with self._asking(), self._redis.pipeline(transaction=False) as pipe:
            pipe.zremrangebyscore(self._key("watched"), "-inf", now)
            pipe.zrange(self._key("watched"), 0, -1)
            slugs = pipe.execute()[1]
        return {slug.decode("utf-8", "replace") for slug in slugs}

    def _stems(self, slug: str) -> list[str]:
        return [self._key(part, slug, "") for part in ("body", "facts", "index")]

    def _key(self, *parts: object) -> str:
        return self.prefix + ":".join(str(part) for part in parts)

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """Around every word with Redis: trouble is StoreDown, without the address, which may hold a password."""
        if time.monotonic() < self._rest_until:
            raise StoreDown("Redis was away a moment ago")
        try:
            yield
        except (redis.ConnectionError, redis.TimeoutError) as error:
            self._rest_until = time.monotonic() + REST
            raise StoreDown("Redis does not answer") from error
        except redis.RedisError as error:
            raise StoreDown(f"Redis refuses: {error}") from error


def _number(value: bytes | None) -> int:
    return int(value) if value and value.isdigit() else 0


def _bytes(owner: str) -> bytes:
    """Any text at all, as a field of an index; half a surrogate pair, too, which simply owns nothing."""
    return owner.encode("utf-8", "surrogatepass")
