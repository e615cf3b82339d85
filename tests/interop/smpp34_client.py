"""A client made of PyPI smpp34: sends what its JSON argument lists, waits for all receipts and one text, says goodbye.

Its library takes a refused login for one without an answer."""

import asyncio
import json
import os
import sys

import smpp34


def say(**what):
    print(json.dumps(what), flush=True)


async def main():
    wish = json.loads(sys.argv[1])
    client = smpp34.Client(
        host="127.0.0.1",
        port=wish["port"],
        system_id=wish["account"],
        password=wish["password"],
        bind_type="TRX",
        connect_timeout_ms=wish.get("patience_ms", 10_000),
    )
    try:
        center = await client.connect()
    except Exception as error:
        say(bound={"status": str(error)})
        return
    say(bound={"status": 0, "name": center.system_id})

    async def submit(text):
        answer = await center.submit_sm(
            source_addr="10690000",
            destination_addr=text["to"],
            dest_addr_ton=1,
            dest_addr_npi=1,
            data_coding=8,
            esm_class=text.get("esm_class", 0),
            registered_delivery=1,
            short_message=bytes.fromhex(text["hex"]),
            tlvs=[smpp34.Tlv(tag, bytes.fromhex(value)) for tag, value in text.get("tlvs", [])],
        )
        say(answer={"to": text["to"], "status": answer.command_status, "id": answer.message_id})

    sending = asyncio.gather(*(submit(text) for text in wish["texts"]))
    receipts = texts = 0
    while receipts < wish["receipts"] or texts < wish["phones"]:
        event = await center.next()
        if isinstance(event, smpp34.Disconnected):
            say(error="disconnected")
            return
        if event.esm_class & 0x3C == 4:
            receipts += 1
            tlvs = {tlv.tag: tlv for tlv in event.tlvs}
            identity = tlvs[smpp34.TLV_RECEIPTED_MESSAGE_ID].as_string()
            state = tlvs[smpp34.TLV_MESSAGE_STATE].as_int()
            say(receipt={"id": identity, "state": state, "words": event.short_message.decode()})
        else:
            texts += 1
            say(phone={"from": event.source_addr, "text": event.short_message.decode("utf-16-be")})
    await sending
    await center.unbind()
    say(unbound=0)
    await client.stop()


asyncio.run(main())
# Its threads still run then, and now and then abort an interpreter that ends in the usual way.
os._exit(0)
