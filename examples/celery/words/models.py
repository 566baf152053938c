from django.db import models


class Text(models.Model):
    """A text that somebody sent; a worker counts its words."""

    content = models.TextField(max_length=10_000)
    words = models.PositiveIntegerField(null=True)
    sent = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]
