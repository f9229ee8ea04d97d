"""What happens, besides the row and its audit entry, in the transaction that ends a job: kind of job -> function."""

from apps.clusters.following import Ending

AT_THE_END: dict[str, Ending] = {}
