// A client made of npm `smpp`: sends what its JSON argument lists, waits for all receipts and for one
// text from a phone, and says goodbye.
'use strict';

const smpp = require('smpp');

const wish = JSON.parse(process.argv[2]);
const say = (what) => process.stdout.write(`${JSON.stringify(what)}\n`);

const session = smpp.connect({ host: '127.0.0.1', port: wish.port });
session.on('error', (error) => say({ error: String(error) }));
session.on('close', () => say({ closed: true }));
session.on('enquire_link', (pdu) => session.send(pdu.response()));

// What is still to come.
let open = wish.receipts + wish.phones + wish.texts.length + (wish.ask ? 1 : 0);

function oneLess() {
  open -= 1;
  if (open === 0) {
    session.unbind((answer) => {
      say({ unbound: answer.command_status });
      session.close();
    });
  }
}

session.on('deliver_sm', (pdu) => {
  session.send(pdu.response());
  const receipt = pdu.esm_class === smpp.ESM_CLASS.MC_DELIVERY_RECEIPT;
  if (receipt) {
    const { receipted_message_id, message_state } = pdu;
    say({ receipt: { id: receipted_message_id, state: message_state, words: pdu.short_message.message } });
  } else {
    say({ phone: { from: pdu.source_addr, text: pdu.short_message.message } });
  }
  oneLess();
});

function submit({ to, message, udh, payload }) {
  const pdu = {
    source_addr: '10690000',
    destination_addr: to,
    dest_addr_ton: 1,
    dest_addr_npi: 1,
    registered_delivery: 1,
    data_coding: smpp.ENCODING.UCS2,
  };
  if (payload) pdu.message_payload = { message };
  else pdu.short_message = udh ? { udh: Buffer.from(udh, 'hex'), message } : message;
  session.submit_sm(pdu, (answer) => {
    say({ answer: { to, status: answer.command_status, id: answer.message_id } });
    oneLess();
  });
}

session.on('connect', () => {
  const { account: system_id, password } = wish;
  session.bind_transceiver({ system_id, password, interface_version: 0x34 }, (answer) => {
    const { command_status, system_id: name, sc_interface_version } = answer;
    say({ bound: { status: command_status, name, sc_interface_version } });
    if (command_status) return session.close();
    session.enquire_link((here) => say({ here: here.command_status }));
    if (wish.ask) {
      session.query_sm({ message_id: '1', source_addr: '10690000' }, (pdu) => {
        say({ query: { command: pdu.command, status: pdu.command_status } });
        oneLess();
      });
    }
    wish.texts.forEach(submit);
  });
});
