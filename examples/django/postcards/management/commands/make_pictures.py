"""The worker: makes the picture of every card that is waiting for one. Runs until it is told to stop."""

import logging
import signal
import threading
import time

from django.core.management.base import BaseCommand
from django.db import OperationalError
from django.db.models import F

from postcards import pictures
from postcards.models import Activity, Card

log = logging.getLogger("worker")

PAUSE = 1.0
"""Seconds between two checks of an empty queue."""
ATTEMPTS = 3
"""A picture that has crashed the worker this often is given up, or one bad file would block all others."""


class Command(BaseCommand):
    help = "Make the pictures of cards that wait for one."

    def add_arguments(self, parser):
        parser.add_argument("--once", action="store_true", help="end when the queue is empty")

    def handle(self, *, once, **options):
        if once:
            while make_next():
                pass
            return
        stop = threading.Event()
        # A stop lets the picture in hand be finished; the next start goes on with the queue.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        wait_for_tables(stop)
        while not stop.is_set():
            if not make_next():
                stop.wait(PAUSE)


def wait_for_tables(stop):
    """A new deployment starts the worker and runs its migrations at about the same time."""
    for turn in range(1_000_000):
        try:
            Activity.record("worker", "ready")
            log.info("ready")
            return
        except OperationalError as error:
            if turn == 0:
                log.warning("waiting for the database: %s", error)
            if stop.wait(PAUSE):
                return


def make_next():
    """Make the picture of the card that has waited longest; False if none is waiting."""
    card = Card.objects.filter(state=Card.State.WAITING).order_by("created").first()
    if card is None:
        return False
    # Counted before the work, and only once: two workers, as during a switch of releases, share the queue.
    mine = Card.objects.filter(pk=card.pk, state=Card.State.WAITING, attempts=card.attempts)
    if mine.update(attempts=F("attempts") + 1):
        make(card)
    return True


def make(card):
    started = time.monotonic()
    state = Card.State.FAILED
    if card.attempts < ATTEMPTS:
        try:
            pictures.make(card)
            state = Card.State.READY
        except (OSError, ValueError, SyntaxError) as error:  # Pillow's words for a broken file
            log.warning("card %s: %s", card.pk, error)
    Card.objects.filter(pk=card.pk).update(state=state)
    kind = "photo made smaller" if card.upload else "landscape painted"
    note = f"{kind} in {time.monotonic() - started:.1f} s" if state == Card.State.READY else "a photo that cannot be read"
    Activity.record("worker", note)
    log.info("card %s: %s", card.pk, note)
