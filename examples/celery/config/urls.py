from django.urls import path

from words import views

urlpatterns = [
    path("", views.page, name="page"),
    path("texts.json", views.texts, name="texts"),
    path("health/", views.health, name="health"),
]
