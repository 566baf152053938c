"""The other two kinds of servers, next to the Django site on the same host."""

from __future__ import annotations

from e2e.conftest import Deployment, eventually


def test_flask_under_apache_takes_a_link_and_counts_it(links: Deployment) -> None:
    site = links.site
    assert "apache2" in links.host.out(f"podman top {links.container} args")
    made = site.post_form("/", {"target": "https://example.com/a/long/way?x=1"})
    assert made.status == 303
    code = made.headers["location"].partition("made=")[2]
    assert site.get(f"/{code}").headers["location"] == "https://example.com/a/long/way?x=1"
    page = site.get(f"/?made={code}")
    assert f"https://{links.domain}" in page.text
    assert '<td class="number">1</td>' in page.text


def test_flasks_static_files_are_asked_for_again_when_their_name_has_no_hash(links: Deployment) -> None:
    style = links.site.get("/static/style.css")
    assert style.status == 200
    assert style.headers["cache-control"] == "public, no-cache"
    assert links.site.get("/static/style.css", **{"If-None-Match": style.headers["etag"]}).status == 304


def test_fastapi_talks_over_a_websocket_through_nginx(pixels: Deployment) -> None:
    assert pixels.site.get("/").status == 200
    painter, watcher = pixels.site.websocket("/paint"), pixels.site.websocket("/paint")
    assert (painter.status, watcher.status) == (101, 101)
    kind, board = watcher.receive()
    assert (kind, len(board)) == ("binary", 48 * 32)
    painter.send(bytes([3, 2, 7]))
    # Texts, which say how many are here, may come between.
    seen = next(message for message in iter(watcher.receive, None) if message[0] == "binary")
    assert seen == ("binary", bytes([3, 2, 7]))
    painter.close()
    watcher.close()


def test_what_was_painted_is_in_the_volume(pixels: Deployment) -> None:
    def painted() -> bool:
        cell = pixels.host.out(f"od -An -tu1 -j {2 * 48 + 3} -N 1 {pixels.directory}/volumes/data/board")
        return cell.strip() == "7"

    eventually(painted, "the board is saved", seconds=20)


def test_the_three_sites_keep_their_own_names(
    postcards: Deployment, links: Deployment, pixels: Deployment
) -> None:
    titles = {
        deployment.app: deployment.site.get("/").text.partition("<title>")[2].partition("</title>")[0]
        for deployment in (postcards, links, pixels)
    }
    assert len(set(titles.values())) == 3, titles
