#!/usr/bin/env bats
# bin/lib/wait, which systemd calls after a start: against a real HTTP server, with the real curl.

load helper

# A server that answers with status $1, and wants the Host header blog.example.com.
serve() {
  cat >"$TEST/server.py" <<'END'
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        good = self.headers["Host"] == "blog.example.com" and self.headers["X-Forwarded-Proto"] == "https"
        self.send_response(int(sys.argv[1]) if good else 421)
        self.end_headers()
        self.wfile.write(b"DisallowedHost: the page of an error\n")
    def log_message(self, *words): pass
server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
open(sys.argv[2], "w").write(str(server.server_port))
server.serve_forever()
END
  "$NUWA_PYTHON" "$TEST/server.py" "$1" "$TEST/port" 3>&- &
  echo $! >"$TEST/pid"
  until [[ -s $TEST/port ]]; do sleep 0.05; done
  URL=http://127.0.0.1:$(<"$TEST/port")/healthz
}

setup() {
  take_folder
  export FAKE=$TEST/fake
  mkdir -p "$FAKE/containers" "$TEST/fakes"
  touch "$FAKE/containers/blog"
  cp "$REPO/tests/shell/fakes/podman" "$TEST/fakes/podman"
  cp -r "$REPO/tests/shell/shims" "$TEST/shims"
  PATH=$TEST/fakes:$PATH
}

teardown() {
  [[ ! -s $TEST/pid ]] || kill "$(<"$TEST/pid")"
}

@test "an answer in the site's name ends the wait" {
  serve 204
  run -0 bash "$REPO/bin-templates/entrypoints/wait" blog "$URL" blog.example.com 20
  [[ -z $output ]]
}

@test "a redirect is an answer" {
  serve 302
  run -0 bash "$REPO/bin-templates/entrypoints/wait" blog "$URL" blog.example.com 20
}

@test "an error is none: the last probe is shown, with status and body" {
  serve 500
  run -1 bash "$REPO/bin-templates/entrypoints/wait" blog "$URL" blog.example.com 1
  says 'does not answer'
  says 'last probe: status 500'
  says 'DisallowedHost: the page of an error'
}

# Listens, but has no place left for who connects: what they send gets no reply.
serve_nobody() {
  cat >"$TEST/full.py" <<'END'
import signal, socket, sys
server = socket.create_server(("127.0.0.1", 0), backlog=0)
waiting = []
for _ in range(4):
    waiting.append(socket.socket())
    waiting[-1].setblocking(False)
    waiting[-1].connect_ex(server.getsockname())
open(sys.argv[1], "w").write(str(server.getsockname()[1]))
signal.pause()
END
  "$NUWA_PYTHON" "$TEST/full.py" "$TEST/port" 3>&- &
  echo $! >"$TEST/pid"
  until [[ -s $TEST/port ]]; do sleep 0.05; done
  URL=http://127.0.0.1:$(<"$TEST/port")/healthz
}

@test "a container that ends while its network gives no reply ends the wait as well" {
  serve_nobody
  rm "$FAKE/containers/blog"
  run -1 timeout 60 bash "$REPO/bin-templates/entrypoints/wait" blog "$URL" blog.example.com 90 '' '' 1
  says 'blog has ended'
}

@test "a container that has ended ends the wait at once" {
  rm "$FAKE/containers/blog"
  run -1 bash "$REPO/bin-templates/entrypoints/wait" blog http://127.0.0.1:9/ blog.example.com 60
  says 'blog has ended'
}

@test "the first slot that answers is the one that nginx gets, and no later one" {
  serve 204
  mkdir -p "$TEST/run/blue" "$TEST/run/green"
  for slot in blue green; do
    "$NUWA_PYTHON" -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$TEST/run/$slot/server.sock"
  done
  run -0 bash "$REPO/bin-templates/entrypoints/wait" blog "$URL" blog.example.com 20 "$TEST/run/current" blue/server.sock
  [[ $(readlink "$TEST/run/current") == blue/server.sock ]]
  run -0 bash "$REPO/bin-templates/entrypoints/wait" blog "$URL" blog.example.com 20 "$TEST/run/current" green/server.sock
  [[ $(readlink "$TEST/run/current") == blue/server.sock ]]
  rm "$TEST/run/blue/server.sock"
  run -0 bash "$REPO/bin-templates/entrypoints/wait" blog "$URL" blog.example.com 20 "$TEST/run/current" green/server.sock
  [[ $(readlink "$TEST/run/current") == green/server.sock ]]
}

@test "the link goes to the slot that answers when no other serves, and stays with one that runs without a socket" {
  serve 204
  run -0 bash "$REPO/bin-templates/entrypoints/wait" nuwa-blog-green "$URL" blog.example.com 20 "$TEST/current" green/server.sock
  [[ $(readlink "$TEST/current") == green/server.sock ]]
  touch "$FAKE/containers/nuwa-blog-green"
  run -0 bash "$REPO/bin-templates/entrypoints/wait" nuwa-blog-blue "$URL" blog.example.com 20 "$TEST/current" blue/server.sock
  [[ $(readlink "$TEST/current") == green/server.sock ]]
  rm "$FAKE/containers/nuwa-blog-green"
  run -0 bash "$REPO/bin-templates/entrypoints/wait" nuwa-blog-blue "$URL" blog.example.com 20 "$TEST/current" blue/server.sock
  [[ $(readlink "$TEST/current") == blue/server.sock ]]
}
