from django.test import SimpleTestCase

from words.tasks import number_of_words


class Words(SimpleTestCase):
    def test_words_are_what_spaces_part(self):
        self.assertEqual(number_of_words("one  two\nthree "), 3)
        self.assertEqual(number_of_words(""), 0)
