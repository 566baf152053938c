from celery import shared_task

from words.models import Text


def number_of_words(content):
    """How many words a text has."""
    return len(content.split())


@shared_task
def count_words(text_id):
    """Count the words of a text, and write the number next to it."""
    text = Text.objects.get(pk=text_id)
    text.words = number_of_words(text.content)
    text.save(update_fields=["words"])
