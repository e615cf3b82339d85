//! Requests with several numbers, and a carrier that knows them by their keys.

use super::*;

impl World {
    /// The carrier says of each number of a request what it said the first time.
    pub(super) fn answer_request(&mut self, id: &GatewayId, link: LinkNo, first: u32, key: &Key) {
        let line = self.lines.get_mut(id).expect("a known gateway");
        let mut sequences = vec![first];
        line.written.retain(|(_, s, _)| {
            let same = self.of_request.get(&(id.clone(), *s)) == Some(key);
            if same {
                sequences.push(*s);
            }
            !same
        });
        let words: HashMap<_, _> = self.requests[key].iter().cloned().collect();
        let answers: Vec<_> = sequences
            .into_iter()
            .map(|s| {
                let message = self.members[&(id.clone(), s)];
                (s, words[&message].clone())
            })
            .collect();
        let line = self.lines.get_mut(id).expect("a known gateway");
        line.events.push_back(Event::Answered { link, answers });
    }
}

/// The carrier takes a request: a new one it decides about, one it knows it answers as before.
pub(super) fn take_request(
    dice: &mut Dice,
    answered: &mut u64,
    requests: &mut HashMap<Key, Vec<(MessageId, Answer)>>,
    wire: &mut HashMap<(MessageId, u8), Wire>,
    key: Key,
    members: &[MessageId],
    calm: bool,
) {
    if let Some(known) = requests.get(&key) {
        let before: Vec<_> = known.iter().map(|k| k.0).collect();
        assert_eq!(before, members, "{key:?} is said again with other numbers");
        return;
    }
    let mut words = Vec::new();
    for message in members {
        let before = wire.insert((*message, 0), Wire::Answered);
        assert_eq!(before, None, "{message} goes to the carrier a second time");
        let answer = match dice.below(if calm { 60 } else { 100 }) {
            0..=69 => {
                *answered += 1;
                Answer::Accepted(CarrierMessageId(format!("id{answered}")))
            }
            70..=79 => Answer::Refused("10".into()),
            80..=89 => Answer::Throttled("8".into()),
            _ => Answer::WrongNetwork("33".into()),
        };
        if matches!(answer, Answer::Throttled(_) | Answer::WrongNetwork(_)) {
            wire.remove(&(*message, 0));
        }
        words.push((*message, answer));
    }
    requests.insert(key, words);
}
