import platform
import socket

import django
from django.core.paginator import Paginator
from django.db import DatabaseError
from django.http import FileResponse, Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from postcards.forms import CardForm
from postcards.models import Activity, Card

PER_PAGE = 24


@require_http_methods(["GET", "HEAD", "POST"])
def wall(request):
    """All cards, newest first, and the form for one more."""
    form = CardForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        form.save()
        return redirect("wall")
    cards = Paginator(Card.objects.exclude(state=Card.State.FAILED), PER_PAGE)
    context = {
        "form": form,
        "page": cards.get_page(request.GET.get("page")),
        "activities": Activity.objects.in_bulk(),
        "server": {
            "host": socket.gethostname(),
            "versions": f"Django {django.__version__}, Python {platform.python_version()}",
        },
    }
    return render(request, "postcards/wall.html", context, status=400 if form.errors else 200)


@require_safe
@never_cache
def card(request, pk):
    """One card as a fragment of the page, requested until its picture exists."""
    return render(request, "postcards/card.html", {"card": get_object_or_404(Card, pk=pk)})


@require_safe
def picture(request, pk, size):
    """A finished picture. Its content never changes, so browsers may keep it."""
    found = get_object_or_404(Card, pk=pk, state=Card.State.READY)
    try:
        file = found.picture(size).open("rb") if size in ("small", "large") else None
    except FileNotFoundError:
        file = None
    if file is None:
        raise Http404
    return FileResponse(
        file,
        content_type="image/webp",
        headers={"Cache-Control": "public, max-age=31536000, immutable"},
    )


@require_safe
@never_cache
def health(request):
    """200 if the database answers and has its tables; nuwa's health check requests this page."""
    try:
        Card.objects.exists()
    except DatabaseError as error:
        return HttpResponse(f"database: {error}\n", status=503, content_type="text/plain")
    return HttpResponse("ok\n", content_type="text/plain")
