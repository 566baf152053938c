"""The cron job: removes files that nothing refers to, and records when it ran."""

from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand
from django.template.defaultfilters import filesizeformat, pluralize
from django.utils import timezone

from postcards.models import Activity, Card

KEEP = 500
"""Cards on the wall; the oldest are removed first."""
GRACE = timedelta(minutes=10)
"""Files younger than this are kept: their card may not be in the database yet."""


class Command(BaseCommand):
    help = "Remove failed and surplus cards, and files without a card."

    def handle(self, **options):
        now = timezone.now()
        remove_cards(now)
        files = remove_files(now)
        cards = Card.objects.count()
        note = f"{cards} card{pluralize(cards)}, {filesizeformat(used_bytes())}, {files} file{pluralize(files)} removed"
        Activity.record("tidy", note)
        self.stdout.write(f"tidied: {note}")


def remove_cards(now):
    Card.objects.filter(state=Card.State.FAILED, created__lt=now - GRACE).delete()
    surplus = Card.objects.order_by("-created").values_list("pk", flat=True)[KEEP:]
    Card.objects.filter(pk__in=list(surplus)).delete()


def media_files():
    root = Path(settings.MEDIA_ROOT)
    return [file for folder in ("originals", "pictures") for file in (root / folder).glob("*") if file.is_file()]


def remove_files(now):
    """Files whose name does not start with the id of a card: left by a deleted card or a killed worker."""
    known = {str(pk) for pk in Card.objects.values_list("pk", flat=True)}
    removed = 0
    for file in media_files():
        if file.name[:36] not in known and file.stat().st_mtime < (now - GRACE).timestamp():
            file.unlink(missing_ok=True)
            removed += 1
    return removed


def used_bytes():
    return sum(file.stat().st_size for file in media_files())
