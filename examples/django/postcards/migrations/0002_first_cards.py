"""Three initial cards, so that the wall shows what it is for. Their pictures are painted from their ids."""

from datetime import timedelta
from uuid import UUID

from django.db import migrations
from django.utils import timezone

CARDS = [
    (
        "5a1e0d4c-0000-4000-8000-000000000011",
        "nuwa",
        "This wall came out of one image. The picture above was painted by its worker: a minute ago this card was a row in a queue.",
    ),
    (
        "5a1e0d4c-0000-4000-8000-000000000023",
        "nuwa",
        "Every minute cron tidies up behind the page. Look below: it says when, and what it found.",
    ),
    (
        "5a1e0d4c-0000-4000-8000-000000000035",
        "nuwa",
        "Your photo goes to a volume, and stays there when the next release of this site takes over.",
    ),
]


def add(apps, schema_editor):
    card = apps.get_model("postcards", "Card")
    now = timezone.now()
    for number, (key, name, text) in enumerate(CARDS):
        card.objects.get_or_create(
            pk=UUID(key), defaults={"name": name, "text": text, "created": now - timedelta(seconds=number)}
        )


class Migration(migrations.Migration):
    dependencies = [("postcards", "0001_initial")]
    operations = [migrations.RunPython(add, migrations.RunPython.noop)]
