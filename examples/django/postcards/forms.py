from django import forms
from django.core.exceptions import ValidationError

from postcards.models import Card

MAX_BYTES = 10 * 1024**2


class CardForm(forms.ModelForm):
    # An ImageField opens the file before it is accepted; the worker makes the picture that visitors see.
    photo = forms.ImageField(required=False)

    class Meta:
        model = Card
        fields = ["text", "name"]
        widgets = {
            "text": forms.Textarea(
                attrs={"rows": 5, "maxlength": 280, "placeholder": "Wish you were here …"}
            ),
            "name": forms.TextInput(attrs={"placeholder": "Ada", "autocomplete": "nickname"}),
        }

    def clean_photo(self):
        photo = self.cleaned_data["photo"]
        if photo and photo.size > MAX_BYTES:
            raise ValidationError("This photo is larger than 10 MB.")
        return photo

    def save(self, commit=True):
        card = super().save(commit=False)
        if photo := self.cleaned_data["photo"]:
            # A name of our own: the visitor's file name is never written to disk.
            photo.name = str(card.pk)
            card.upload = photo
        if commit:
            card.save()
        return card
