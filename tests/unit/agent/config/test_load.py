"""config.json: what is accepted, what `${…}` becomes, and that every mistake is named at once."""

from __future__ import annotations

import contextlib
import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nuwa.agent.config import ports
from nuwa.agent.config.load import validate
from nuwa.agent.config.model import Config
from nuwa.agent.config.resolved import Loaded, revision
from nuwa.errors import ManifestError
from nuwa.manifest.model import from_json, to_json

TOKEN = "0123456789abcdef"


def load(document: dict[str, Any], **options: Any) -> Loaded:
    return validate(json.dumps(document), "config.json", **options)


def problems(document: dict[str, Any] | str) -> dict[str, str]:
    text = document if isinstance(document, str) else json.dumps(document)
    with pytest.raises(ManifestError) as raised:
        validate(text, "config.json")
    return {problem.path: problem.message for problem in raised.value.problems}


def test_the_example_of_the_original_agent_is_accepted() -> None:
    loaded = load(
        {
            "env": {"infoagport": 7601},
            "processes": {
                "infoaghh": {
                    "script": "../infoaghh/main.js",
                    "cwd": "../infoaghh",
                    "args": ["::1", "${infoagport}"],
                }
            },
            "webhooks": {
                "infoaghh": {"token": "abc12345", "path": "../infoaghh", "commands": "npm install\nlsc -c"}
            },
        }
    )
    assert loaded.config.processes["infoaghh"].args == ["::1", 7601]
    assert loaded.config.webhooks["infoaghh"].commands == (("npm", "install"), ("lsc", "-c"))


def test_the_example_of_the_guide_is_accepted() -> None:
    guide = (Path(__file__).parents[4] / "docs/guide/agent.md").read_text()
    example = re.search(r"```json\n(.*?)```", guide, re.DOTALL)
    assert example
    assert set(validate(example[1], "the guide").config.processes) == {"web", "mail", "shop"}


def test_an_empty_object_is_a_configuration() -> None:
    assert load({}).config == Config()


def test_args_may_be_any_json() -> None:
    for args in ({"port": 1, "deep": [None, True]}, "text", 4, None, ["a", {"b": 1.5}]):
        assert load({"processes": {"a": {"script": "x", "args": args}}}).config.processes["a"].args == args


def test_a_reference_keeps_the_type_of_its_value_and_becomes_text_within_text() -> None:
    document = {
        "env": {"n": 5, "o": {"a": 1}},
        "processes": {"a": {"script": "x", "args": ["${n}", "n=${n}", "${o}"]}},
    }
    assert load(document).config.processes["a"].args == [5, "n=5", {"a": 1}]


def test_variables_may_refer_to_each_other_in_any_order() -> None:
    document = {"env": {"a": "${b}/x", "b": "/srv"}, "processes": {"p": {"script": "${a}.sh"}}}
    assert load(document).config.processes["p"].script == "/srv/x.sh"


def test_a_doubled_dollar_means_itself() -> None:
    document = {"env": {"a": 1}, "processes": {"p": {"script": "x", "args": ["$${a}", "$a", "$$"]}}}
    assert load(document).config.processes["p"].args == ["${a}", "$a", "$$"]


def test_a_process_sees_its_own_port_by_slot_and_others_see_the_one_that_stays() -> None:
    loaded = load(
        {
            "processes": {
                "web": {"script": "x", "ports": ["auto"], "args": ["${.ports.0}", "${api.ports.0}"]},
                "api": {"script": "x", "ports": ["auto"], "args": ["${web.ports.0}"]},
            },
            "routes": {"example.org/": "${web.ports.0}"},
        }
    )
    web, api = loaded.ports["web"][0], loaded.ports["api"][0]
    assert len({web.front, web.blue, web.green, api.front, api.blue, api.green}) == 6
    assert loaded.slots["blue"].processes["web"].args == [web.blue, api.front]
    assert loaded.slots["green"].processes["web"].args == [web.green, api.front]
    assert loaded.slots["green"].processes["api"].args == [web.front]
    assert loaded.config.routes == {"example.org/": web.front}


def test_chosen_ports_stay_when_the_configuration_grows() -> None:
    before = load({"processes": {"web": {"script": "x", "ports": ["auto"]}}}).ports
    grown = {"a": {"script": "x", "ports": ["auto"]}, "web": {"script": "x", "ports": ["auto", "auto"]}}
    after = load({"processes": grown}, before=before).ports
    assert after["web"][0] == before["web"][0]


def test_chosen_ports_avoid_fixed_and_busy_ones() -> None:
    document = {
        "processes": {"a": {"script": "x", "ports": [20000]}, "b": {"script": "x", "ports": ["auto"]}}
    }
    chosen = load(document, taken={20001}).ports["b"][0]
    assert {20000, 20001}.isdisjoint({chosen.front, chosen.blue, chosen.green})


def test_a_fixed_port_may_come_from_a_variable() -> None:
    document = {
        "env": {"p": 3000},
        "processes": {"a": {"script": "x", "ports": ["${p}"]}},
        "routes": {"*/": "${a.ports.0}"},
    }
    assert load(document).config.routes == {"*/": 3000}


def test_ports_survive_being_written_and_read() -> None:
    made = load({"processes": {"a": {"script": "x", "ports": ["auto", "auto"]}}}).ports
    assert ports.from_json(json.loads(json.dumps(ports.to_json(made)))) == made
    assert ports.from_json("nonsense") == ports.from_json({"a": [{"x": 1}]}) == {}


def test_every_mistake_is_named_at_once_with_its_line() -> None:
    text = """{
      "env": {"p": "${nothing}"},
      "processes": {
        "web": {"scirpt": "x"},
        "Bad Name": {"script": "x"}
      },
      "webhooks": {"a": {"path": "x"}},
      "limits": {"cpu": "much", "memory_low": "2G", "memory_max": "1G"},
      "extra": 1
    }"""
    with pytest.raises(ManifestError) as raised:
        validate(text, "config.json")
    found = {(problem.path, problem.line) for problem in raised.value.problems}
    assert {
        ("env.p", 2),
        ("processes.web.scirpt", 4),
        ("webhooks.a.token", 7),
        ("limits.cpu", 8),
        ("extra", 9),
    } <= found
    assert any(line == 5 for _, line in found)


@pytest.mark.parametrize(
    ("document", "path", "message"),
    [
        ({"processes": {"a": {}}}, "processes.a", "either script or deployment"),
        ({"limits": {"open_files": 100}}, "limits.open_files", "for one process"),
        ({"processes": {"ci": {"script": "x"}}}, "processes.ci", "built-in service"),
        ({"processes": {"a/../b": {"script": "x"}}}, 'processes."a/../b"', "not a name"),
        ({"processes": {"a": {"script": "x", "ports": [7501]}}}, "processes.a.ports[0]", "webhook listener"),
        (
            {"metrics": {"token": TOKEN}, "processes": {"a": {"script": "x", "ports": [7502]}}},
            "processes.a.ports[0]",
            "the metrics",
        ),
        ({"metrics": {"token": TOKEN, "port": 7500}}, "metrics.port", "the dashboard"),
        ({"processes": {"a": {"script": "x", "ports": [0]}}}, "processes.a.ports[0]", "the number 0"),
        ({"processes": {"a": {"deployment": "x", "user": "u"}}}, "processes.a.user", "plain processes only"),
        ({"webhooks": {"a": {"token": "", "path": "x"}}}, "webhooks.a.token", "8 to 256"),
        ({"webhooks": {"a": {"token": TOKEN, "path": "x", "branch": "a..b"}}}, "webhooks.a.branch", "branch"),
        (
            {"webhooks": {"a": {"token": TOKEN, "path": "x", "branch": "--upload-pack=x"}}},
            "webhooks.a.branch",
            "branch",
        ),
        (
            {"webhooks": {"a": {"token": TOKEN, "path": "x", "commands": "a | b"}}},
            "webhooks.a.commands",
            "shell",
        ),
        ({"routes": {"example.org/": "web"}}, 'routes."example.org/"', "no process"),
        ({"routes": {"example.org/": "log"}}, 'routes."example.org/"', "cannot be a target"),
        ({"routes": {"example.org/../x": 80}}, 'routes."example.org/../x"', "plain path"),
        ({"monitor": {"mail": {"to": [], "sender": "a@b.org"}}}, "monitor.mail.to", "nobody"),
        ({"processes": {"a": {"script": "${b.ports.0}"}}}, "processes.a.script", "no process"),
        ({"processes": {"a": {"script": "${.ports.0}"}}}, "processes.a.script", "0 ports"),
        ({"routes": {"*/": "${.ports.0}"}}, 'routes."*/"', "within a process"),
    ],
)
def test_a_mistake_is_named_by_its_path(document: dict[str, Any], path: str, message: str) -> None:
    found = problems(document)
    assert message in found[path]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        '{"a": 1, "a": 2}',
        "nul",
        '{"a": NaN}',
        "[" * 100_000,
        '{"env": {"a": "\\ud800"}}',
        '{"env": {"a": 1e999}}',
    ],
)
def test_what_is_no_json_object_is_refused_in_a_sentence(text: str) -> None:
    assert len(problems(text)) == 1


def test_a_key_that_occurs_twice_is_refused() -> None:
    text = '{"processes": {"a": {"script": "x"},\n "a": {"script": "y"}}}'
    assert "already set (line 1)" in problems(text)["processes.a"]


def test_variables_in_a_circle_are_named() -> None:
    assert "a → b → a" in problems({"env": {"a": "${b}", "b": "${a}"}})["env.b"]


def test_the_revision_is_that_of_the_text() -> None:
    assert load({}).revision == revision("{}") != revision("{ }")


def test_a_configuration_survives_being_written_and_read() -> None:
    config = load(
        {
            "processes": {"a": {"script": "x", "ports": ["auto"], "limits": {"cpu": 1.5}}},
            "webhooks": {"a": {"token": TOKEN, "path": "x", "commands": ["a b", ["c", "d e"]]}},
            "monitor": {"sites": [{"url": "https://example.org/"}]},
            "log": {"forward": {"host": "log.example.org"}},
        }
    ).config
    assert from_json(Config, json.loads(json.dumps(to_json(config)))) == config


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)
keys = st.sampled_from(
    ["env", "processes", "webhooks", "limits", "routes", "monitor", "log", "certificates", "x"]
)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(keys, values, max_size=4))
def test_nothing_but_a_manifest_error_ever_escapes(document: dict[str, Any]) -> None:
    with contextlib.suppress(ManifestError):
        validate(json.dumps(document), "config.json")


WEB = {"web": {"script": "/a", "ports": [7000]}}


@pytest.mark.parametrize(
    ("routes", "where"),
    [
        ({"example.org/": "web", "example.org/admin": "dashboard"}, "example.org/admin"),
        ({"example.org/": "web", "*/admin": "dashboard"}, "*/admin"),
        ({"example.org/": 9000, "example.org/admin": "dashboard"}, "example.org/admin"),
        ({"dash.example.org/": "dashboard", "*/shop": "web"}, "dash.example.org/"),
    ],
)
def test_the_dashboard_shares_its_origin_with_nothing_unless_that_is_wanted(
    routes: dict[str, Any], where: str
) -> None:
    """Browsers tell scripts apart by scheme, host and port, not by path."""
    document = {"processes": WEB, "routes": routes}
    with pytest.raises(ManifestError) as raised:
        load(document)
    (problem,) = raised.value.problems
    assert problem.path == f'routes."{where}"'
    assert "shares its origin" in problem.message
    assert '"dashboard": {"shared_origin": true}' in problem.hint
    assert load({**document, "dashboard": {"shared_origin": True}})


def test_the_dashboard_has_a_name_of_its_own_beside_other_sites_and_webhooks() -> None:
    own = {"dash.example.org/": "dashboard", "*/ci": "ci", "example.org/": "web"}
    assert load({"processes": WEB, "routes": own})
    assert load({"processes": WEB, "routes": {"*/": "dashboard", "*/ci": "ci", "example.org/": "web"}})


def test_the_former_name_of_a_key_is_still_accepted() -> None:
    assert load({"monitor": {"twitch": False}}).config.monitor.restart_unresponsive is False
    assert problems({"monitor": {"twitch": 3}}).keys() == {"monitor.restart_unresponsive"}
    assert problems({"monitor": {"twitch": True, "restart_unresponsive": True}}).keys() == {"monitor.twitch"}
