"""A client made of PyPI smpplib: sends what its JSON argument lists, waits for all receipts and one text, says goodbye."""

import json
import sys

import smpplib.client
import smpplib.consts
import smpplib.exceptions
import smpplib.gsm

# Its own constants name the acknowledgements by ESMEs only.
RECEIPT = 0x04


def say(**what):
    print(json.dumps(what), flush=True)


def main():
    wish = json.loads(sys.argv[1])
    client = smpplib.client.Client("127.0.0.1", wish["port"], timeout=15, allow_unknown_opt_params=False)
    receipts = texts = 0

    def answered(pdu):
        say(answer={"status": pdu.status, "id": pdu.message_id.decode()})

    def told(pdu):
        nonlocal receipts, texts
        if pdu.esm_class & 0x3C == RECEIPT:
            receipts += 1
            identity = pdu.receipted_message_id.decode()
            say(receipt={"id": identity, "state": pdu.message_state, "words": pdu.short_message.decode()})
        else:
            texts += 1
            say(phone={"from": pdu.source_addr.decode(), "text": pdu.short_message.decode("utf-16-be")})

    client.set_message_sent_handler(answered)
    client.set_message_received_handler(told)
    client.set_error_pdu_handler(lambda pdu: say(refused={"command": pdu.command, "status": pdu.status}))
    client.connect()
    try:
        bind = getattr(client, wish.get("bind", "bind_transceiver"))
        answer = bind(system_id=wish["account"], password=wish["password"])
    except smpplib.exceptions.PDUError as error:
        say(bound={"status": error.args[1]})
        client.disconnect()
        return
    say(bound={"status": answer.status, "name": answer.system_id.decode()})
    for text in wish["texts"]:
        parts, coding, esm_class = smpplib.gsm.make_parts(text["message"], smpplib.consts.SMPP_ENCODING_ISO10646)
        for part in parts:
            client.send_message(
                source_addr="10690000",
                dest_addr_ton=smpplib.consts.SMPP_TON_INTL,
                dest_addr_npi=smpplib.consts.SMPP_NPI_ISDN,
                destination_addr=text["to"],
                data_coding=coding,
                esm_class=esm_class,
                short_message=part,
                registered_delivery=True,
            )
    while receipts < wish["receipts"] or texts < wish["phones"]:
        client.read_once()
    answer = client.unbind()
    say(unbound=answer.status)
    client.disconnect()


main()
