"""A message centre made of PyPI smppy. Takes its wishes as one JSON argument, tells what it saw as lines of JSON,
and goes when its input ends.

It reads one PDU out of what has arrived and drops the rest, gives no message ids and so has no receipts, does not
show user data headers, and answers nothing but logins, submits, questions and goodbyes: enough for one text at a time."""

import asyncio
import json
import sys

import smppy


def say(**what):
    print(json.dumps(what), flush=True)


class Link(smppy.server.SmppProtocol):
    async def on_deliver_sm_resp(self, request):
        say(told=request.sequence_number)


class Center(smppy.Application):
    def __init__(self, wish):
        super().__init__(name="smppy")
        self.wish = wish

    async def handle_bound_client(self, client):
        say(bind={"system_id": client.system_id, "password": client.password})
        return client if client.password == self.wish["password"] else None

    async def handle_unbound_client(self, client):
        say(unbind=True)

    async def handle_sms_received(self, client, source_number, dest_number, text):
        say(submit={"to": dest_number, "from": source_number, "text": text})
        if dest_number == self.wish["answering"]:
            await client.send_sms(source=dest_number, dest=source_number, text=self.wish["answer"])


async def main():
    loop = asyncio.get_running_loop()
    center = Center(json.loads(sys.argv[1]))
    # Its own create_server wants a loop that does not run yet.
    server = await loop.create_server(lambda: Link(app=center), host="127.0.0.1", port=0)
    say(listening=server.sockets[0].getsockname()[1])
    await loop.run_in_executor(None, sys.stdin.read)


asyncio.run(main())
