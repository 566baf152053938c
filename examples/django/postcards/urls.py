from django.urls import path

from postcards import views

urlpatterns = [
    path("", views.wall, name="wall"),
    path("cards/<uuid:pk>/", views.card, name="card"),
    path("pictures/<uuid:pk>-<str:size>.webp", views.picture, name="picture"),
    path("health/", views.health, name="health"),
]
