"""Pages of a log that may hold millions of entries: nothing on them counts or skips more than a bounded number."""

from typing import Any

from django.core.paginator import Paginator
from django.utils.functional import cached_property

MOST_COUNTED = 10_000


class BoundedPaginator(Paginator):
    """Counts and turns to the first MOST_COUNTED entries; whoever wants older ones chooses an earlier time."""

    @cached_property
    def _counted(self) -> int:
        entries: Any = self.object_list
        return int(entries.order_by()[: MOST_COUNTED + 1].count())

    @cached_property
    def count(self) -> int:  # type: ignore[override]
        return min(self._counted, MOST_COUNTED)

    @property
    def is_cut(self) -> bool:
        """Whether there are more entries than these pages show."""
        return self._counted > MOST_COUNTED
