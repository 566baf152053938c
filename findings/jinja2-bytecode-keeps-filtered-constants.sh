#!/usr/bin/env bash
# Jinja2's bytecode cache keeps what a filter made of a constant, and knows nothing of the filter: an upgrade of the filter
# leaves the old text in the pages.
#
# A good guess: a bytecode cache holds the code of a template, as .pyc files do, and is stale when the template changes; filters
# run when the page is rendered.
#
# Seen: a filter with constant arguments is run while the template is compiled, and its result is part of the code. The cache's
# key is the template's name and its text (and the versions of Python and of the cache's format), so a process whose filter of
# the same name does something else gets the old result from the cache, next to the new one for values that are no constants.
# `auto_reload` does not help, for the template is the same, and autoescape changes nothing. A filter that is marked with
# `pass_context`, even if it needs no context, runs at each rendering.
#
# Versions: Jinja2 3.1.6.

# shellcheck source-path=SCRIPTDIR source=_lib
source "$(dirname -- "${BASH_SOURCE[0]}")/_lib"

# rendered RELEASE WAY: one process, whose filter `stamp` puts its release in front of a text.
rendered() {
  "$WORK/venv/bin/python" - "$1" "$2" "$WORK" <<'PYTHON'
import sys
from jinja2 import DictLoader, Environment, FileSystemBytecodeCache, pass_context

release, way, folder = sys.argv[1:]
page = DictLoader({f"page-{way}": "{{ 'logo.svg'|stamp }} {{ name|stamp }}"})
cache = FileSystemBytecodeCache(folder)
environment = Environment(loader=page, bytecode_cache=cache, autoescape=way == "autoescape", auto_reload=True)
environment.filters["stamp"] = lambda text: f"{release}/{text}"
if way == "context":
    environment.filters["stamp"] = pass_context(lambda context, text: f"{release}/{text}")
print(environment.get_template(f"page-{way}").render(name="app.js"))
PYTHON
}

main() {
  python_with jinja2==3.1.6
  expect 'the first release' '1/logo.svg 1/app.js' "$(rendered 1 plain)"
  expect 'the next release, with the same cache' '1/logo.svg 2/app.js' "$(rendered 2 plain)"
  expect 'with autoescape, the first' '1/logo.svg 1/app.js' "$(rendered 1 autoescape)"
  expect 'with autoescape, the next' '1/logo.svg 2/app.js' "$(rendered 2 autoescape)"
  expect 'with pass_context, the first' '1/logo.svg 1/app.js' "$(rendered 1 context)"
  expect 'with pass_context, the next' '2/logo.svg 2/app.js' "$(rendered 2 context)"
  finish
}

main "$@"
