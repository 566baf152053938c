import io
import os
import tempfile
from datetime import timedelta
from pathlib import Path

from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.db import connection
from django.test import TestCase, override_settings
from django.utils import timezone
from PIL import Image

from postcards.models import Activity, Card

PLAIN_STATIC = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}


def photo(size=(2000, 1000), kind="JPEG", **options):
    file = io.BytesIO()
    Image.new("RGB", size, "#a8452b").save(file, kind, **options)
    return SimpleUploadedFile("../my holiday.jpg", file.getvalue())


class WallTest(TestCase):
    def setUp(self):
        media = self.enterContext(tempfile.TemporaryDirectory())
        self.enterContext(override_settings(MEDIA_ROOT=media, STORAGES=PLAIN_STATIC))
        self.media = Path(media)
        Card.objects.all().delete()

    def post(self, **fields):
        return self.client.post("/", {"text": "Hello", "name": "Ada", **fields})

    def make_pictures(self):
        call_command("make_pictures", once=True)
        return Card.objects.get()

    def test_a_new_card_waits_on_the_page_until_the_worker_has_painted_it(self):
        self.assertRedirects(self.post(), "/")
        card = Card.objects.get()
        self.assertContains(self.client.get("/"), f'data-waiting="/cards/{card.pk}/"')
        self.make_pictures()
        page = self.client.get("/")
        self.assertContains(page, f"/pictures/{card.pk}-small.webp")
        self.assertContains(page, "landscape painted")

    def test_a_photo_is_made_smaller_upright_and_loses_what_the_camera_wrote(self):
        exif = Image.Exif()
        exif[0x0112] = 6  # turned by a quarter
        exif[0x010F] = "secret camera"
        self.post(photo=photo(exif=exif))
        card = self.make_pictures()
        answer = self.client.get(f"/pictures/{card.pk}-small.webp")
        made = Image.open(io.BytesIO(b"".join(answer.streaming_content)))
        self.assertEqual((answer["Content-Type"], made.size), ("image/webp", (320, 640)))
        self.assertFalse(made.getexif())
        self.assertIn("immutable", answer["Cache-Control"])

    def test_the_visitors_file_name_reaches_no_disk(self):
        self.post(photo=photo())
        card = Card.objects.get()
        self.assertEqual([file.name for file in (self.media / "originals").iterdir()], [str(card.pk)])

    def test_what_is_no_picture_is_refused_with_a_sentence(self):
        answer = self.post(photo=SimpleUploadedFile("a.jpg", b"<script>"))
        self.assertContains(answer, "valid image", status_code=400)
        self.assertFalse(Card.objects.exists())

    def test_a_photo_that_breaks_later_is_given_up_and_leaves_the_wall(self):
        self.post(photo=photo())
        next((self.media / "originals").iterdir()).write_bytes(b"\xff\xd8broken")
        self.assertEqual(self.make_pictures().state, Card.State.FAILED)
        self.assertContains(self.client.get("/"), "The wall is empty")

    def test_a_card_that_ended_the_worker_three_times_is_given_up(self):
        self.post()
        Card.objects.update(attempts=3)
        self.assertEqual(self.make_pictures().state, Card.State.FAILED)

    def test_text_is_shown_not_obeyed(self):
        self.post(text="<b>bold</b>")
        self.assertContains(self.client.get("/"), "&lt;b&gt;bold&lt;/b&gt;")

    def test_tidy_removes_orphans_but_not_what_may_be_on_its_way(self):
        self.post(photo=photo())
        self.make_pictures()
        folder = self.media / "pictures"
        for name, age in (("0" * 36 + "-small.webp", 3600), ("1" * 36 + "-small.webp", 0)):
            (folder / name).touch()
            old = timezone.now() - timedelta(seconds=age)
            os.utime(folder / name, (old.timestamp(), old.timestamp()))
        call_command("tidy", stdout=io.StringIO())
        self.assertEqual(len(list(folder.iterdir())), 3)
        self.assertContains(self.client.get("/"), "1 file removed")

    def test_pages_of_a_long_wall(self):
        Card.objects.bulk_create(Card(text=str(number), name="Ada") for number in range(30))
        self.assertContains(self.client.get("/"), "Older")
        self.assertContains(self.client.get("/?page=2"), "Newer")

    def test_pictures_that_are_not_there_are_404(self):
        self.post()
        card = Card.objects.get()
        self.assertEqual(self.client.get(f"/pictures/{card.pk}-small.webp").status_code, 404)
        self.make_pictures()
        self.assertEqual(self.client.get(f"/pictures/{card.pk}-huge.webp").status_code, 404)

    def test_health_follows_the_database(self):
        self.assertEqual(self.client.get("/health/").status_code, 200)
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE postcards_card RENAME TO elsewhere")
        self.assertEqual(self.client.get("/health/").status_code, 503)

    def test_the_worker_and_the_admin_can_paint_again(self):
        self.post()
        self.make_pictures()
        Card.objects.update(state=Card.State.WAITING, attempts=0)
        self.assertTrue(self.make_pictures().ready)
        self.assertEqual(Activity.objects.get(name="worker").note[:9], "landscape")

    def test_the_models_have_their_migrations(self):
        call_command("makemigrations", check=True, dry_run=True, verbosity=0)
