import uuid
from pathlib import Path

from django.conf import settings
from django.db import models
from django.utils import timezone


class Card(models.Model):
    """A postcard on the wall. Its picture is made by the worker (`manage.py make_pictures`)."""

    class State(models.TextChoices):
        WAITING = "waiting"
        READY = "ready"
        FAILED = "failed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    text = models.TextField("message", max_length=280)
    name = models.CharField("from", max_length=60)
    upload = models.FileField(upload_to="originals", blank=True, editable=False)
    state = models.CharField(max_length=8, choices=State, default=State.WAITING, db_index=True)
    attempts = models.PositiveSmallIntegerField(default=0, editable=False)
    created = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        ordering = ["-created"]

    def __str__(self):
        return f"{self.name}: {self.text[:40]}"

    def picture(self, size):
        """The path of the picture that the worker writes; `size` is "small" or "large"."""
        return Path(settings.MEDIA_ROOT) / "pictures" / f"{self.pk}-{size}.webp"

    @property
    def ready(self):
        return self.state == self.State.READY

    @property
    def waiting(self):
        return self.state == self.State.WAITING


class Activity(models.Model):
    """When a background part of the site last did something, and what."""

    name = models.CharField(max_length=20, primary_key=True)
    at = models.DateTimeField()
    note = models.CharField(max_length=120)

    class Meta:
        verbose_name_plural = "activities"

    def __str__(self):
        return f"{self.name}: {self.note}"

    @classmethod
    def record(cls, name, note):
        cls.objects.update_or_create(name=name, defaults={"at": timezone.now(), "note": note})
