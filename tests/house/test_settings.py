"""Settings: which source wins, and what a wrong one says."""

from pathlib import Path
from typing import Any

import pytest

from shopwire.kernel.errors import SetupProblem
from shopwire.services.settings import Settings, load_settings, without_password


def write(folder: Path, text: str) -> Path:
    file = folder / "shopwire.toml"
    file.write_text(text)
    return file


def test_nothing_given_is_the_default():
    loaded = load_settings({}, environ={})
    assert loaded.settings == Settings()
    assert set(loaded.origins.values()) == {"default"}
    assert loaded.shown() == {}


def test_command_line_before_environment_before_file(tmp_path: Path):
    file = write(tmp_path, 'port = 1\nhost = "a"\nwebsocket = "asgi"\n')
    environ = {"SHOPWIRE_PORT": "2", "SHOPWIRE_HOST": "b", "SHOPWIRE_UNRELATED": "x"}
    loaded = load_settings({"port": 3, "host": None, "data": None}, file=file, environ=environ)
    assert (loaded.settings.port, loaded.settings.host) == (3, "b")
    assert loaded.settings.websocket == "asgi"
    assert loaded.origins["port"] == "command line"
    assert loaded.origins["host"] == "SHOPWIRE_HOST"
    assert loaded.origins["websocket"] == str(file)
    assert loaded.origins["data"] == "default"


def test_lists_come_by_comma_from_the_environment_and_as_lists_from_the_file(tmp_path: Path):
    environ = {"SHOPWIRE_ALLOW_HOSTS": "shop.example, www.shop.example"}
    file = write(tmp_path, 'allow_origins = ["https://other.example"]')
    settings = load_settings({"allow_hosts": ()}, file=file, environ=environ).settings
    assert settings.allow_hosts == ("shop.example", "www.shop.example")
    assert settings.allow_origins == ("https://other.example",)


def test_the_environment_names_the_file_and_its_paths_are_beside_it(tmp_path: Path):
    file = write(tmp_path, 'data = "shop"')
    loaded = load_settings({}, environ={"SHOPWIRE_CONFIG": str(file)})
    assert loaded.settings.data == tmp_path / "shop"


def test_an_empty_variable_is_none():
    assert load_settings({}, environ={"SHOPWIRE_DATABASE_URL": ""}).settings == Settings()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("prot = 1", "did you mean port"),
        ("nothing_like_it = 1", "known: data"),
        ('port = "8000"', "port of"),
        ("port = 65536", "up to 65535"),
        ("data = 7\nport", "cannot be read"),
        ('websocket = "carrier pigeon"', "websocket of"),
        ('allow_hosts = "one"', "allow_hosts of"),
    ],
)
def test_a_wrong_file_is_refused_with_the_place(tmp_path: Path, text: str, said: str):
    with pytest.raises(SetupProblem, match=said):
        load_settings({}, file=write(tmp_path, text), environ={})


def test_a_missing_or_huge_file_is_refused(tmp_path: Path):
    with pytest.raises(SetupProblem, match="cannot be read"):
        load_settings({}, file=tmp_path / "none.toml", environ={})
    with pytest.raises(SetupProblem, match="larger"):
        load_settings({}, file=write(tmp_path, "#" * 70_000), environ={})


@pytest.mark.parametrize(
    "environ", [{"SHOPWIRE_PORT": "many"}, {"SHOPWIRE_PORT": "-1"}, {"SHOPWIRE_WEBSOCKET": "x"}]
)
def test_a_wrong_variable_is_named(environ: dict[str, Any]):
    with pytest.raises(SetupProblem, match="SHOPWIRE_"):
        load_settings({}, environ=environ)


def test_passwords_are_not_shown():
    url = "postgresql://shop:secret@db.internal/shop"
    loaded = load_settings({"database_url": url}, environ={})
    assert loaded.shown() == {"database_url": "postgresql://db.internal/shop (command line)"}
    assert "secret" not in without_password("postgresql://db/shop?user=u&password=secret&x=1")
