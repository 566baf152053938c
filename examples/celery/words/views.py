from django.db import connection
from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from words.models import Text
from words.tasks import count_words

SHOWN = 20


@require_http_methods(["GET", "POST"])
def page(request):
    """The form and the last texts; a new text goes to the queue."""
    if request.method == "POST":
        content = request.POST.get("content", "").strip()[:10_000]
        if content:
            count_words.delay(Text.objects.create(content=content).pk)
        return redirect("page")
    return render(request, "words/page.html", {"texts": Text.objects.all()[:SHOWN]})


def texts(request):
    """The last texts with their counts, for the page's script."""
    found = Text.objects.values("id", "content", "words")[:SHOWN]
    return JsonResponse({"texts": list(found)})


def health(request):
    """200 when the database answers."""
    connection.ensure_connection()
    return HttpResponse("ok\n", content_type="text/plain")
