from typing import Any

from django.db import migrations, models
from django.db.models import Count


def count_what_has_ended(apps: Any, schema_editor: Any) -> None:
    """Once: from here on each end counts itself."""
    ended = apps.get_model("ganeti", "Job").objects.filter(ended__isnull=False)
    counted = ended.order_by().values_list("kind", "state").annotate(number=Count("pk"))
    counts = apps.get_model("ganeti", "EndedJobs")
    counts.objects.bulk_create(counts(kind=kind, outcome=state, number=number) for kind, state, number in counted)


class Migration(migrations.Migration):
    dependencies = [("ganeti", "0008_console_tickets")]

    operations = [
        migrations.CreateModel(
            name="EndedJobs",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("kind", models.CharField(max_length=20)),
                ("outcome", models.CharField(max_length=10)),
                ("number", models.PositiveBigIntegerField(default=0)),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("kind", "outcome"), name="one_count_of_ends")],
            },
        ),
        migrations.RunPython(count_what_has_ended, migrations.RunPython.noop),
    ]
