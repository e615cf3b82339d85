"""A message centre made of PyPI smpp34, whose receipts are parameters and no words. Takes its wishes as one JSON
argument, tells what it saw as lines of JSON, and goes when its input ends.

Its library answers logins itself, and lets everybody in."""

import asyncio
import json
import os
import socket
import sys

import smpp34


def say(**what):
    print(json.dumps(what), flush=True)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


async def report(session, submit, identity, failed):
    tlvs = [
        smpp34.Tlv(smpp34.TLV_RECEIPTED_MESSAGE_ID, identity.encode() + b"\0"),
        smpp34.Tlv(smpp34.TLV_MESSAGE_STATE, bytes([5 if failed else 2])),
    ]
    answer = await session.deliver_sm(
        source_addr=submit.destination_addr,
        destination_addr=submit.source_addr,
        esm_class=4,
        tlvs=tlvs,
    )
    say(told=answer.command_status)


async def from_phone(session, phone):
    answer = await session.deliver_sm(
        source_addr=phone["from"],
        destination_addr="10690000",
        data_coding=8,
        short_message=phone["message"].encode("utf-16-be"),
    )
    say(told=answer.command_status)


async def serve(wish):
    port = free_port()
    server = smpp34.Server(host="127.0.0.1", port=port, system_id="smpp34")
    await server.start()
    say(listening=port)
    sessions, tasks, count = {}, set(), 0

    def start(work):
        task = asyncio.create_task(work)
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    while True:
        event = await server.next()
        if isinstance(event, smpp34.Esme):
            sessions[event.session_id] = event
            say(bind={"system_id": event.system_id})
            if "phone_says" in wish:
                start(from_phone(event, wish["phone_says"]))
        elif isinstance(event, smpp34.Unbound):
            say(unbind=True)
        elif any(event.destination_addr.endswith(end) for end in wish["refused"]):
            event.reject(smpp34.ESME_RINVMSGLEN)
        else:
            count += 1
            identity = f"{count:08X}"
            content = event.short_message
            head = content[0] + 1 if event.esm_class & 0x40 else 0
            say(
                submit={
                    "id": identity,
                    "to": event.destination_addr,
                    "from": event.source_addr,
                    "data_coding": event.data_coding,
                    "header": content[:head].hex(),
                    "text": content[head:].decode("utf-16-be"),
                }
            )
            event.accept(message_id=identity)
            failed = any(event.destination_addr.endswith(end) for end in wish["undeliverable"])
            start(report(sessions[event.session_id], event, identity, failed))


async def main():
    serving = asyncio.create_task(serve(json.loads(sys.argv[1])))
    ended = asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    done, _ = await asyncio.wait({serving, ended}, return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        task.result()
    serving.cancel()


asyncio.run(main())
# Its threads still run then, and now and then abort an interpreter that ends in the usual way.
os._exit(0)
