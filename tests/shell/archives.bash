# What the tests of archives, rehearsals and restores share: an app with a borg repository.

setup() {
  take_folder
  export PATH=$REPO/tests/shell/fakes:$PATH MAIL_PASSWORD=word MANIFEST=$REPO/tests/shell/backup.json
  make_host
  make_deployment
  given bin/run --quiet 2>/dev/null
  # shellcheck disable=SC2034  # the tests use it
  ARCHIVE=(bin/archive_volumes --repository "$TEST/borg")
}

# The newest archive's name.
newest() {
  bin/archive_volumes --list | tail -n 1 | cut -f 1
}

# Makes the newest archive an old one: archives are named by the second.
age() {
  mv "$TEST/borg/$(newest).tar" "$TEST/borg/nuwa-blog-$1T000000Z.tar"
}
