// A message centre made of npm `smpp`. Takes its wishes as one JSON argument, tells what it saw as lines
// of JSON, and goes when its input ends.
'use strict';

const readline = require('readline');
const smpp = require('smpp');

const wish = JSON.parse(process.argv[2]);
const say = (what) => process.stdout.write(`${JSON.stringify(what)}\n`);

const refusedOnce = new Set();
let lastId = 0;
let current = null;

function text(pdu) {
  const { message, udh } = pdu.short_message;
  return { text: message, header: (udh || []).map((element) => element.toString('hex')) };
}

// How the receipt tells what became of a message: in words, in parameters, or in both.
function receipt(submit, id) {
  const failed = (wish.undeliverable || []).some((end) => submit.destination_addr.endsWith(end));
  const stat = failed ? 'UNDELIV' : 'DELIVRD';
  const words =
    `id:${id} sub:001 dlvrd:00${failed ? 0 : 1} submit date:2306121000 done date:2306121001 ` +
    `stat:${stat} err:${failed ? '045' : '000'} text:`;
  const pdu = {
    source_addr: submit.destination_addr,
    destination_addr: submit.source_addr,
    esm_class: smpp.ESM_CLASS.MC_DELIVERY_RECEIPT,
    data_coding: smpp.ENCODING.ASCII,
  };
  if (wish.receipts !== 'parameters') pdu.short_message = words;
  if (wish.receipts !== 'words') {
    pdu.receipted_message_id = id;
    pdu.message_state = smpp.MESSAGE_STATE[failed ? 'UNDELIVERABLE' : 'DELIVERED'];
  }
  return pdu;
}

function deliver(session, pdu) {
  session.deliver_sm(pdu, (answer) => say({ told: answer.command_status }));
}

// A text from a phone: whole, or in one of the three ways in which long ones travel.
function fromPhone(session, { from, message, how }) {
  const one = { source_addr: from, destination_addr: '10690000', data_coding: smpp.ENCODING.UCS2 };
  if (how === 'payload') {
    deliver(session, { ...one, message_payload: { message } });
    return;
  }
  const room = 60;
  const pieces = [];
  for (let at = 0; at < message.length; at += room) pieces.push(message.slice(at, at + room));
  pieces.forEach((piece, n) => {
    if (how === 'header') {
      const udh = Buffer.from([5, 0, 3, 77, pieces.length, n + 1]);
      deliver(session, { ...one, short_message: { udh, message: piece } });
    } else if (how === 'parameters') {
      const place = {
        sar_msg_ref_num: 1234,
        sar_total_segments: pieces.length,
        sar_segment_seqnum: n + 1,
      };
      deliver(session, { ...one, ...place, short_message: piece });
    } else {
      deliver(session, { ...one, short_message: piece });
    }
  });
}

const server = smpp.createServer((session) => {
  session.on('error', (error) => say({ error: String(error) }));
  session.on('unknown', (pdu) => say({ error: `command ${pdu.command_id}` }));
  session.on('close', () => say({ closed: true }));
  session.on('bind_transceiver', (pdu) => {
    const { system_id, password, interface_version } = pdu;
    say({ bind: { system_id, password, interface_version } });
    if (system_id !== wish.account || password !== wish.password) {
      session.send(pdu.response({ command_status: smpp.ESME_RINVPASWD }), () => session.close());
      return;
    }
    session.send(pdu.response({ system_id: 'npm' }));
    current = session;
    session.enquire_link((answer) => say({ here: answer.command_status }));
    if (wish.phone_says) fromPhone(session, wish.phone_says);
  });
  session.on('submit_sm', (pdu) => {
    const to = pdu.destination_addr;
    const throttled = (wish.throttled || []).some((end) => to.endsWith(end)) && !refusedOnce.has(to);
    if (throttled) {
      refusedOnce.add(to);
      say({ throttled: to });
      session.send(pdu.response({ command_status: smpp.ESME_RTHROTTLED }));
      return;
    }
    lastId += 1;
    const id = `npm-${lastId}`;
    const { source_addr, data_coding, esm_class, registered_delivery, sequence_number } = pdu;
    say({
      submit: { id, to, from: source_addr, data_coding, esm_class, registered_delivery, sequence_number, ...text(pdu) },
    });
    session.send(pdu.response({ message_id: id }));
    setTimeout(() => deliver(session, receipt(pdu, id)), wish.receipt_after || 0);
  });
  session.on('enquire_link', (pdu) => {
    say({ asked: true });
    session.send(pdu.response());
  });
  session.on('unbind', (pdu) => {
    say({ unbind: true });
    session.send(pdu.response(), () => session.close());
  });
});

server.listen(0, '127.0.0.1', () => say({ listening: server.address().port }));

readline
  .createInterface({ input: process.stdin })
  .on('line', (line) => {
    const order = JSON.parse(line);
    if (order.phone_says) fromPhone(current, order.phone_says);
    if (order.unbind) {
      const session = current;
      session.unbind((answer) => {
        say({ unbound: answer.command_status });
        session.close();
      });
    }
  })
  .on('close', () => process.exit(0));
