"""An agent's credential is issued while the server runs, and disturbs nobody."""

import asyncio

import pytest
from callers import agent, connected
from conftest import Server

from coord.events.errors import NoServer, Refused, TokenError
from coord.services.folder import Folder
from coord.services.server.agents import issue_agent_credential
from coord.services.server.probe import log_in
from coord.services.settings import Settings


def accepted(credential: dict[str, str]) -> bool:
    return log_in(credential["url"], credential["user"], credential["password"]).accepted


def test_a_credential_works_as_soon_as_it_is_given_out(server: Server) -> None:
    credential = issue_agent_credential(server.folder, server.settings, "ada")
    assert accepted(credential)
    assert server.folder.read_json("agents", "ada.json") == credential
    assert server.folder.path("agents", "ada.json").stat().st_mode & 0o777 == 0o600
    assert credential["inbox"] == "_INBOX.ada"


def test_the_same_agent_again_gets_the_same_credential(server: Server) -> None:
    first = issue_agent_credential(server.folder, server.settings, "ada")
    assert issue_agent_credential(server.folder, server.settings, "ada") == first


def test_connections_that_stand_stay(server: Server) -> None:
    async def scene() -> None:
        ada = await agent(server, "ada")
        async with connected(server, server.credential("core")) as core, connected(server, ada) as caller:
            heard = await core.client.subscribe("cmd.main.ada.*")
            await core.client.flush()
            for name in ("bob", "carol", "dave"):
                await agent(server, name)
            await caller.client.publish("cmd.main.ada.claim", b"still here")
            assert (await heard.next_msg(2)).data == b"still here"
            assert core.lost == caller.lost == []

    asyncio.run(scene())


def test_many_at_once_all_get_theirs(server: Server) -> None:
    async def scene() -> list[dict[str, str]]:
        return await asyncio.gather(*(agent(server, f"agent-{number}") for number in range(8)))

    assert all(accepted(credential) for credential in asyncio.run(scene()))


def test_a_credential_outlives_a_restart_of_the_server(server: Server) -> None:
    credential = issue_agent_credential(server.folder, server.settings, "ada")
    server.restart()
    assert accepted(credential)


def test_after_a_move_the_credential_names_the_new_place(server: Server) -> None:
    issue_agent_credential(server.folder, server.settings, "ada")
    server.embedded.stop()
    server.folder.write_json({"port": 0}, "nats", "port.json")
    server.restart()
    credential = server.folder.read_json("agents", "ada.json")
    assert credential is not None
    assert credential["url"] == server.address.url
    assert accepted(credential)


def test_issuing_for_another_pool_moves_the_agent_there(server: Server) -> None:
    async def scene() -> tuple[bool, bool]:
        await agent(server, "ada")
        moved = Settings(data=server.settings.data, pool="other", site="elsewhere")
        ada = await asyncio.to_thread(issue_agent_credential, server.folder, moved, "ada")
        server.restart()
        async with (
            connected(server, ada) as caller,
            connected(server, server.credential("monitor")) as monitor,
        ):
            assert await monitor.may_publish("sample.local.n-1.hardware")
            return await caller.may_publish("cmd.other.ada.claim"), await caller.may_publish(
                "cmd.main.ada.claim"
            )

    assert asyncio.run(scene()) == (True, False)


@pytest.mark.parametrize("name", ["", "a.b", "~core", "a b", "ada>", "*", "a" * 65, 'x", password: "'])
def test_a_name_that_is_no_token_is_refused(server: Server, name: str) -> None:
    with pytest.raises(TokenError):
        issue_agent_credential(server.folder, server.settings, name)


def test_without_a_server_nothing_is_issued(settings: Settings) -> None:
    with pytest.raises(NoServer, match="no server runs on the data folder"):
        issue_agent_credential(Folder(settings.data), settings, "ada")


def test_after_the_server_died_nothing_is_issued(server: Server) -> None:
    server.kill()
    with pytest.raises(NoServer):
        issue_agent_credential(server.folder, server.settings, "ada")


def test_a_broken_configuration_is_found_before_the_server_reads_it(server: Server) -> None:
    configuration = server.folder.path("nats", "server.conf")
    configuration.write_text(configuration.read_text() + "\nno such thing {")
    with pytest.raises(NoServer, match=r"the server's configuration is wrong: .*line \d+"):
        issue_agent_credential(server.folder, server.settings, "ada")
    assert server.folder.read_json("agents", "ada.json") is None
    assert server.embedded.healthy()


def test_on_an_external_server_the_operator_is_told_what_to_add(settings: Settings) -> None:
    external = Settings(data=settings.data, nats="nats://127.0.0.1:4222", pool="main")
    with pytest.raises(Refused, match="its users are its operator's") as caught:
        issue_agent_credential(Folder(settings.data), external, "ada")
    assert '"cmd.main.ada.>"' in caught.value.hint
    assert '"_INBOX.ada.>"' in caught.value.hint
