"""A page that reads its row at once and answers later, as pages with slow templates do."""

import time

from django.http import HttpRequest, HttpResponse
from django.urls import path

from tests.stress.models import Note
from tests.stress.pace import RENDERING

__all__ = ["urlpatterns"]


def note(request: HttpRequest, pk: int) -> HttpResponse:
    text = Note.objects.get(pk=pk).text
    time.sleep(RENDERING.get(pk, 0.0))
    return HttpResponse(text)


urlpatterns = [path("notes/<int:pk>/", note)]
