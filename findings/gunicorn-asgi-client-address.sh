#!/usr/bin/env bash
# Behind the same proxy, an ASGI app sees the visitor's address under uvicorn, and the proxy's under gunicorn's own ASGI worker,
# which takes the scheme from the same headers.
#
# A good guess: gunicorn's worker class `asgi`, which needs no uvicorn, trusts a proxy as uvicorn does. Both have an option
# `--forwarded-allow-ips` whose default trusts 127.0.0.1, and both turn `X-Forwarded-Proto: https` into the scheme "https".
#
# Seen: uvicorn replaces `scope["client"]` by the address in `X-Forwarded-For`; gunicorn's worker leaves the address of the
# connection there, also with `--forwarded-allow-ips '*'`. A rate limit or an audit trail by `request.client.host` takes all
# visitors for one after the change of server, while redirects and cookies, which follow the scheme, stay right. And where
# an app sends more than its Content-Length, gunicorn cuts the body there and the client sees a complete answer; uvicorn
# closes the connection in the middle, so the client sees an error.
#
# Versions: gunicorn 27.0.1 and uvicorn 0.54.0 (both of 2026), Python 3.11.

# shellcheck source-path=SCRIPTDIR source=_lib
source "$(dirname -- "${BASH_SOURCE[0]}")/_lib"

# asked PATH SERVER WORD...: what curl says of one request to the server, which ends afterwards.
asked() {
  local path=$1 program=$2 server
  shift 2
  (cd "$WORK" && exec "$WORK/venv/bin/$program" "$@" >"$WORK/server.log" 2>&1) &
  server=$!
  curl --silent --show-error --retry 30 --retry-connrefused --retry-delay 1 --max-time 60 \
    -H 'X-Forwarded-For: 203.0.113.9' -H 'X-Forwarded-Proto: https' "http://127.0.0.1:$PORT/$path" 2>"$WORK/curl.log" ||
    printf ' and curl ends with %s' "$?"
  kill "$server"
  wait "$server" || true
}

main() {
  local gunicorn uvicorn
  need curl
  python_with gunicorn==27.0.1 uvicorn==0.54.0
  PORT=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
  readonly PORT
  cat >"$WORK/told.py" <<'PYTHON'
async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    told = f"{scope['scheme']} from {scope['client'][0]}".encode()
    length = len(told) - (6 if scope["path"] == "/longer" else 0)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % length)]})
    await send({"type": "http.response.body", "body": told})
PYTHON
  gunicorn=(gunicorn --worker-class asgi --no-control-socket --bind "127.0.0.1:$PORT" told:app)
  uvicorn=(uvicorn --host 127.0.0.1 --port "$PORT" told:app)
  expect 'uvicorn' 'https from 203.0.113.9' "$(asked '' "${uvicorn[@]}")"
  expect 'gunicorn' 'https from 127.0.0.1' "$(asked '' "${gunicorn[@]}")"
  expect 'gunicorn, every proxy trusted' 'https from 127.0.0.1' "$(asked '' "${gunicorn[@]}" --forwarded-allow-ips '*')"
  expect 'gunicorn, more than Content-Length' 'https from 127' "$(asked longer "${gunicorn[@]}")"
  expect 'uvicorn, more than Content-Length' ' and curl ends with 18' "$(asked longer "${uvicorn[@]}")"
  finish
}

main "$@"
