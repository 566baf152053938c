from django.contrib import admin

from postcards.models import Activity, Card


@admin.register(Card)
class CardAdmin(admin.ModelAdmin):
    list_display = ["name", "text", "state", "created"]
    list_filter = ["state"]
    search_fields = ["name", "text"]
    actions = ["make_again"]

    @admin.action(description="Make the picture again")
    def make_again(self, request, cards):
        count = cards.update(state=Card.State.WAITING, attempts=0)
        self.message_user(request, f"{count} in the queue")


@admin.register(Activity)
class ActivityAdmin(admin.ModelAdmin):
    list_display = ["name", "at", "note"]

    def has_add_permission(self, request):
        return False
